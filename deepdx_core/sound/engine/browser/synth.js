// A DX7 for web pages. Served from any folder, without a bundler:
//
//   import { DX7 } from "./synth.js";
//   const synth = await DX7.create();
//   synth.loadVoice(parameters); // Uint8Array of 145, in VCED order
//   button.onclick = async () => { await synth.resume(); synth.noteOn(60, 100); };
//   midiInput.onmidimessage = ({ data }) => synth.midi(data);

import {
  BEND,
  FieldError,
  requireControllers,
  requireInteger,
  requireNote,
  requireNumber,
  requireVelocity,
  requireVoice,
} from "./ranges.js";
import { SAMPLE_RATE } from "./tables.js";

const PROCESSOR = new URL("./processor.js", import.meta.url);

// MIDI messages of a channel, and controllers.
const NOTE_OFF = 0x80;
const NOTE_ON = 0x90;
const CONTROL_CHANGE = 0xb0;
const CHANNEL_PRESSURE = 0xd0;
const PITCH_BEND = 0xe0;
const SYSTEM = 0xf0;
/** Bytes of a message, by kind. @type {Record<number, number>} */
const LENGTHS = { [NOTE_OFF]: 3, [NOTE_ON]: 3, [CONTROL_CHANGE]: 3, [CHANNEL_PRESSURE]: 2, [PITCH_BEND]: 3 };
const WHEEL = 1;
const BREATH = 2;
const SUSTAIN = 64;
const ALL_SOUND_OFF = 120;
const RESET_CONTROLLERS = 121;
const ALL_NOTES_OFF = 123;

/** A DX7: one voice, up to 16 notes at a time. Its methods throw a FieldError for a value out of range. */
export class DX7 {
  /** The synthesizer as a node, connected to the context's destination. It has one channel. @type {AudioWorkletNode} */
  node;

  /** Range of MIDI's pitch bend either way, in semitones, 0 to 12. */
  bendRange = 2;

  /** Called with errors of the synthesizer itself. @type {(message: string) => void} */
  onerror = (message) => console.error(message);

  /**
   * Start a synthesizer. A browser lets it sound only after a click or a key: see `resume`.
   *
   * Throws if AudioWorklets are missing, as in pages that are neither on localhost nor https, or if the context does
   * not run at 44,100 Hz.
   * @param {BaseAudioContext} [context] by default a new AudioContext at 44,100 Hz
   * @returns {Promise<DX7>}
   */
  static async create(context = new AudioContext({ sampleRate: SAMPLE_RATE, latencyHint: "interactive" })) {
    if (context.sampleRate !== SAMPLE_RATE) {
      throw new RangeError(
        `the context runs at ${context.sampleRate} Hz, the engine only at ${SAMPLE_RATE} Hz: ` +
          `new AudioContext({ sampleRate: ${SAMPLE_RATE} })`,
      );
    }
    if (!context.audioWorklet) {
      throw new Error("this page has no AudioWorklet: it must be served from localhost or over https");
    }
    await context.audioWorklet.addModule(PROCESSOR);
    return new DX7(context);
  }

  /** @param {BaseAudioContext} context with the processor's module; use `create` */
  constructor(context) {
    this.node = new AudioWorkletNode(context, "deepdx-dx7", { numberOfInputs: 0, outputChannelCount: [1] });
    this.node.port.onmessage = ({ data }) => this.onerror(data.message);
    this.node.onprocessorerror = () => this.onerror("the synthesizer failed and is silent from now on");
    this.node.connect(context.destination);
  }

  /** Let the context run. Call it from a click or a key. */
  async resume() {
    await /** @type {AudioContext} */ (this.node.context).resume();
  }

  /** Set the voice of further notes. @param {Uint8Array} voice its 145 parameters, in VCED order */
  loadVoice(voice) {
    this.#send({ type: "voice", voice: requireVoice(voice) });
  }

  /** @param {number} note 0 to 127 @param {number} [velocity] 1 to 127 */
  noteOn(note, velocity = 100) {
    this.#send({ type: "noteOn", note: requireNote(note), velocity: requireVelocity(velocity) });
  }

  /** @param {number} note 0 to 127 */
  noteOff(note) {
    this.#send({ type: "noteOff", note: requireNote(note) });
  }

  /** Press or lift the sustain pedal. @param {boolean} isDown */
  sustain(isDown) {
    if (typeof isDown !== "boolean") throw new FieldError("isDown", "isDown must be true or false");
    this.#send({ type: "sustain", isDown });
  }

  /**
   * Move controllers; those that are not given stay. Sounding notes follow.
   * @param {import("./ranges.js").Controllers} controllers
   */
  setControllers(controllers) {
    this.#send({ type: "controllers", controllers: requireControllers(controllers) });
  }

  /** Release all notes, and the pedal. */
  allNotesOff() {
    this.#send({ type: "allNotesOff" });
  }

  /** Silence all notes at once. */
  allSoundOff() {
    this.#send({ type: "allSoundOff" });
  }

  /**
   * Set the level of the output. Six carriers of 16 notes add up: at high levels they exceed 1, and are clipped.
   * @param {number} level of a carrier at full level, 0 to 1; at first 1/8
   */
  setLevel(level) {
    this.#send({ type: "level", level: requireNumber("level", level, 0, 1) });
  }

  /**
   * Act on a MIDI message of any channel: notes, pitch bend, channel pressure, and the controllers 1 (wheel), 2
   * (breath), 64 (sustain), 120, 121 and 123. Others are ignored. Throws a FieldError for an incomplete message.
   * @param {ArrayLike<number>} bytes
   */
  midi(bytes) {
    const kind = requireInteger("status", bytes[0], 0x80, 0xff) & 0xf0;
    if (kind === SYSTEM || !(kind in LENGTHS)) return;
    const data = [0, 0];
    for (let index = 1; index < LENGTHS[kind]; index++) {
      data[index - 1] = requireInteger("data byte", bytes[index], 0, 127);
    }
    const [first, second] = data;
    if (kind === NOTE_ON && second > 0) this.noteOn(first, second);
    else if (kind === NOTE_ON || kind === NOTE_OFF) this.noteOff(first);
    else if (kind === CHANNEL_PRESSURE) this.setControllers({ aftertouch: first / 127 });
    else if (kind === PITCH_BEND) {
      const range = requireNumber("bendRange", this.bendRange, 0, BEND);
      this.setControllers({ pitchBend: (((second << 7) + first - 8192) / 8192) * range });
    } else if (first === WHEEL) this.setControllers({ wheel: second / 127 });
    else if (first === BREATH) this.setControllers({ breath: second / 127 });
    else if (first === SUSTAIN) this.sustain(second >= 64);
    else if (first === ALL_SOUND_OFF) this.allSoundOff();
    else if (first === ALL_NOTES_OFF) this.allNotesOff();
    else if (first === RESET_CONTROLLERS) {
      this.setControllers({ pitchBend: 0, wheel: 0, aftertouch: 0, breath: null });
      this.sustain(false);
    }
  }

  /** @param {object} message */
  #send(message) {
    this.node.port.postMessage(message);
  }
}
