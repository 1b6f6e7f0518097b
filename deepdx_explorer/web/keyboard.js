// The player at the foot of the page: a piano for mouse, touch and computer keyboard, MIDI, and the comparison A/B.

import { button, el, notify, replace, shown } from "./dom.js";
import { fromHex } from "./hex.js";
import * as midi from "./midi.js";
import { attempt, player } from "./player.js";

const FIRST = 36;
const LAST = 84;
const BLACK = new Set([1, 3, 6, 8, 10]);
const NAMES = ["C", "C sharp", "D", "D sharp", "E", "F", "F sharp", "G", "G sharp", "A", "A sharp", "B"];
// Keys of the computer from C upwards, by their place, whatever letters are printed on them.
const CODES = ["KeyA", "KeyW", "KeyS", "KeyE", "KeyD", "KeyF", "KeyT", "KeyG", "KeyY", "KeyH", "KeyU", "KeyJ", "KeyK", "KeyO", "KeyL", "KeyP"];

let octave = 60;
let output = "";
let isSending = false;
/** @type {Record<"A" | "B", any>} */
const compared = { A: null, B: null };

/** @param {Element} footer */
export function showPlayer(footer) {
  const piano = el("div", {
    class: "piano",
    role: "application",
    tabIndex: 0,
    "aria-label": "Piano. While it has the focus, the keys A to L play, and Z and X change the octave.",
  });
  for (let note = FIRST; note <= LAST; note++) {
    const isBlack = BLACK.has(note % 12);
    // Small screens show the middle of the keyboard only.
    const isFar = note < 48 || note > 72;
    piano.append(el("span", { class: `${isBlack ? "black" : "white"}${isFar ? " far" : ""}`, "data-note": note, title: `${NAMES[note % 12]} ${Math.floor(note / 12) - 1}` }));
  }
  playWithPointer(piano);
  playWithKeys(piano);
  const comparison = el("span", { class: "comparison" });
  const devices = el("span", { class: "devices" });
  replace(footer, piano, comparison, devices, el("span", { id: "missing" }, player.missing));
  showComparison(comparison);
  showDevices(devices);
}

function press(piano, note, isDown, velocity = 100) {
  piano.querySelector(`[data-note="${note}"]`)?.classList.toggle("down", isDown);
  if (!isDown) player.noteOff(note);
  else if (!player.voice) notify("Choose a voice to play.");
  else player.noteOn(note, velocity);
}

function playWithPointer(piano) {
  let playing = null;
  const move = (event) => {
    const key = document.elementFromPoint(event.clientX, event.clientY)?.closest("[data-note]");
    const note = key && piano.contains(key) ? Number(key.dataset.note) : null;
    if (note === playing) return;
    if (playing !== null) press(piano, playing, false);
    playing = note;
    if (note === null) return;
    // Lower on the key is louder.
    const box = key.getBoundingClientRect();
    press(piano, note, true, Math.round(40 + 87 * Math.min(Math.max((event.clientY - box.top) / box.height, 0), 1)));
  };
  piano.addEventListener("pointerdown", (event) => {
    piano.setPointerCapture(event.pointerId);
    move(event);
  });
  piano.addEventListener("pointermove", (event) => event.buttons && move(event));
  for (const end of ["pointerup", "pointercancel"]) {
    piano.addEventListener(end, () => {
      if (playing !== null) press(piano, playing, false);
      playing = null;
    });
  }
}

function playWithKeys(piano) {
  const down = new Map();
  piano.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.code === "KeyZ" && octave > 24) octave -= 12;
    if (event.code === "KeyX" && octave < 96) octave += 12;
    const step = CODES.indexOf(event.code);
    if (step < 0 || event.repeat) return;
    event.preventDefault();
    event.stopPropagation();
    down.set(event.code, octave + step);
    press(piano, octave + step, true);
  });
  const release = (code) => {
    if (down.has(code)) press(piano, down.get(code), false);
    down.delete(code);
  };
  piano.addEventListener("keyup", (event) => release(event.code));
  piano.addEventListener("blur", () => [...down.keys()].forEach(release));
}

function showComparison(place) {
  const side = (name) => {
    const voice = compared[name];
    const label = voice ? `${name}: ${shown(voice.name)}` : `Set ${name}`;
    const act = () => {
      if (voice) attempt(() => player.play(voice));
      else if (player.voice) {
        compared[name] = player.voice;
        showComparison(place);
      } else notify("Choose a voice first.");
    };
    return button(label, act, { title: voice ? `Play ${name}` : `Keep the chosen voice as ${name}, to compare` });
  };
  const clear = () => {
    compared.A = compared.B = null;
    showComparison(place);
  };
  replace(place, side("A"), side("B"), compared.A || compared.B ? button("Clear", clear) : null);
}

/** Return both sides of the comparison. */
export const comparedVoices = () => [compared.A, compared.B];

function showDevices(place) {
  if (!midi.isSupported) {
    replace(place, "No MIDI: this browser has no WebMIDI.");
    return;
  }
  if (!midi.isConnected()) {
    const connect = () =>
      attempt(async () => {
        await midi.connect();
        showDevices(place);
      });
    replace(place, button("Connect MIDI", connect));
    return;
  }
  const { inputs, outputs } = midi.ports();
  const choose = el(
    "select",
    { "aria-label": "MIDI output", onchange: (event) => (output = event.target.value) },
    el("option", { value: "" }, "no output"),
    ...outputs.map(({ id, name }) => el("option", { value: id }, shown(name))),
  );
  choose.value = output;
  const sending = el("input", { type: "checkbox", checked: isSending, onchange: (event) => (isSending = event.target.checked) });
  replace(place, inputs.length ? `Keyboard: ${shown(inputs.join(", "))}` : "No keyboard", choose, el("label", {}, sending, "Send voices while browsing"));
}

/** Send bytes to the chosen output. @param {Uint8Array} bytes */
export const sendToSynth = (bytes) => midi.send(bytes, output);

/** Send a voice to the edit buffer of the chosen output, if the user wants that while browsing. @param {any} voice */
export function sendWhileBrowsing(voice) {
  if (isSending && output && voice.playable) midi.send(midi.singleDump(fromHex(voice.parameters), voice.name), output);
}
