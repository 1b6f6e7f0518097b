// The page of an export: voices to see and play, without a server. It becomes a classic script: pages from a disk may
// not load modules.

import { DX7 } from "/engine/synth.js";
import { button, el, notify, replace, shown } from "./dom.js";
import { drawAlgorithm, drawContour, drawEnvelopes, figure } from "./drawing.js";
import { fromHex } from "./hex.js";
import { playPhrase } from "./phrase.js";

const FIRST = 36;
const LAST = 84;
const BLACK = new Set([1, 3, 6, 8, 10]);

/** @type {?DX7} */
let synth = null;
let isMissing = false;
let timers = [];
const audio = new Audio();

async function load(voice) {
  if (!synth && !isMissing) {
    try {
      synth = await DX7.create();
    } catch {
      isMissing = true; // the clips of the folder play instead
    }
  }
  await synth?.resume();
  synth?.loadVoice(fromHex(voice.parameters));
  synth?.setLevel(voice.level);
}

async function play(voice) {
  timers.forEach(clearTimeout);
  timers = [];
  synth?.allNotesOff();
  audio.pause();
  await load(voice);
  if (!synth) {
    audio.src = voice.clip;
    await audio.play().catch((error) => notify(error.message, true));
    return;
  }
  timers = playPhrase(synth, voice.phrase.notes);
}

function show(voice) {
  replace(
    document.getElementById("voice"),
    el("h2", {}, shown(voice.name)),
    el("div", { class: "pictures" }, drawAlgorithm(voice.algorithm, voice.operators, voice.globals.feedback), figure("Loudness of middle C", drawContour(voice.contour))),
    drawEnvelopes(voice),
  );
}

function select(voice, item) {
  document.querySelectorAll("#list [aria-current]").forEach((one) => one.removeAttribute("aria-current"));
  item.setAttribute("aria-current", "true");
  show(voice);
  play(voice);
}

function piano() {
  const keys = el("div", { class: "piano", role: "group", "aria-label": "Piano" });
  for (let note = FIRST; note <= LAST; note++) {
    const down = (isDown) => () => synth?.[isDown ? "noteOn" : "noteOff"](note);
    keys.append(el("span", { class: BLACK.has(note % 12) ? "black" : "white", onpointerdown: down(true), onpointerup: down(false), onpointerleave: down(false) }));
  }
  return keys;
}

const voices = globalThis.VOICES;
replace(
  document.getElementById("list"),
  ...voices.map((voice) => el("li", {}, button(shown(voice.name) || "(no name)", (event) => select(voice, event.currentTarget)))),
);
replace(document.getElementById("player"), piano());
if (voices.length) show(voices[0]);
