// The map: every sound a point, near to sounds that sound alike. Points are drawn pixel by pixel, which takes some
// milliseconds for 100,000 without a graphics card; a grid finds the nearest.

import { get, query } from "./api.js";
import { addTo, targetName } from "./collections.js";
import { button, el, notify, replace, shown } from "./dom.js";
import { attempt } from "./player.js";
import { choose } from "./selection.js";
import { change, filter, state } from "./state.js";

// Okabe and Ito's colors, which most people with color blindness can tell apart, and three more.
const COLORS = ["#e69f00", "#56b4e9", "#009e73", "#f0e442", "#0072b2", "#d55e00", "#cc79a7", "#999999", "#9467bd", "#8c564b"];
const FADED = pixel("#808080", 70);
const CELLS = 128;
const REACH = 14; // pixels around the pointer

/** Return a color as a pixel of an ImageData, read as a 32-bit number. */
function pixel(color, alpha = 255) {
  const [red, green, blue] = [1, 3, 5].map((start) => parseInt(color.slice(start, start + 2), 16));
  return ((alpha << 24) | (blue << 16) | (green << 8) | red) >>> 0;
}

/** @type {any} */
let points = null;
/** @type {any} */
let drawn = null;

/** Show the map, with the sounds that match the filter in color. @param {Element} place @param {Element} filters */
export async function showMap(place, filters) {
  replace(filters);
  const found = await attempt(async () => (points?.version === (await get("status")).version ? points : prepare(await get("map"))));
  if (!found || state.view !== "map") return;
  points = found;
  if (!points.ids.length) {
    replace(place, el("p", { class: "empty" }, "No sound has a place on the map: places need rendered audio. Run `deepdx run`, without `--without audio`."));
    return;
  }
  if (!drawn || !place.contains(drawn.canvas)) frame(place);
  await showMatches();
}

/** Find which sounds match the filter, and draw. */
export async function showMatches() {
  const found = await attempt(() => get(`matches?${query(filter())}`));
  if (!found || !drawn || state.view !== "map") return;
  if (found.version !== points.version) {
    // A run has changed the corpus: other sounds have these row numbers.
    await showMap(document.getElementById("view"), document.getElementById("filters"));
    return;
  }
  const isShown = new Uint8Array(points.ids.length);
  for (const row of found.rows) if (points.place.has(row)) isShown[points.place.get(row)] = 1;
  drawn.isShown = isShown;
  drawn.count.textContent = `${isShown.reduce((sum, one) => sum + one, 0).toLocaleString("en-US")} of ${points.ids.length.toLocaleString("en-US")} sounds`;
  paint();
}

function prepare(found) {
  const { x, y } = found;
  const grid = Array.from({ length: CELLS * CELLS }, () => []);
  const bounds = { left: Infinity, right: -Infinity, bottom: Infinity, top: -Infinity };
  for (let index = 0; index < x.length; index++) {
    bounds.left = Math.min(bounds.left, x[index]);
    bounds.right = Math.max(bounds.right, x[index]);
    bounds.bottom = Math.min(bounds.bottom, y[index]);
    bounds.top = Math.max(bounds.top, y[index]);
  }
  const width = bounds.right - bounds.left || 1;
  const height = bounds.top - bounds.bottom || 1;
  const cell = (px, py) => [clamp(Math.floor(((px - bounds.left) / width) * CELLS)), clamp(Math.floor(((py - bounds.bottom) / height) * CELLS))];
  const places = new Float32Array(2 * x.length);
  for (let index = 0; index < x.length; index++) {
    places[2 * index] = x[index];
    places[2 * index + 1] = y[index];
    const [column, row] = cell(x[index], y[index]);
    grid[row * CELLS + column].push(index);
  }
  const place = new Map(found.rows.map((row, index) => [row, index]));
  return { ...found, places, grid, bounds, cell, place, index: new Map(found.ids.map((id, index) => [id, index])) };
}

const clamp = (number) => Math.min(Math.max(number, 0), CELLS - 1);

function frame(view) {
  const canvas = el("canvas", { tabIndex: 0, role: "application", "aria-label": "Map of sounds. Arrow keys go to the nearest sound in a direction and play it; plus and minus zoom.", "aria-describedby": "map-status" });
  const color = el("select", { "aria-label": "Color", onchange: (event) => change({ color: event.target.value }) }, ...Object.keys(points.colors).map((name) => el("option", { value: name }, name)));
  color.value = colorName();
  const count = el("span", { class: "count" });
  const selection = el("span", { class: "selection", role: "status" });
  const status = el("p", { id: "map-status", role: "status" });
  const legend = el("ul", { class: "legend" });
  replace(view, el("div", { class: "pages" }, el("label", {}, "Color ", color), button("+", () => zoom(1.5), { "aria-label": "Zoom in" }), button("−", () => zoom(1 / 1.5), { "aria-label": "Zoom out" }), button("Show all", () => home()), count, selection, el("small", {}, "Drag to move, wheel to zoom, Shift and drag to select")), el("div", { class: "map" }, canvas, el("canvas", { class: "lasso" })), legend, status);
  drawn = { canvas, color, count, selection, status, legend, marks: view.querySelector("canvas.lasso"), isShown: new Uint8Array(points.ids.length).fill(1), pixels: new Uint32Array(points.ids.length), center: [0, 0], zoom: 1, hovered: -1, frames: 0 };
  home();
  listen();
  new ResizeObserver(() => draw()).observe(canvas);
}

const colorName = () => (Object.hasOwn(points.colors, state.color) ? state.color : "label");

/** Give each point its color, and draw. */
function paint() {
  const { values, codes } = points.colors[colorName()];
  const pixels = COLORS.map((color) => pixel(color));
  // The last color stands for all rarer values.
  drawn.pixels = Uint32Array.from(codes, (code) => pixels[Math.min(code, COLORS.length - 1)]);
  const named = values.slice(0, COLORS.length - (values.length > COLORS.length ? 1 : 0));
  if (values.length > COLORS.length) named.push(`${values.length - COLORS.length + 1} others`);
  replace(drawn.legend, ...named.map((value, index) => {
    const mark = el("span", { class: "mark" });
    mark.style.background = COLORS[index];
    return el("li", {}, mark, shown(value));
  }));
  draw();
}

function home() {
  const { left, right, bottom, top } = points.bounds;
  drawn.center = [(left + right) / 2, (bottom + top) / 2];
  drawn.zoom = 1.9 / Math.max(right - left, top - bottom, 1e-6);
  draw();
}

/** Scale from the map to the screen, by axis: pixels are square. */
function scale() {
  const { clientWidth: width, clientHeight: height } = drawn.canvas;
  const shorter = Math.min(width, height);
  return [(drawn.zoom * shorter) / width, (drawn.zoom * shorter) / height];
}

let isWaiting = false;

function draw() {
  if (isWaiting) return;
  isWaiting = true;
  requestAnimationFrame(() => {
    isWaiting = false;
    const { canvas } = drawn;
    const [width, height] = [canvas.clientWidth, canvas.clientHeight].map((size) => Math.max(Math.round(size * devicePixelRatio), 1));
    for (const one of [canvas, drawn.marks]) {
      if (one.width !== width || one.height !== height) Object.assign(one, { width, height });
    }
    const image = new ImageData(width, height);
    const radius = Math.min(Math.max(1.5 * Math.sqrt(drawn.zoom), 1.2), 7) * devicePixelRatio;
    drawPoints(new Uint32Array(image.data.buffer), width, height, 0, Math.max(radius / 2, 0.5), FADED);
    drawPoints(new Uint32Array(image.data.buffer), width, height, 1, radius);
    canvas.getContext("2d").putImageData(image, 0, 0);
    drawMarks();
    drawn.frames += 1;
    canvas.dataset.frames = String(drawn.frames);
  });
}

/** Draw the points that match the filter, or those that do not, as disks. */
function drawPoints(pixels, width, height, isShown, radius, color = 0) {
  const [sx, sy] = scale();
  const [cx, cy] = drawn.center;
  const { places } = points;
  const reach = Math.floor(radius);
  // Half of the width of the disk in each of its rows.
  const halves = Array.from({ length: 2 * reach + 1 }, (_, row) => Math.floor(Math.sqrt(radius ** 2 - (row - reach) ** 2)));
  for (let index = 0; index < drawn.isShown.length; index++) {
    if (drawn.isShown[index] !== isShown) continue;
    const x = Math.round(((places[2 * index] - cx) * sx * 0.5 + 0.5) * width);
    const y = Math.round((0.5 - (places[2 * index + 1] - cy) * sy * 0.5) * height);
    if (x < reach || y < reach || x >= width - reach || y >= height - reach) continue;
    const value = color || drawn.pixels[index];
    for (let row = -reach; row <= reach; row++) {
      const half = halves[row + reach];
      const middle = (y + row) * width + x;
      for (let at = middle - half; at <= middle + half; at++) pixels[at] = value;
    }
  }
}

function drawMarks() {
  const context = drawn.marks.getContext("2d");
  const ratio = devicePixelRatio;
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, drawn.marks.width, drawn.marks.height);
  context.strokeStyle = getComputedStyle(drawn.canvas).color;
  context.lineWidth = 2;
  const chosen = points.index.get(state.sound) ?? -1;
  for (const index of new Set([chosen, drawn.hovered])) {
    if (index < 0) continue;
    const [x, y] = toScreen(index);
    context.beginPath();
    context.arc(x, y, index === chosen ? 9 : 6, 0, 2 * Math.PI);
    context.stroke();
  }
  if (drawn.outline?.length > 1) {
    context.beginPath();
    drawn.outline.forEach(([x, y], index) => context[index ? "lineTo" : "moveTo"](x, y));
    context.closePath();
    context.stroke();
  }
}

function toScreen(index) {
  const [sx, sy] = scale();
  const { clientWidth: width, clientHeight: height } = drawn.canvas;
  return [
    ((points.places[2 * index] - drawn.center[0]) * sx * 0.5 + 0.5) * width,
    (0.5 - (points.places[2 * index + 1] - drawn.center[1]) * sy * 0.5) * height,
  ];
}

function toMap(x, y) {
  const [sx, sy] = scale();
  const { clientWidth: width, clientHeight: height } = drawn.canvas;
  return [((x / width) * 2 - 1) / sx + drawn.center[0], (1 - (y / height) * 2) / sy + drawn.center[1]];
}

/** Return the shown point nearest to a place of the screen, -1 if none is in reach. */
function nearest(x, y) {
  const [left, top] = points.cell(...toMap(x - REACH, y - REACH));
  const [right, bottom] = points.cell(...toMap(x + REACH, y + REACH));
  let best = -1;
  let shortest = REACH ** 2;
  for (let row = Math.min(top, bottom); row <= Math.max(top, bottom); row++) {
    for (let column = left; column <= right; column++) {
      for (const index of points.grid[row * CELLS + column]) {
        if (!drawn.isShown[index]) continue;
        const [px, py] = toScreen(index);
        const distance = (px - x) ** 2 + (py - y) ** 2;
        if (distance < shortest) [best, shortest] = [index, distance];
      }
    }
  }
  return best;
}

async function pick(index, isPassing = false) {
  if (index < 0) return;
  const voice = await attempt(() => get(`sounds/${points.ids[index]}/voice`));
  if (voice) choose(voice, { isPassing });
  draw();
}

let waiting = 0;

function hover(x, y) {
  const index = nearest(x, y);
  if (index === drawn.hovered) return;
  drawn.hovered = index;
  drawn.canvas.style.cursor = index < 0 ? "grab" : "pointer";
  clearTimeout(waiting);
  draw();
  if (index < 0) return;
  drawn.status.textContent = `${shown(points.names[index])}`;
  // A pointer that rests hears; one that passes does not.
  waiting = setTimeout(() => pick(index, true), 120);
}

function listen() {
  const { canvas } = drawn;
  let from = null;
  const at = (event) => [event.offsetX, event.offsetY];
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    zoom(Math.exp(-event.deltaY * 0.0015), ...at(event));
  }, { passive: false });
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    from = { at: at(event), center: [...drawn.center], isMoved: false };
    drawn.outline = event.shiftKey ? [at(event)] : null;
  });
  canvas.addEventListener("pointermove", (event) => {
    const [x, y] = at(event);
    if (!from) {
      hover(x, y);
      return;
    }
    from.isMoved ||= Math.hypot(x - from.at[0], y - from.at[1]) > 3;
    if (drawn.outline) drawn.outline.push([x, y]);
    else {
      const [sx, sy] = scale();
      drawn.center = [from.center[0] - (((x - from.at[0]) / canvas.clientWidth) * 2) / sx, from.center[1] + (((y - from.at[1]) / canvas.clientHeight) * 2) / sy];
    }
    draw();
  });
  canvas.addEventListener("pointerup", (event) => {
    if (drawn.outline?.length > 2) select(drawn.outline);
    else if (from && !from.isMoved) pick(nearest(...at(event)));
    from = drawn.outline = null;
    draw();
  });
  canvas.addEventListener("keydown", (event) => {
    const directions = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    if (event.key === "+" || event.key === "=") zoom(1.3);
    else if (event.key === "-") zoom(1 / 1.3);
    else if (event.key in directions) goTo(directions[event.key]);
    else return;
    event.preventDefault();
  });
}

function zoom(factor, x = drawn.canvas.clientWidth / 2, y = drawn.canvas.clientHeight / 2) {
  const [mx, my] = toMap(x, y);
  const smallest = 0.5 / Math.max(points.bounds.right - points.bounds.left, 1e-6);
  drawn.zoom = Math.min(Math.max(drawn.zoom * factor, smallest), smallest * 4000);
  const [nx, ny] = toMap(x, y);
  drawn.center = [drawn.center[0] + mx - nx, drawn.center[1] + my - ny];
  draw();
}

/** Go to the nearest shown sound in a direction, and play it. */
function goTo([dx, dy]) {
  const start = points.index.get(state.sound);
  const [x, y] = start === undefined ? [drawn.canvas.clientWidth / 2, drawn.canvas.clientHeight / 2] : toScreen(start);
  let best = -1;
  let shortest = Infinity;
  for (let index = 0; index < points.ids.length; index++) {
    if (!drawn.isShown[index] || index === start) continue;
    const [px, py] = toScreen(index);
    const along = (px - x) * dx + (py - y) * dy;
    const across = Math.abs((px - x) * dy) + Math.abs((py - y) * dx);
    if (along <= 0 || across > along) continue;
    const distance = along + 2 * across;
    if (distance < shortest) [best, shortest] = [index, distance];
  }
  if (best < 0) return;
  const [px, py] = toScreen(best);
  const { clientWidth: width, clientHeight: height } = drawn.canvas;
  if (px < 0 || py < 0 || px > width || py > height) drawn.center = [points.places[2 * best], points.places[2 * best + 1]];
  drawn.status.textContent = shown(points.names[best]);
  pick(best, true);
}

/** Offer the sounds inside of an outline for a bank. */
async function select(outline) {
  const isInside = (x, y) => {
    let inside = false;
    for (let i = 0, j = outline.length - 1; i < outline.length; j = i++) {
      const [xi, yi] = outline[i];
      const [xj, yj] = outline[j];
      if (yi > y !== yj > y && x < ((xj - xi) * (y - yi)) / (yj - yi) + xi) inside = !inside;
    }
    return inside;
  };
  const inside = points.ids.map((_, index) => index).filter((index) => drawn.isShown[index] && isInside(...toScreen(index)));
  const most = 128;
  replace(drawn.selection, `${inside.length} sounds selected`, inside.length ? button(`Add ${Math.min(inside.length, most)} to the bank`, add) : null);
  async function add() {
    const chosen = inside.slice(0, most).map((index) => points.ids[index]);
    const voices = await attempt(() => Promise.all(chosen.map((id) => get(`sounds/${id}/voice`))));
    if (voices) await addTo(targetName(), voices);
    else notify("Nothing was added.", true);
  }
}

/** Draw again, after another color or sound was chosen. */
export const redrawMap = () => drawn && points?.ids.length && paint();
