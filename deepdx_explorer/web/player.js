// The player: the DX7 that runs in the page, phrases, and audio from the server where the page has no AudioWorklet.

import { DX7 } from "/engine/synth.js";
import { ApiError } from "./api.js";
import { clearError, notify } from "./dom.js";
import { fromHex } from "./hex.js";
import { playPhrase } from "./phrase.js";


const CHORD = [48, 55, 60, 64].map((note) => ({ start: 0, note, held: 0.7, accent: 1 }));

class Player {
  /** @type {?DX7} */
  synth = null;
  /** Reason why the page cannot play itself, "" if it can. */
  missing = typeof AudioWorkletNode === "undefined" ? "This browser has no AudioWorklet: the server renders sounds." : "";
  /** The voice that plays, with `sound_id`, `parameters`, `playable` and `level`, at which all sound equally loud. @type {any} */
  voice = null;
  /** Notes by label. @type {Record<string, any[]>} */
  phrases = {};
  #starting = null;
  #timers = [];
  #plays = 0;
  #loaded = "";
  #audio = new Audio();
  /** @type {?AnalyserNode} */
  #analyser = null;

  /** Start the synthesizer; a browser allows it in answer to a click or a key only. */
  async start() {
    if (this.missing) return;
    this.#starting ??= DX7.create()
      .then((synth) => {
        this.synth = synth;
        synth.onerror = (message) => notify(message, true);
        this.#analyser = synth.node.context.createAnalyser();
        synth.node.connect(this.#analyser);
      })
      .catch((error) => (this.missing = `The page cannot play: ${error.message}. The server renders sounds.`));
    await this.#starting;
    await this.synth?.resume();
  }

  /** Load a voice for the keyboard. @param {any} voice */
  async load(voice) {
    if (!voice?.playable) return;
    if (this.voice?.sound_id !== voice.sound_id) this.voice = voice;
    // A page may not sound before a click or a key; the first one loads the voice.
    if (!this.synth && !navigator.userActivation?.hasBeenActive) return;
    await this.start();
    if (this.#loaded === voice.sound_id) return;
    this.#loaded = voice.sound_id;
    this.synth?.loadVoice(fromHex(voice.parameters));
    this.synth?.setLevel(voice.level);
  }

  /** Play a phrase that suits a voice, or else a chord. @param {any} voice */
  async play(voice) {
    const notes = voice?.phrase?.notes ?? this.phrases[voice?.label] ?? CHORD;
    this.stop();
    const number = ++this.#plays;
    if (!voice?.playable) {
      notify("This voice has parameters out of range: no DX7 plays it as it is.", true);
      return;
    }
    await this.load(voice);
    if (number !== this.#plays) return; // another was chosen while the synthesizer started
    if (!this.synth) {
      this.#audio.src = `/api/sounds/${voice.sound_id}/audio.wav`;
      await this.#audio.play().catch((error) => notify(error.message, true));
      return;
    }
    this.#timers = playPhrase(this.synth, notes);
  }

  /** @param {number} note @param {number} [velocity] */
  async noteOn(note, velocity = 100) {
    await this.start();
    if (this.voice) await this.load(this.voice);
    if (this.synth && this.voice) this.synth.noteOn(note, velocity);
    else if (this.voice) {
      this.#audio.src = `/api/sounds/${this.voice.sound_id}/audio.wav?note=${note}&velocity=${velocity}`;
      await this.#audio.play().catch((error) => notify(error.message, true));
    }
  }

  noteOff(note) {
    this.synth?.noteOff(note);
  }

  /** End the phrase. */
  stop() {
    this.#timers.forEach(clearTimeout);
    this.#timers = [];
    this.#audio.pause();
    this.synth?.allNotesOff();
  }

  /** Return the highest sample of the last moments, 0 to 1, for meters. */
  peak() {
    if (!this.#analyser) return 0;
    const samples = new Float32Array(this.#analyser.fftSize);
    this.#analyser.getFloatTimeDomainData(samples);
    return samples.reduce((highest, sample) => Math.max(highest, Math.abs(sample)), 0);
  }
}

export const player = new Player();

/** Run an action, and show its error. @param {() => Promise<any>} action */
export async function attempt(action) {
  try {
    const result = await action();
    clearError();
    return result;
  } catch (error) {
    if (error.name === "AbortError") return undefined;
    if (!(error instanceof ApiError)) console.error(error);
    notify(error.message, true);
    return undefined;
  }
}
