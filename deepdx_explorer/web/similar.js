// Sounds alike: the nearest to a voice, by ear or by parameters, and the nearest to a recording of a note.

import { get, query, upload } from "./api.js";
import { button, el, notify, replace, rounded, shown } from "./dom.js";
import { attempt } from "./player.js";
import { choose } from "./selection.js";

const COUNT = 8;
const FROM_RECORDING = 20;

/**
 * Show the sounds nearest to a voice.
 * @param {Element} place @param {any} voice @param {"ear" | "parameters"} by @param {AbortSignal} signal
 */
export async function showSimilar(place, voice, by, signal) {
  const found = await attempt(() => get(`sounds/${voice.sound_id}/similar?${query({ by, count: COUNT })}`, signal));
  if (!found || signal.aborted) return;
  const other = by === "ear" ? "parameters" : "ear";
  const change = button(`By ${other}`, () => showSimilar(place, voice, other, signal), { class: "more" });
  replace(place, el("h3", {}, by === "ear" ? "Sounds alike" : "Nearest parameters"), change, list(found));
}

/** Show the sounds nearest to a recording, above the table. @param {File} file */
export async function showRecording(file) {
  notify("Comparing the recording with all sounds. The first time takes some seconds more.");
  const found = await attempt(() => upload(`similar?${query({ count: FROM_RECORDING })}`, file));
  if (!found) return;
  notify(`${found.length} sounds nearest to ${shown(file.name)}`);
  const place = document.querySelector("section.found");
  replace(place, el("h2", {}, `Like ${shown(file.name)}`), button("Close", () => replace(place)), list(found));
}

const list = (voices) => el("ol", { class: "voices" }, ...voices.map((one) => el("li", {}, button(shown(one.name) || "(no name)", () => choose(one)), el("span", { class: "count" }, `${one.label ?? one.verdict ?? ""} ${rounded(one.distance)}`))));
