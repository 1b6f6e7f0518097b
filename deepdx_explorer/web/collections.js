// Collections and banks: named lists of voices, arranged in slots, saved as .syx, sent to a synthesizer.

import { get, post, postForBytes, put, query, remove, save, upload } from "./api.js";
import { button, el, notify, redraw, shown } from "./dom.js";
import { sendToSynth } from "./keyboard.js";
import { attempt, player } from "./player.js";
import { choose } from "./selection.js";
import { change, state } from "./state.js";
import { inTurn, remember } from "./undo.js";

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

/** Show the open collection as it is on this page. */
function show() {
  const old = place.querySelector(".bank");
  if (!old) return;
  const key = old.contains(document.activeElement) ? document.activeElement.dataset.key : undefined;
  const drawn = slots();
  old.replaceWith(drawn);
  if (key) drawn.querySelector(`[data-key="${CSS.escape(key)}"]`)?.focus({ preventScroll: true });
}

function draw(listed) {
  const items = listed.map(({ name, voices, problem }) =>
    el("li", {}, button(shown(name), () => (name === state.collection ? refresh() : change({ collection: name }, { isNew: true })), { "data-key": `list:${name}`, "aria-current": name === state.collection ? "true" : null }), el("span", { class: "count" }, problem ? shown(problem) : voices)),
  );
  const name = el("input", { type: "text", maxLength: 64, placeholder: "New collection", "aria-label": "Name of a new collection" });
  const begin = (event) => {
    event.preventDefault();
    if (name.value.trim()) inTurn(() => create(name.value, []));
  };
  redraw(
    place,
    el("section", { class: "lists", "aria-label": "Collections" }, el("h2", {}, "Collections"), listed.length ? el("ul", { class: "voices" }, ...items) : el("p", { class: "empty" }, "No collection yet. Name one, or add sounds with “Add to bank”."), el("form", { onsubmit: begin }, name, el("button", { type: "submit" }, "Create")), picker(), dropZone()),
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
    inTurn(async () => {
      const { voices } = await get(`pick?${query({ count: count.value, label: label.value })}`);
      const made = await create(name.value, voices);
      notify(`${voices.length} sounds by rating and taste, no two of a family, in ${shown(made)}`);
    });
  };
  return el("form", { onsubmit: pick, "aria-label": "Choose for me" }, el("span", {}, "My best"), count, label, "as", name, el("button", { type: "submit" }, "Choose"));
}

function dropZone() {
  const input = el("input", { type: "file", onchange: () => input.files[0] && importFile(input.files[0]) });
  return el(
    "label",
    { class: "drop" },
    "Import a bank: choose a file, or drop one anywhere",
    input,
  );
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
  const rename = ({ target }) => {
    // A DX7 has printable ASCII only.
    target.value = target.value.replace(/[^ -~]/g, "?");
    edit(`name in slot ${index + 1}`, (voices) => (voices[index] = { ...voices[index], name: target.value }), { isShown: true });
  };
  const key = (name) => ({ "data-key": `slot:${index}:${name}` });
  return el(
    "li",
    {
      draggable: true,
      "data-slot": index,
      ondragstart: (event) => event.dataTransfer.setData("text/x-slot", String(index)),
      ondragover: (event) => event.preventDefault(),
      ondrop: (event) => {
        const from = event.dataTransfer.getData("text/x-slot");
        if (from === "") return; // a file
        event.preventDefault();
        event.stopPropagation();
        move(Number(from), index);
      },
    },
    button("Play", () => choose(voice), { "aria-label": `Play ${shown(voice.name)}`, ...key("play") }),
    el("input", { type: "text", value: shown(voice.name), maxLength: NAME_LENGTH, "aria-label": `Name in slot ${index + 1}`, onchange: rename, ...key("name") }),
    el("span", { class: "count" }, voice.label ?? ""),
    button("↑", () => move(index, index - 1), { disabled: index === 0, "aria-label": `Move ${shown(voice.name)} up`, ...key("up") }),
    button("↓", () => move(index, index + 1), { disabled: index === open.voices.length - 1, "aria-label": `Move ${shown(voice.name)} down`, ...key("down") }),
    button("×", () => edit(`removal of ${shown(voice.name)}`, (voices) => voices.splice(index, 1)), { "aria-label": `Remove ${shown(voice.name)}`, ...key("remove") }),
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

function move(from, to) {
  if (to < 0 || to >= open.voices.length || from === to) return;
  edit("move", (voices) => voices.splice(to, 0, ...voices.splice(from, 1)));
  place.querySelector(`[data-slot="${to}"] input`)?.focus();
}

/** Change the voices of the open collection at once, and then write them. isShown: the page shows the change already. */
function edit(label, act, { isShown = false } = {}) {
  const draft = open;
  const before = draft.voices;
  draft.voices = [...before];
  act(draft.voices);
  const after = draft.voices;
  if (!isShown) show();
  return inTurn(() => write(draft, before, after, label));
}

/**
 * Write voices, and remember how to take that back: as long as the collection is what this change left.
 * @param {any} draft @param {any[]} before @param {any[]} after @param {string} label
 */
async function write(draft, before, after, label) {
  const { name, version: known } = draft;
  const path = `collections/${encodeURIComponent(name)}`;
  try {
    const { version } = await put(path, { voices: after, version: known });
    draft.version = version;
    remember(`${label}, ${shown(name)}`, async () => {
      if (known === null) await remove(`${path}?${query({ version })}`);
      else await put(path, { voices: before, version });
    });
  } catch (error) {
    if (error.status && open === draft) await refresh();
    throw error;
  }
}

/** Read the open collection and the list again. */
async function refresh() {
  if (state.view === "collections") await showCollections(place);
}

document.addEventListener("undone", () => {
  if (state.view === "collections") showCollections(place);
});

/** Return the name of the collection that voices are added to: the one opened last, or Bank. */
export const targetName = () => (state.collection && !state.collection.includes(":") ? state.collection : DEFAULT);

/** Add voices to a collection. @param {string} target its name @param {any[]} voices */
export function addTo(target, voices) {
  return inTurn(async () => {
    let draft;
    try {
      draft = await get(`collections/${encodeURIComponent(target)}`);
    } catch (error) {
      if (!error.status) throw error;
      draft = { name: target, voices: [], version: null };
    }
    const after = [...draft.voices, ...voices];
    await write(draft, draft.voices, after, `${voices.length} added`);
    if (state.view === "collections" && state.collection === target) await refresh();
    else if (!state.collection) change({ collection: target });
    notify(`${voices.length === 1 ? shown(voices[0].name) : `${voices.length} voices`} added to ${shown(target)}: slot ${after.length}`);
  });
}

/** Write voices to a new collection under a name like the one given that is free, and open it. */
async function create(name, voices) {
  const taken = new Set((await get("collections")).map((listed) => listed.name.toLowerCase()));
  const stem = name.normalize("NFC").replace(/[^\p{L}\p{M}\p{N} _-]/gu, "-").slice(0, 60).replace(/^[ ]+|[ ]+$/g, "") || DEFAULT;
  let free = stem;
  for (let number = 2; taken.has(free.toLowerCase()); number++) free = `${stem} ${number}`;
  const { version } = await put(`collections/${encodeURIComponent(free)}`, { voices });
  remember(`${shown(free)}`, () => remove(`collections/${encodeURIComponent(free)}?${query({ version })}`));
  change({ collection: free, view: "collections" }, { isNew: true });
  return free;
}

/** Make a collection of the voices in a file. @param {File} file */
export const importFile = (file) =>
  inTurn(async () => {
    const { voices } = await upload("files", file);
    const name = await create(file.name.replace(/\.[^.]*$/, ""), voices);
    notify(`${voices.length} voices in ${shown(name)}`);
  });

function fill(size) {
  const missing = size - open.voices.length;
  if (missing <= 0) {
    notify(`There are ${open.voices.length} voices already.`);
    return;
  }
  const draft = open;
  attempt(async () => {
    const found = await get(`pick?${query({ count: missing, without: draft.voices.map((voice) => voice.sound_id) })}`);
    if (open === draft) await edit("fill", (voices) => voices.push(...found.voices));
  });
}

const copy = () => inTurn(() => create(open.name.split("/").pop().replace(/\.[^.]*$/, ""), open.voices.filter((voice) => voice.playable)));

function rename() {
  const before = open.name;
  const name = prompt("New name of the collection", before);
  if (!name || name === before) return;
  const called = (from, to) => async () => {
    await post(`collections/${encodeURIComponent(from)}/name`, { new_name: to });
    change({ collection: to });
  };
  inTurn(async () => {
    await called(before, name)();
    remember(`renaming to ${shown(name)}`, called(name, before));
  });
}

function drop() {
  const { name } = open;
  inTurn(async () => {
    const { voices } = await remove(`collections/${encodeURIComponent(name)}`);
    remember(`deletion of ${shown(name)}`, async () => {
      await put(`collections/${encodeURIComponent(name)}`, { voices });
      change({ collection: name });
    });
    change({ collection: "" });
    notify(`${shown(name)} deleted`);
  });
}
