// AudioWorklet processor: plays up to 16 notes of the loaded voice on messages from `synth.js`.

import { FieldError, describe, requireNote, requireNumber, requireVelocity, requireVoice } from "./ranges.js";
import { BLOCK, ControllerState, FULL_CARRIER, Note, SAMPLE_RATE } from "./voice.js";

/** Number of notes at a time, as on a DX7. */
const POLYPHONY = 16;

/** Peak of a full carrier in the output, until a message sets another level. */
const LEVEL = 1 / 8;

/** One of the notes that can sound at a time, and its key. */
class Player {
  note = new Note();
  isPlaying = false;
  key = 0;
  isDown = false; // the key is down
  isHeld = false; // the key is up, but the pedal holds the note
  number = 0; // counts all notes: a lower one is older

  release() {
    this.isDown = this.isHeld = false;
    this.note.release();
  }
}

class Processor extends AudioWorkletProcessor {
  #players = Array.from({ length: POLYPHONY }, () => new Player());
  #controllers = new ControllerState();
  /** @type {?Uint8Array} */
  #voice = null;
  #level = LEVEL;
  #isPedalDown = false;
  #count = 0;
  #block = new Int32Array(BLOCK);
  #position = BLOCK; // index of the next sample in the block

  constructor() {
    super();
    if (sampleRate !== SAMPLE_RATE) {
      throw new RangeError(`the context runs at ${sampleRate} Hz, the engine at ${SAMPLE_RATE} Hz`);
    }
    this.port.onmessage = ({ data }) => this.#receive(data);
  }

  /** Act on a message. One that is illegal changes nothing; the error is posted back. @param {any} message */
  #receive(message) {
    try {
      this.#act(message);
    } catch (error) {
      if (!(error instanceof FieldError)) throw error;
      this.port.postMessage({ type: "error", field: error.field, message: error.message });
    }
  }

  /** @param {any} message */
  #act(message) {
    switch (message?.type) {
      case "voice":
        this.#voice = requireVoice(message.voice);
        return;
      case "noteOn":
        this.#noteOn(requireNote(message.note), requireVelocity(message.velocity));
        return;
      case "noteOff":
        this.#noteOff(requireNote(message.note));
        return;
      case "sustain":
        if (typeof message.isDown !== "boolean") throw new FieldError("isDown", "isDown must be true or false");
        this.#sustain(message.isDown);
        return;
      case "controllers":
        this.#controllers.set(message.controllers);
        return;
      case "level":
        this.#level = requireNumber("level", message.level, 0, 1);
        return;
      case "allNotesOff":
        this.#isPedalDown = false;
        for (const player of this.#players) player.release();
        return;
      case "allSoundOff":
        for (const player of this.#players) player.isPlaying = player.isDown = player.isHeld = false;
        return;
      default:
        throw new FieldError("type", `there is no message of type ${describe(message?.type)}`);
    }
  }

  /** @param {number} key @param {number} velocity */
  #noteOn(key, velocity) {
    if (this.#voice === null) throw new FieldError("voice", "no voice is loaded");
    this.#noteOff(key); // struck again before its key-up arrived
    const player = this.#findPlayer();
    player.note.start(this.#voice, key, velocity);
    player.isPlaying = player.isDown = true;
    player.isHeld = false;
    player.key = key;
    player.number = this.#count++;
  }

  /** Return a silent player, else the oldest one whose key is up, else the oldest. */
  #findPlayer() {
    let found = this.#players[0];
    for (const player of this.#players) {
      if (!player.isPlaying) return player;
      const isBetter = found.isDown === player.isDown ? player.number < found.number : found.isDown;
      if (isBetter) found = player;
    }
    return found;
  }

  /** @param {number} key */
  #noteOff(key) {
    for (const player of this.#players) {
      if (!player.isDown || player.key !== key) continue;
      if (this.#isPedalDown) {
        player.isDown = false;
        player.isHeld = true;
      } else {
        player.release();
      }
    }
  }

  /** @param {boolean} isDown */
  #sustain(isDown) {
    this.#isPedalDown = isDown;
    if (isDown) return;
    for (const player of this.#players) if (player.isHeld) player.release();
  }

  /** Compute the next block of all notes. */
  #computeBlock() {
    this.#block.fill(0);
    for (const player of this.#players) {
      if (!player.isPlaying) continue;
      player.note.addBlock(this.#block, this.#controllers);
      player.isPlaying = !player.note.isOver;
    }
    this.#position = 0;
  }

  /**
   * Fill the output, which is silent on arrival. Its length need not be a multiple of BLOCK.
   * @param {Float32Array[][]} _inputs
   * @param {Float32Array[][]} outputs
   */
  process(_inputs, [channels]) {
    if (this.#position === BLOCK && !this.#players.some((player) => player.isPlaying)) return true;
    const [left] = channels;
    const scale = this.#level / FULL_CARRIER;
    for (let k = 0; k < left.length; k++) {
      if (this.#position === BLOCK) this.#computeBlock();
      left[k] = this.#block[this.#position++] * scale;
    }
    for (let c = 1; c < channels.length; c++) channels[c].set(left);
    return true;
  }
}

registerProcessor("deepdx-dx7", Processor);
