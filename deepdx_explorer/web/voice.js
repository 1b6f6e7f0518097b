// The sheet of the chosen voice: ratings, routing, envelopes, measures, evidence, and the sounds beside it.

import { get, put, query } from "./api.js";
import { addTo, targetName } from "./collections.js";
import { button, el, notify, redraw, replace, rounded, seconds, shown } from "./dom.js";
import { drawAlgorithm, drawContour, drawEnvelopes, figure } from "./drawing.js";
import { fromHex } from "./hex.js";
import { sendToSynth } from "./keyboard.js";
import { singleDump } from "./midi.js";
import { attempt, player } from "./player.js";
import { chooseById } from "./selection.js";
import { showSimilar } from "./similar.js";
import { change, state } from "./state.js";
import { inTurn, remember } from "./undo.js";

/** Choices that the server knows: labels, categories, verdicts, ratings. @type {Promise<any>} */
let choices;
let running = new AbortController();

/** @param {Element} place @param {string} soundId */
export async function showVoice(place, soundId) {
  running.abort();
  running = new AbortController();
  const { signal } = running;
  if (!soundId) {
    replace(place, el("p", { class: "empty" }, "Choose a sound to hear and see it."));
    return;
  }
  choices ??= get("choices");
  const sheet = await attempt(() => get(`sounds/${soundId}`, signal));
  if (signal.aborted) return;
  if (!sheet) {
    replace(place, el("p", { class: "empty" }, "This voice is not there any more."));
    return;
  }
  const voice = { ...sheet.row, ...sheet };
  const evidence = el("section", { class: "evidence", "aria-label": "Evidence" });
  const similar = el("section", { class: "similar", "aria-label": "Similar sounds" });
  redraw(
    place,
    el("h2", {}, shown(voice.name) || "(no name)"),
    el("p", { class: "summary" }, summary(voice)),
    actions(voice),
    await keeping(voice),
    ...(voice.playable ? pictures(voice) : [el("p", { class: "error" }, "Parameters out of range: no DX7 plays this voice as it is.")]),
    similar,
    evidence,
  );
  if (voice.playable) showSimilar(similar, voice, "ear", signal);
  const known = await attempt(() => get(`sounds/${soundId}/evidence`, signal));
  if (known && !signal.aborted) replace(evidence, ...describeEvidence(known));
}

function summary(voice) {
  const parts = [voice.label, voice.category, voice.algorithm && `algorithm ${voice.algorithm.number}`];
  parts.push(voice.row.verdict, voice.row.split, voice.row.origin !== "real" && voice.row.origin);
  return parts.filter(Boolean).join(" · ");
}

function actions(voice) {
  const send = () => sendToSynth(singleDump(fromHex(voice.parameters), voice.name));
  const make = (changes) => change({ view: "make", ...changes }, { isNew: true });
  return el(
    "div",
    { class: "actions", role: "group", "aria-label": "Actions" },
    button("Play", () => attempt(() => player.play(voice)), { disabled: !voice.playable, title: "Space" }),
    button(`Add to ${shown(targetName())}`, () => addTo(targetName(), [voice]), { disabled: !voice.playable, title: "B" }),
    button("Variations", () => make({}), { disabled: !voice.playable }),
    button("Send to synth", send, { disabled: !voice.playable }),
    voice.playable && el("a", { href: `/api/sounds/${voice.sound_id}/voice.syx`, download: `${voice.sound_id}.syx` }, "Save .syx"),
  );
}

async function keeping(voice) {
  const known = await choices;
  const row = voice.row;
  const rate = (rating) => {
    const isPressed = document.querySelector(`#voice [data-rating="${rating}"]`)?.getAttribute("aria-pressed") === "true";
    return rateSound(voice, isPressed ? null : rating);
  };
  const ratings = el(
    "div",
    { class: "ratings", role: "group", "aria-label": "Your rating" },
    ...known.ratings.map((rating, index) =>
      button(rating, () => rate(rating), { "aria-pressed": String(row.rating === rating), title: `${index + 1}`, "data-rating": rating, "data-key": `rating:${rating}` }),
    ),
  );
  const note = el("input", { type: "text", value: row.note ?? "", maxLength: 10_000, "data-key": "note", placeholder: "Note", "aria-label": "Note", onchange: (event) => setNote(voice, event.target.value) });
  if (row.origin !== "real") return el("div", { class: "keeping" }, ratings, note);
  const pick = (name, values, current, mine) => {
    const options = [el("option", { value: "" }, mine ? "as computed" : current ?? "none"), ...values.filter((value) => mine || value !== current).map((value) => el("option", { value }, value))];
    const select = el("select", { "aria-label": name, "data-key": name, onchange: (event) => overrule(voice, name.toLowerCase(), event.target.value || null) }, ...options);
    select.value = mine ?? "";
    return el("label", {}, name, select, mine && el("small", {}, "yours, from the next run on"));
  };
  return el(
    "div",
    { class: "keeping" },
    ratings,
    note,
    pick("Category", known.categories, row.category, row.my_category),
    pick("Verdict", known.verdicts, row.verdict, row.my_verdict),
  );
}

/** Rate a sound, null to remove the rating. @param {any} voice @param {?string} rating */
export const rateSound = (voice, rating) =>
  inTurn(async () => {
    const { before } = await put(`sounds/${voice.sound_id}/rating`, { rating });
    remember(`rating of ${shown(voice.name)}`, () => put(`sounds/${voice.sound_id}/rating`, { rating: before.rating }));
    notify(rating ? `${shown(voice.name)}: ${rating}` : `${shown(voice.name)}: no rating`);
    showRating(voice.sound_id, rating);
  });

/** Show a rating where the page shows the sound, in place: the focus and the rows stay. */
function showRating(soundId, rating) {
  if (state.sound === soundId) {
    for (const one of document.querySelectorAll("#voice [data-rating]")) one.setAttribute("aria-pressed", String(one.dataset.rating === rating));
  }
  const cell = document.querySelector(`[data-sound="${soundId}"]`)?.closest("tr")?.querySelector("td.rating");
  if (cell) cell.textContent = rating ?? "";
}

const setNote = (voice, note) =>
  inTurn(async () => {
    const { before } = await put(`sounds/${voice.sound_id}/rating`, { note });
    remember(`note on ${shown(voice.name)}`, () => put(`sounds/${voice.sound_id}/rating`, { note: before.note }));
  });

function overrule(voice, what, value) {
  return inTurn(async () => {
    const { before } = await put(`sounds/${voice.sound_id}/${what}`, { value });
    remember(`${what} of ${shown(voice.name)}`, () => put(`sounds/${voice.sound_id}/${what}`, before));
    notify(value ? `${what} ${value}, from the next run on` : `${what} as computed, from the next run on`);
    document.dispatchEvent(new CustomEvent("overruled"));
  });
}

function pictures(voice) {
  const { globals, operators } = voice;
  return [
    el("div", { class: "pictures" }, drawAlgorithm(voice.algorithm, operators, globals.feedback), figure("Loudness of middle C", drawContour(voice.contour)), figure("Spectrogram of middle C, 40 Hz to 16 kHz", el("img", { src: `/api/sounds/${voice.sound_id}/spectrogram.png`, alt: `Spectrogram of ${shown(voice.name)}`, width: 480, height: 160, loading: "lazy" }))),
    el(
      "details",
      { open: true },
      el("summary", {}, "Envelopes"),
      drawEnvelopes(voice),
    ),
    el("details", {}, el("summary", {}, "Operators"), operatorTable(operators)),
    el(
      "details",
      {},
      el("summary", {}, "LFO, pitch, measures"),
      pairs({
        LFO: `${globals.lfo_wave}, ${rounded(globals.lfo_hz)} Hz, delay ${globals.lfo_delay}, pitch ${globals.lfo_pitch_depth}, amplitude ${globals.lfo_amp_depth}${globals.lfo_sync ? ", key sync" : ""}`,
        "Pitch modulation sensitivity": globals.pitch_mod_sensitivity,
        Transpose: `${globals.transpose} semitones`,
        "Oscillator sync": globals.oscillator_sync ? "on" : "off",
        Feedback: globals.feedback,
        Attack: seconds(voice.row.attack_seconds),
        Decay: seconds(voice.row.decay_seconds),
        Release: seconds(voice.row.release_seconds),
        Brightness: voice.row.brightness_hz && `${rounded(voice.row.brightness_hz, 0)} Hz`,
        Loudness: voice.row.loudness_db && `${rounded(voice.row.loudness_db, 1)} dB`,
        Harmonicity: rounded(voice.row.harmonicity),
      }),
    ),
  ];
}

function pairs(values) {
  return el("dl", {}, ...Object.entries(values).filter(([, value]) => value !== "" && value !== null && value !== undefined).flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, shown(value))]));
}

function operatorTable(operators) {
  const columns = {
    Frequency: (one) => (one.mode === "fixed" ? `${rounded(one.hz)} Hz` : rounded(one.ratio)),
    Detune: (one) => one.detune,
    Level: (one) => one.output_level,
    Velocity: (one) => one.velocity_sensitivity,
    "Rate scaling": (one) => one.rate_scaling,
    "Break point": (one) => one.break_point,
    "Left of it": (one) => `${one.left_curve} ${one.left_depth}`,
    "Right of it": (one) => `${one.right_curve} ${one.right_depth}`,
    "Amplitude modulation": (one) => one.amp_mod_sensitivity,
  };
  const head = el("tr", {}, el("td"), ...operators.map((one) => el("th", { scope: "col" }, one.operator)));
  const rows = Object.entries(columns).map(([name, show]) => el("tr", {}, el("th", { scope: "row" }, name), ...operators.map((one) => el("td", { class: "number" }, show(one)))));
  return el("div", { class: "scroll", tabIndex: 0, role: "region", "aria-label": "Operators" }, el("table", {}, el("thead", {}, head), el("tbody", {}, ...rows)));
}

function describeEvidence(known) {
  const place = (row) => `${row.path}${row.member ? `/${row.member}` : ""}, slot ${row.slot}`;
  const bank = (row) => button("Open bank", () => change({ view: "collections", collection: `dump:${row.sha256}:${row.offset}` }, { isNew: true }), { class: "more" });
  const { label, split, verdict } = known;
  return [
    el("h3", {}, "Evidence"),
    pairs({
      Names: known.names.map(({ name, files }) => `${name} (${files})`).join(", "),
      Verdict: `${verdict.verdict}, by ${verdict.decided_by}${verdict.why ? `: ${verdict.why}` : ""}`,
      Findings: known.findings.map((finding) => `${finding.text}${finding.reason ? ` (${finding.reason})` : ""}`).join("; "),
      Label: label.label && `${label.category}, ${rounded(label.confidence * 100, 0)} %: ${label.evidence ?? ""}`,
      Split: split.split && `${split.split}: ${split.reason}`,
      Critic: known.realness !== null ? `${rounded(known.realness)} (log-odds that it is real)` : null,
      Repair: known.repair ? `${known.repair.how}: ${known.repair.sound_id}` : null,
    }),
    known.family.length ? el("details", {}, el("summary", {}, `Family of ${known.family_size}`), el("ol", { class: "voices" }, ...known.family.map((one) => el("li", {}, button(shown(one.name), () => chooseById(one.sound_id)), el("span", { class: "count" }, `${one.differing} differ`))))) : null,
    el("details", {}, el("summary", {}, `In ${known.places_total} ${known.places_total === 1 ? "slot" : "slots"}`), el("ul", {}, ...known.places.map((row) => el("li", {}, shown(place(row)), " ", bank(row))))),
  ];
}
