// Collections and banks: named lists of voices, arranged in slots, saved as .syx, sent to a synthesizer.

import { ApiError, get, post, postForBytes, put, query, remove, save, upload } from "./api.js";
import { button, el, notify, replace, shown } from "./dom.js";
import { sendToSynth } from "./keyboard.js";
import { attempt, player } from "./player.js";
import { choose } from "./selection.js";
import { change, state } from "./state.js";
import { remember } from "./undo.js";

const BANK = 32;
const NAME_LENGTH = 10;
const DEFAULT = "Bank";

/** The open collection: name, version, voices; `isFound` for a bank of the corpus, which cannot be changed. @type {any} */
let open = null;
/** @type {?Element} */
let place = null;

/** Show the collections, and the open one. @param {Element} view */
export async function showCollections(view) {
  place = view;
  const listed = await attempt(() => get("collections"));
  if (!listed || state.view !== "collections") return;
  const wanted = state.collection;
  open = wanted ? await attempt(() => read(wanted)) : null;
  if (state.view !== "collections" || state.collection !== wanted) return;
  draw(listed);
}

async function read(name) {
  const [kind, sha256, offset] = name.split(":");
  if (kind === "dump") return { ...(await get(`dumps/${encodeURIComponent(sha256)}/${encodeURIComponent(offset)}`)), isFound: true };
  return get(`collections/${encodeURIComponent(name)}`);
}

function draw(listed) {
  const items = listed.map(({ name, voices, problem }) =>
    el("li", {}, button(shown(name), () => change({ collection: name }, { isNew: true }), { "aria-current": name === state.collection ? "true" : null }), el("span", { class: "count" }, problem ? shown(problem) : voices)),
  );
  const name = el("input", { type: "text", maxLength: 64, placeholder: "New collection", "aria-label": "Name of a new collection" });
  const create = (event) => {
    event.preventDefault();
    attempt(async () => {
      await put(`collections/${encodeURIComponent(name.value)}`, { voices: [] });
      change({ collection: name.value }, { isNew: true });
    });
  };
  replace(
    place,
    el("section", { class: "lists", "aria-label": "Collections" }, el("h2", {}, "Collections"), listed.length ? el("ul", { class: "voices" }, ...items) : el("p", { class: "empty" }, "No collection yet. Name one, or add sounds with “Add to bank”."), el("form", { onsubmit: create }, name, el("button", { type: "submit" }, "Create")), picker(), dropZone()),
    open ? slots() : el("p", { class: "empty" }, "Open a collection to arrange it."),
  );
}

/** Choose the best sounds by rating and taste into a new collection. */
function picker() {
  const count = el("select", { name: "count", "aria-label": "Number of sounds" }, ...[32, 64, 128].map((number) => el("option", { value: number }, number)));
  const name = el("input", { type: "text", name: "name", maxLength: 64, value: "Best", "aria-label": "Name of the collection of the best" });
  const label = el("select", { name: "label", "aria-label": "Label" }, el("option", { value: "" }, "of all labels"), ...Object.keys(player.phrases).map((value) => el("option", { value }, value)));
  const pick = (event) => {
    event.preventDefault();
    attempt(async () => {
      const { voices } = await get(`pick?${query({ count: count.value, label: label.value })}`);
      await put(`collections/${encodeURIComponent(name.value)}`, { voices });
      notify(`${voices.length} sounds by rating and taste, no two of a family, in ${shown(name.value)}`);
      change({ collection: name.value }, { isNew: true });
    });
  };
  return el("form", { onsubmit: pick, "aria-label": "Choose for me" }, el("span", {}, "My best"), count, label, "as", name, el("button", { type: "submit" }, "Choose"));
}

function dropZone() {
  const input = el("input", { type: "file", onchange: () => input.files[0] && importFile(input.files[0]) });
  return el(
    "label",
    {
      class: "drop",
      ondragover: (event) => event.preventDefault(),
      ondrop: (event) => {
        event.preventDefault();
        if (event.dataTransfer.files[0]) importFile(event.dataTransfer.files[0]);
      },
    },
    "Import a bank: choose or drop a file",
    input,
  );
}

async function importFile(file) {
  await attempt(async () => {
    const { voices } = await upload("files", file);
    const name = file.name.replace(/\.[^.]*$/, "").replace(/[^\p{L}\p{N} _-]/gu, "-").trim().slice(0, 60) || DEFAULT;
    await put(`collections/${encodeURIComponent(name)}`, { voices });
    notify(`${voices.length} voices in ${shown(name)}`);
    change({ collection: name }, { isNew: true });
  });
}

function slots() {
  const { voices, isFound } = open;
  const unreadable = isFound && open.unreadable.length ? el("p", { class: "error" }, `Slots ${open.unreadable.join(", ")} are unreadable.`) : null;
  const list = el("ol", { class: "slots", onkeydown: moveWithKeys }, ...voices.map(slot));
  return el(
    "section",
    { class: "bank", "aria-label": "Slots" },
    el("h2", {}, shown(open.name)),
    el("p", {}, `${voices.length} ${voices.length === 1 ? "voice" : "voices"}${voices.length % BANK ? `; INIT VOICE fills up to ${Math.ceil(voices.length / BANK) * BANK}` : ""}`),
    el(
      "div",
      { class: "actions", role: "group", "aria-label": "Bank" },
      button("Save .syx", () => attempt(async () => save(await bytes(), `${open.name.split("/").pop().replace(/\.[^.]*$/, "")}.syx`)), { disabled: !voices.length }),
      button("Send to synth", () => attempt(async () => sendToSynth(await bytes())), { disabled: !voices.length }),
      ...(isFound ? [button("Copy to a collection", copy)] : [button("Fill to 32", () => fill(BANK)), button("Fill to 128", () => fill(4 * BANK)), button("Rename", rename), button("Delete", drop)]),
    ),
    unreadable,
    voices.length ? list : el("p", { class: "empty" }, "Empty. Choose a sound and press B, or “Add to bank”."),
  );
}

const bytes = () => postForBytes("banks", { voices: open.voices });

function slot(voice, index) {
  if (open.isFound) return el("li", {}, button(shown(voice.name) || "(no name)", () => choose(voice)), el("span", { class: "count" }, voice.label ?? voice.verdict ?? ""));
  const rename = (event) => edit(`name in slot ${index + 1}`, (voices) => (voices[index] = { ...voices[index], name: event.target.value }));
  return el(
    "li",
    {
      draggable: true,
      "data-slot": index,
      ondragstart: (event) => event.dataTransfer.setData("text/x-slot", String(index)),
      ondragover: (event) => event.preventDefault(),
      ondrop: (event) => {
        event.preventDefault();
        const from = event.dataTransfer.getData("text/x-slot");
        if (from !== "") move(Number(from), index);
      },
    },
    button("Play", () => choose(voice), { "aria-label": `Play ${shown(voice.name)}` }),
    el("input", { type: "text", value: shown(voice.name), maxLength: NAME_LENGTH, pattern: "[ -~]*", "aria-label": `Name in slot ${index + 1}`, onchange: rename }),
    el("span", { class: "count" }, voice.label ?? ""),
    button("↑", () => move(index, index - 1), { disabled: index === 0, "aria-label": `Move ${shown(voice.name)} up` }),
    button("↓", () => move(index, index + 1), { disabled: index === open.voices.length - 1, "aria-label": `Move ${shown(voice.name)} down` }),
    button("×", () => edit(`removal of ${shown(voice.name)}`, (voices) => voices.splice(index, 1)), { "aria-label": `Remove ${shown(voice.name)}` }),
  );
}

/** Alt and the arrow keys move the slot that has the focus. */
function moveWithKeys(event) {
  const from = Number(event.target.closest("[data-slot]")?.dataset.slot ?? NaN);
  const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
  if (!event.altKey || !step || Number.isNaN(from)) return;
  event.preventDefault();
  move(from, from + step);
}

async function move(from, to) {
  if (to < 0 || to >= open.voices.length || from === to) return;
  await edit("move", (voices) => voices.splice(to, 0, ...voices.splice(from, 1)));
  place.querySelector(`[data-slot="${to}"] input`)?.focus();
}

/** The last change under way: each waits for the one before it, and builds on its result. */
let changing = Promise.resolve();

function inTurn(act) {
  changing = changing.then(() => attempt(act));
  return changing;
}

/** Change the voices of the open collection, and write it. */
const edit = (label, act) =>
  inTurn(async () => {
    const voices = [...open.voices];
    act(voices);
    await write(open.name, open, voices, label);
  });

async function write(name, before, voices, label) {
  const { version } = await put(`collections/${encodeURIComponent(name)}`, { voices, version: before.version });
  remember(`${label}, ${shown(name)}`, async () => {
    const now = await get(`collections/${encodeURIComponent(name)}`);
    await put(`collections/${encodeURIComponent(name)}`, { voices: before.voices, version: now.version });
  });
  if (open?.name === name) open = { ...before, name, voices, version };
  if (state.view === "collections") draw(await get("collections"));
}

/** Add voices to a collection, by default to the open one, or to one called Bank. @param {string} name @param {any[]} voices */
export async function addTo(name, voices) {
  const target = name && !name.includes(":") ? name : DEFAULT;
  await inTurn(async () => {
    let before;
    try {
      before = await get(`collections/${encodeURIComponent(target)}`);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      before = { name: target, voices: [], version: null };
    }
    await write(target, before, [...before.voices, ...voices], `${voices.length} added`);
    change({ collection: target });
    notify(`${voices.length === 1 ? shown(voices[0].name) : `${voices.length} voices`} added to ${shown(target)}: slot ${before.voices.length + voices.length}`);
  });
}

async function fill(size) {
  const missing = size - open.voices.length;
  if (missing <= 0) {
    notify(`There are ${open.voices.length} voices already.`);
    return;
  }
  await attempt(async () => {
    const found = await get(`pick?${query({ count: missing, without: open.voices.map((voice) => voice.sound_id) })}`);
    await edit("fill", (voices) => voices.push(...found.voices));
  });
}

async function copy() {
  await addTo(open.name.split("/").pop().replace(/\.[^.]*$/, "").replace(/[^\p{L}\p{N} _-]/gu, "-").trim().slice(0, 60) || DEFAULT, open.voices.filter((voice) => voice.playable));
}

async function rename() {
  const name = prompt("New name of the collection", open.name);
  if (!name || name === open.name) return;
  const before = open.name;
  await attempt(async () => {
    await post(`collections/${encodeURIComponent(before)}/name`, { new_name: name });
    remember(`renaming to ${shown(name)}`, () => post(`collections/${encodeURIComponent(name)}/name`, { new_name: before }));
    change({ collection: name });
  });
}

async function drop() {
  const { name } = open;
  await attempt(async () => {
    const { voices } = await remove(`collections/${encodeURIComponent(name)}`);
    remember(`deletion of ${shown(name)}`, () => put(`collections/${encodeURIComponent(name)}`, { voices }));
    change({ collection: "" });
    notify(`${shown(name)} deleted`);
  });
}
