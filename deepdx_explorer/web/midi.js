// MIDI ports of the machine, through the browser: a keyboard that plays the page, and a synthesizer that receives dumps.

import { notify } from "./dom.js";
import { player } from "./player.js";

// A DX7 loses data of dumps that follow each other at once: it needs a moment to store each.
const PAUSE_MS = 200;
const BANK_PAUSE_MS = 2000;
const BANK_BYTES = 4104;

/** @type {?MIDIAccess} */
let access = null;

/** Whether this browser has WebMIDI. */
export const isSupported = "requestMIDIAccess" in navigator;

/** Ask for the ports. Keyboards play from then on. */
export async function connect() {
  access = await navigator.requestMIDIAccess({ sysex: true });
  access.onstatechange = listen;
  listen();
}

function listen() {
  for (const input of access.inputs.values()) {
    input.onmidimessage = async ({ data }) => {
      await player.start();
      player.synth?.midi(data);
    };
  }
}

/** Return the names of the inputs, and the outputs with their ids. */
export function ports() {
  return {
    inputs: access ? [...access.inputs.values()].map((input) => input.name) : [],
    outputs: access ? [...access.outputs.values()].map(({ id, name }) => ({ id, name })) : [],
  };
}

/** Whether the ports have been asked for. */
export const isConnected = () => access !== null;

/**
 * Send dumps to an output, each after the pause that a DX7 needs.
 * @param {Uint8Array} bytes whole System Exclusive messages
 * @param {string} id
 */
export async function send(bytes, id) {
  const output = access?.outputs.get(id);
  if (!output) {
    notify("No MIDI output is selected: connect MIDI below, and choose one.", true);
    return;
  }
  for (const message of messages(bytes)) {
    output.send(message);
    await new Promise((done) => setTimeout(done, message.length >= BANK_BYTES ? BANK_PAUSE_MS : PAUSE_MS));
  }
}

function* messages(bytes) {
  let start = 0;
  for (let index = 0; index < bytes.length; index++) {
    if (bytes[index] === 0xf0) start = index;
    if (bytes[index] === 0xf7) yield bytes.slice(start, index + 1);
  }
}

/**
 * Return a voice as a single-voice dump, 163 bytes: VCED (DX7 manual, "Format of 1 voice bulk dump").
 * @param {Uint8Array} parameters 145 @param {string} name
 */
export function singleDump(parameters, name) {
  const characters = Uint8Array.from(name.padEnd(10).slice(0, 10), (character) => {
    const code = character.charCodeAt(0);
    return code >= 32 && code < 127 ? code : 63;
  });
  const data = [...parameters, ...characters];
  const sum = data.reduce((total, byte) => total + byte, 0);
  return Uint8Array.from([0xf0, 0x43, 0x00, 0x00, 0x01, 0x1b, ...data, -sum & 0x7f, 0xf7]);
}
