// New voices from the model: by label, near a voice, between two, and bred from the ones that you choose.

import { get, post } from "./api.js";
import { addTo, targetName } from "./collections.js";
import { button, el, notify, replace, rounded, shown } from "./dom.js";
import { comparedVoices } from "./keyboard.js";
import { attempt } from "./player.js";
import { choose, known, onChoice } from "./selection.js";
import { state } from "./state.js";
import { rateSound } from "./voice.js";

const CHILDREN = 8;
const MAX_PARENTS = 8;
/** Collection of the voices that are kept: they are in no file otherwise. */
const KEPT = "Kept";

let choices = null;
/** @type {any[]} */
let made = [];
/** Sound ids of the voices that are chosen as parents. @type {Set<string>} */
const parents = new Set();
let generation = 0;
let seed = 0;
let isBusy = false;

/** @param {Element} place */
export async function showMake(place) {
  const [status, options] = (await attempt(() => Promise.all([get("status"), get("choices")]))) ?? [];
  if (!status || state.view !== "make") return;
  choices = options;
  if (status.model) {
    replace(place, el("p", { class: "empty" }, shown(status.model)));
    return;
  }
  replace(place, form(), el("section", { class: "made", "aria-label": "New voices" }));
  draw();
}

function form() {
  const select = (name, label, values) => el("label", {}, label, el("select", { name }, el("option", { value: "" }, "any"), ...values.map((value) => el("option", { value }, value))));
  const number = (name, label, value, min, max, step) => el("label", {}, label, el("input", { type: "number", name, value, min, max, step }));
  const keep = el("fieldset", { class: "parts" }, el("legend", {}, "Keep these parts of the chosen voice"), ...choices.parts.map((part) => el("label", {}, el("input", { type: "checkbox", name: "keep", value: part }), part)));
  return el(
    "form",
    { class: "order", onsubmit: (event) => event.preventDefault() },
    el("h2", {}, "Make new voices"),
    el(
      "div",
      { class: "fields" },
      select("label", "Label", choices.labels),
      select("algorithm", "Algorithm", Array.from({ length: 32 }, (_, index) => index + 1)),
      number("count", "Voices", CHILDREN, 1, 128, 1),
      number("novelty", "Novelty", 1, 0.1, 10, 0.1),
      number("temperature", "Temperature", 1, 0.05, 5, 0.05),
      number("strength", "Change, % of parameters", 15, 1, 100, 1),
      el("label", {}, "To my taste", el("input", { type: "checkbox", name: "to_taste" })),
    ),
    keep,
    el(
      "div",
      { class: "actions", role: "group", "aria-label": "Make" },
      button("New voices", (event) => make({}, event), { "data-make": "new" }),
      button("Variations of the chosen voice", () => (state.sound ? make({ like: state.sound }) : notify("Choose a voice first.", true)), { "data-make": "like" }),
      button("From A to B", () => {
        const [a, b] = comparedVoices();
        if (a && b) make({ between: [a.sound_id, b.sound_id] });
        else notify("Set A and B in the player first.", true);
      }, { "data-make": "between" }),
      button("Breed the chosen parents", breed, { "data-make": "breed" }),
    ),
    el("p", { class: "hint" }, hint()),
  );
}

function hint() {
  const chosen = known.get(state.sound);
  return chosen ? `Chosen: ${shown(chosen.name)}` : "Choose a voice in the table or on the map for variations.";
}

onChoice(() => {
  const place = document.querySelector("form.order .hint");
  if (place) place.textContent = hint();
});

function order() {
  const fields = new FormData(document.querySelector("form.order"));
  const given = (name) => (fields.get(name) === "" ? null : Number(fields.get(name)));
  return {
    label: fields.get("label") || null,
    algorithm: given("algorithm"),
    count: given("count") ?? CHILDREN,
    novelty: given("novelty") ?? 1,
    temperature: given("temperature") ?? 1,
    strength: (given("strength") ?? 15) / 100,
    keep: fields.getAll("keep"),
    to_taste: fields.has("to_taste"),
  };
}

async function make(changes) {
  if (isBusy) return;
  isBusy = true;
  const { novelty, strength, keep, ...common } = order();
  // Locks and the strength are of variations, novelty is of new voices.
  const own = changes.like || changes.parents ? { strength, keep } : changes.between ? { algorithm: null } : { novelty };
  notify("Making voices…");
  const started = performance.now();
  const found = await attempt(() => post("voices", { ...common, ...own, ...changes, seed: seed++ }));
  isBusy = false;
  if (!found) return;
  made = found.voices;
  made.forEach((voice) => known.set(voice.sound_id, voice));
  parents.clear();
  generation = changes.parents ? generation + 1 : 0;
  const rejected = Object.entries(found.rejected).map(([reason, count]) => `${count} ${reason}`);
  notify(`${made.length} voices in ${rounded((performance.now() - started) / 1000, 1)} s${rejected.length ? `; rejected: ${rejected.join(", ")}` : ""}`);
  draw();
}

function breed() {
  const chosen = [...parents];
  if (chosen.length < 2 || chosen.length > MAX_PARENTS) {
    notify(`Choose 2 to ${MAX_PARENTS} parents among the new voices.`, true);
    return;
  }
  make({ parents: chosen, count: CHILDREN });
}

function draw() {
  const place = document.querySelector("section.made");
  if (!place) return;
  if (!made.length) {
    replace(place, el("p", { class: "empty" }, "New voices appear here: play them, keep the good ones, or breed the next generation."));
    return;
  }
  replace(
    place,
    el("h3", {}, generation ? `Generation ${generation}` : "New voices"),
    button(`Add all ${made.length} to the bank`, () => addTo(targetName(), made)),
    el("ul", { class: "cards" }, ...made.map(card)),
  );
}

function card(voice) {
  const isParent = el("input", {
    type: "checkbox",
    checked: parents.has(voice.sound_id),
    onchange: (event) => (event.target.checked ? parents.add(voice.sound_id) : parents.delete(voice.sound_id)),
  });
  const facts = [
    `critic ${rounded(voice.realness, 1)}`,
    voice.nearest && `${voice.nearest.differing} parameters from ${shown(voice.nearest.name)}`,
    voice.taste !== null && voice.taste !== undefined && `taste ${rounded(voice.taste)}`,
  ].filter(Boolean);
  return el(
    "li",
    { "data-sound": voice.sound_id },
    button(shown(voice.name), () => choose(voice), { class: "name" }),
    el("p", { class: "facts" }, facts.join(" · ")),
    el("label", {}, isParent, "Parent"),
    button("Keep", () => rateSound(voice, "keep").then(() => addTo(KEPT, [voice])), { "aria-label": `Rate ${shown(voice.name)} keep` }),
    button("Add to bank", () => addTo(targetName(), [voice]), { "aria-label": `Add ${shown(voice.name)} to the bank` }),
  );
}

