// Drawings of a voice as SVG: its algorithm, its envelopes, and its loudness over time.

import { el, rounded, seconds, svg } from "./dom.js";

const BOX = { width: 54, height: 40, gapX: 14, gapY: 22 };

/**
 * Draw an algorithm as on the panel of the DX7: carriers at the bottom, modulators above, feedback as a loop. The fill
 * of an operator is its output level.
 * @param {{ number: number, carriers: number[], modulations: number[][], feedback: number[] }} algorithm
 * @param {{ operator: number, output_level: number, mode: string, ratio: ?number, hz: ?number }[]} operators
 * @param {number} feedback 0 to 7
 */
export function drawAlgorithm(algorithm, operators, feedback) {
  const places = placeOperators(algorithm);
  const columns = Math.max(...[...places.values()].map(({ x }) => x)) + 1;
  const rows = Math.max(...[...places.values()].map(({ y }) => y)) + 1;
  const width = columns * (BOX.width + BOX.gapX) + 16;
  const height = rows * (BOX.height + BOX.gapY) + 8;
  const left = (x) => 4 + x * (BOX.width + BOX.gapX);
  const top = (y) => 12 + (rows - 1 - y) * (BOX.height + BOX.gapY);
  const lines = algorithm.modulations.map(([modulator, modulated]) => {
    const from = places.get(modulator);
    const to = places.get(modulated);
    return svg("line", {
      x1: left(from.x) + BOX.width / 2,
      y1: top(from.y) + BOX.height,
      x2: left(to.x) + BOX.width / 2,
      y2: top(to.y),
    });
  });
  const [source, target] = algorithm.feedback;
  const from = places.get(source);
  const to = places.get(target);
  const right = left(from.x) + BOX.width;
  const loop = `M ${left(from.x) + BOX.width / 2} ${top(from.y) + BOX.height} v 7 H ${right + 7} V ${top(to.y) - 7} H ${left(to.x) + BOX.width / 2} v 7`;
  const boxes = operators.map((operator) => {
    const { x, y } = places.get(operator.operator);
    const level = (operator.output_level / 99) * BOX.height;
    const frequency = operator.mode === "fixed" ? `${rounded(operator.hz)} Hz` : `×${rounded(operator.ratio)}`;
    const isCarrier = algorithm.carriers.includes(operator.operator);
    return svg(
      "g",
      { class: isCarrier ? "carrier" : "modulator", transform: `translate(${left(x)} ${top(y)})` },
      svg("rect", { width: BOX.width, height: BOX.height, rx: 4 }),
      svg("rect", { class: "level", y: BOX.height - level, width: BOX.width, height: level, rx: 4 }),
      svg("text", { x: BOX.width / 2, y: 17, class: "number" }, operator.operator),
      svg("text", { x: BOX.width / 2, y: 33 }, frequency),
    );
  });
  const label = `Algorithm ${algorithm.number}: carriers ${algorithm.carriers.join(", ")}; ${algorithm.modulations
    .map(([modulator, modulated]) => `${modulator} modulates ${modulated}`)
    .join(", ")}; feedback ${feedback} at operator ${source}`;
  return svg(
    "svg",
    { class: "algorithm", viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label },
    ...lines,
    feedback > 0 && svg("path", { d: loop, class: "feedback" }),
    ...boxes,
  );
}

/** Return the column and row of each operator, rows from the carriers up. */
function placeOperators({ carriers, modulations }) {
  const places = new Map();
  let next = 0;
  // Depth first: a modulator stands above the operator that it modulates, and the next one beside it.
  const place = (operator, y) => {
    const above = modulations.filter(([, modulated]) => modulated === operator).map(([modulator]) => modulator);
    const free = above.filter((modulator) => !places.has(modulator));
    const first = next;
    places.set(operator, { x: 0, y });
    for (const modulator of free) place(modulator, y + 1);
    const xs = free.map((modulator) => places.get(modulator).x);
    if (!xs.length) next += 1;
    places.set(operator, { x: xs.length ? (Math.min(...xs) + Math.max(...xs)) / 2 : first, y });
  };
  for (const carrier of carriers) place(carrier, 0);
  // An operator that modulates several stands between them.
  for (const [modulator] of modulations) {
    const below = modulations.filter(([one]) => one === modulator).map(([, modulated]) => places.get(modulated));
    if (below.length > 1) {
      const y = Math.max(...below.map((at) => at.y)) + 1;
      places.set(modulator, { x: below.reduce((sum, at) => sum + at.x, 0) / below.length, y });
    }
  }
  return places;
}

const ENVELOPE = { width: 300, height: 60, keyUp: 0.62 };

/**
 * Draw an envelope over time. Times before and after key-up have their own scales, each as long as it takes.
 * @param {number[]} levels four levels: level 4 is where it starts and ends
 * @param {number[]} times seconds of the four stages
 * @param {{ low: number, high: number, name: string, unit: string }} options range of the levels
 */
export function drawEnvelope(levels, times, { low, high, name, unit }) {
  const { width, height, keyUp } = ENVELOPE;
  const before = Math.max(times[0] + times[1] + times[2], 1e-3);
  const x = (time) => (time / before) * width * keyUp * 0.85;
  const y = (level) => height - 2 - ((level - low) / (high - low)) * (height - 4);
  const [first, second, third, fourth] = levels;
  const up = width * keyUp;
  const points = [
    [0, y(fourth)],
    [x(times[0]), y(first)],
    [x(times[0] + times[1]), y(second)],
    [x(before), y(third)],
    [up, y(third)],
    [width - 4, y(fourth)],
  ];
  const label = `${name}: from ${fourth} to ${first}${unit} in ${seconds(times[0])}, ${second}${unit} in ${seconds(times[1])}, ${third}${unit} in ${seconds(times[2])}; after key-up to ${fourth}${unit} in ${seconds(times[3])}`;
  return svg(
    "svg",
    { class: "envelope", viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label, preserveAspectRatio: "none" },
    svg("line", { class: "axis", x1: up, x2: up, y1: 0, y2: height }),
    low < 0 && svg("line", { class: "axis", x1: 0, x2: width, y1: y(0), y2: y(0) }),
    svg("polyline", { points: points.map((point) => point.map((value) => value.toFixed(1)).join(",")).join(" ") }),
    svg("title", {}, label),
  );
}

/** Draw how loud middle C is over time. @param {{ levels_db: number[], held_seconds: number, frame_seconds: number }} contour */
export function drawContour({ levels_db: levels, held_seconds: held, frame_seconds: frame }) {
  const { width, height } = ENVELOPE;
  const step = width / Math.max(levels.length - 1, 1);
  const points = levels.map((level, index) => `${(index * step).toFixed(1)},${(2 - (level / 60) * (height - 4)).toFixed(1)}`);
  const up = (held / frame) * step;
  const label = `Loudness of middle C over ${rounded(levels.length * frame, 0)} s, key-up after ${held} s`;
  return svg(
    "svg",
    { class: "envelope", viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label, preserveAspectRatio: "none" },
    svg("line", { class: "axis", x1: up, x2: up, y1: 0, y2: height }),
    svg("polyline", { points: points.join(" ") }),
    svg("title", {}, label),
  );
}

const STAGES = [1, 2, 3, 4];

/** Return a picture with its caption. @param {string} caption @param {Element} picture */
export const figure = (caption, picture, role = "") => el("figure", { class: role }, picture, el("figcaption", {}, caption));

/** Draw the envelopes of all operators, and that of the pitch. @param {any} voice a sheet */
export function drawEnvelopes({ operators, globals }) {
  const ofOperators = operators.map((operator) => {
    const name = `Operator ${operator.operator}, ${operator.role}`;
    const [levels, times] = ["level", "seconds"].map((part) => STAGES.map((stage) => operator[`eg_${part}_${stage}`]));
    return figure(name, drawEnvelope(levels, times, { low: 0, high: 99, name, unit: "" }), operator.role);
  });
  const [levels, times] = ["semitones", "seconds"].map((part) => STAGES.map((stage) => globals[`pitch_eg_${part}_${stage}`]));
  const pitch = drawEnvelope(levels, times, { low: -48, high: 48, name: "Pitch envelope", unit: " semitones" });
  return el("div", { class: "envelopes" }, ...ofOperators, figure("Pitch", pitch));
}
