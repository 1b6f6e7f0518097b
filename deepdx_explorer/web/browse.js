// The table of sounds: a page at a time from the server, sorted by any column, played with the arrow keys.

import { get, query } from "./api.js";
import { button, el, notify, redraw, replace, rounded, seconds, shown } from "./dom.js";
import { showFilters } from "./filters.js";
import { attempt } from "./player.js";
import { choose } from "./selection.js";
import { showRecording } from "./similar.js";
import { change, filter, state } from "./state.js";

const PAGE = 100;
const COLUMNS = [
  { key: "name", title: "Name", show: (sound) => shown(sound.name) },
  { key: "label", title: "Label", show: (sound) => sound.label ?? sound.verdict ?? "generated" },
  { key: "rating", title: "Rating", show: (sound) => (sound.rating === "none" ? "" : sound.rating) },
  { key: "algorithm", title: "Alg.", show: (sound) => sound.algorithm, numeric: true },
  { key: "files", title: "Files", show: (sound) => sound.files?.toLocaleString("en-US"), numeric: true },
  { key: "family_size", title: "Family", show: (sound) => sound.family_size, numeric: true },
  { key: "attack_seconds", title: "Attack", show: (sound) => seconds(sound.attack_seconds), numeric: true },
  { key: "decay_seconds", title: "Decay", show: (sound) => seconds(sound.decay_seconds), numeric: true },
  { key: "brightness_hz", title: "Brightness", show: (sound) => sound.brightness_hz && `${rounded(sound.brightness_hz, 0)} Hz`, numeric: true },
  { key: "loudness_db", title: "Loudness", show: (sound) => sound.loudness_db !== null && `${rounded(sound.loudness_db, 1)} dB`, numeric: true },
  { key: "confidence", title: "Sure", show: (sound) => sound.confidence !== null && `${rounded(sound.confidence * 100, 0)} %`, numeric: true },
  { key: "taste", title: "Taste", show: (sound) => rounded(sound.taste, 2), numeric: true },
  { key: "realness", title: "Critic", show: (sound) => rounded(sound.realness, 1), numeric: true },
];

let running = new AbortController();
/** @type {any[]} */
let sounds = [];

/** Show the page of sounds that the address describes. @param {Element} place @param {Element} filters */
export async function showBrowse(place, filters) {
  running.abort();
  running = new AbortController();
  const { sort, descending, offset } = state;
  const path = `sounds?${query({ ...filter(), sort, descending, offset, limit: PAGE })}`;
  const found = await attempt(() => get(path, running.signal));
  if (!found || state.view !== "browse") return;
  sounds = found.sounds;
  showFilters(filters, found.facets);
  const first = Number(offset);
  const counted = `${found.total.toLocaleString("en-US")} ${found.total === 1 ? "sound" : "sounds"}`;
  if (!found.total) {
    replace(place, el("p", { class: "empty" }, "No sound matches. Remove a filter or a word."));
    return;
  }
  const table = place.querySelector("table.sounds") ?? frame(place);
  if (table.dataset.page !== path) table.closest(".scroll").scrollTop = 0;
  table.dataset.page = path;
  redraw(table.tHead, el("tr", {}, ...COLUMNS.map(heading)));
  redraw(table.tBodies[0], ...sounds.map(row));
  const turn = (step) => change({ offset: String(Math.max(first + step, 0)) }, { isNew: true });
  redraw(
    place.querySelector(".pages"),
    el("span", { role: "status" }, `${counted}${found.total > PAGE ? `, ${first + 1} to ${Math.min(first + PAGE, found.total)}` : ""}`),
    button("Previous", () => turn(-PAGE), { disabled: first === 0, "data-key": "previous" }),
    button("Next", () => turn(PAGE), { disabled: first + PAGE >= found.total, "data-key": "next" }),
    el("label", { class: "file" }, "Find by recording", el("input", { type: "file", accept: "audio/*", class: "hidden", onchange: (event) => event.target.files[0] && showRecording(event.target.files[0]) })),
    button("Rate next", rateNext, { title: "The sound whose rating tells most about your taste" }),
  );
}

async function rateNext() {
  const found = await attempt(() => get("taste"));
  if (!found) return;
  const agreement = found.agreement === null ? "" : `; predicted tastes agree with them by ${rounded(found.agreement)}`;
  notify(`${found.ratings} ${found.ratings === 1 ? "rating" : "ratings"}${agreement}. Rate this one: keys 1 to 4.`);
  if (found.next.length) choose(found.next[0]);
}

function frame(place) {
  const table = el("table", { class: "sounds" }, el("caption", { class: "hidden" }, "Sounds. Arrow keys choose and play."), el("thead"), el("tbody", { onkeydown: step }));
  replace(place, el("section", { class: "found", "aria-label": "Sounds like the recording" }), el("div", { class: "pages" }), el("div", { class: "scroll" }, table));
  return table;
}

function heading({ key, title, numeric }) {
  const isSorted = state.sort === key;
  const isDescending = state.descending === "true";
  const sort = () => change({ sort: key, descending: String(isSorted ? !isDescending : Boolean(numeric) || key === "rating"), offset: "0" });
  return el(
    "th",
    { scope: "col", class: `${key}${numeric ? " number" : ""}`, "aria-sort": isSorted ? (isDescending ? "descending" : "ascending") : "none" },
    button(title, sort, { class: "sort", "data-key": `sort:${key}` }),
  );
}

function row(sound, index) {
  const isChosen = sound.sound_id === state.sound;
  const cells = COLUMNS.map(({ key, show, numeric }, column) => {
    const properties = { class: `${key}${numeric ? " number" : ""}` };
    if (column) return el("td", properties, show(sound) || "");
    return el("th", { ...properties, scope: "row" }, button(show(sound) || "(no name)", () => select(index), { class: "name", "aria-current": isChosen ? "true" : null, "data-sound": sound.sound_id, "data-key": `sound:${sound.sound_id}`, tabIndex: isChosen || (index === 0 && !sounds.some((one) => one.sound_id === state.sound)) ? 0 : -1 }));
  });
  return el("tr", { "data-index": index, class: isChosen ? "chosen" : "", onclick: (event) => event.target.closest("button") || select(index) }, ...cells);
}

function select(index, isPassing = false) {
  const sound = sounds[index];
  document.querySelectorAll("table.sounds tr.chosen").forEach((one) => {
    one.classList.remove("chosen");
    one.querySelector("button.name").removeAttribute("aria-current");
    one.querySelector("button.name").tabIndex = -1;
  });
  const chosen = document.querySelector(`table.sounds tr[data-index="${index}"]`);
  chosen.classList.add("chosen");
  const name = chosen.querySelector("button.name");
  name.setAttribute("aria-current", "true");
  name.tabIndex = 0;
  name.focus({ preventScroll: true });
  chosen.scrollIntoView({ block: "nearest" });
  choose(sound, { isPassing });
}

function step(event) {
  const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10, Home: -PAGE, End: PAGE };
  if (!(event.key in steps) || event.ctrlKey || event.metaKey || event.altKey) return;
  const from = Number(event.target.closest("tr")?.dataset.index ?? 0);
  event.preventDefault();
  select(Math.min(Math.max(from + steps[event.key], 0), sounds.length - 1), true);
}
