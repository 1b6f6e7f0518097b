// The DX7's sound in JavaScript: one note of one voice, in blocks of 64 samples at 44,100 Hz.
//
// The twin of the Python engine, sample for sample; its modules say more on each law, and NOTICE on their authors.
// Levels and pitches are in 2**-24 octave, attenuations in 1/1024 octave. Samples are integers: a full carrier swings
// between -4096 and 4095. Integers of more than 32 bits are kept in doubles, which hold 53: where
// Python shifts such a product to the right, Math.floor divides it by a power of two, which is exact.
//
// msfa: Google's music-synthesizer-for-android. Plaits: Mutable Instruments. ROM: write-ups of Yamaha's chips.
// Measured: from samples of dexed-py 0.3.0.

import { requireControllers, requireNote, requireNumber, requireVelocity, requireVoice } from "./ranges.js";
import * as tables from "./tables.js";

// Names of this module: V8 looks up those of another one at each use, which costs an eighth of the time.
const {
  AMP_SENSITIVITIES,
  BLOCK,
  BREAK_POINT_0,
  CEILING,
  COARSE_RATIOS,
  DETUNED_KEYS,
  EXPONENTIAL,
  EXPONENTIAL_CURVE,
  FEEDBACK_OPERATOR,
  FEEDBACK_SHIFT,
  FINE_RATIOS,
  FIRST_ATTENUATION,
  FIXED_DETUNE,
  FIXED_STEP,
  FULL_HOLD_RATE,
  FULL_LEVEL,
  FULL_TARGET,
  HOLDS,
  INAUDIBLE,
  INCREMENTS,
  IS_CARRIER,
  JUMP,
  LFO_SINE,
  LFO_STEPS,
  LOG_SINE,
  LOOP_END,
  LOWEST_TARGET,
  MODULATION_SHIFT,
  MODULATORS,
  NEUTRAL_VELOCITY,
  OCTAVE,
  OUTPUT_LEVELS,
  PARAMETERS,
  PITCH_EG_LEVELS,
  PITCH_EG_RATES,
  PITCH_SENSITIVITIES,
  SAMPLE_RATE,
  SHORT_HOLD,
  SILENT,
  VELOCITIES,
} = tables;

export { BLOCK, SAMPLE_RATE };

/** Sample of a carrier at full level. */
export const FULL_CARRIER = 4096;

const OPERATORS = 6;
const NO_TRANSPOSITION = 24; // value of the parameter `transpose`
const RELEASE = 3; // last segment of an envelope, from key-up on
const END = 4; // after it

/** Index of each parameter in a voice, by name. Rates and levels 1 to 4 of an envelope follow each other. */
const INDEX = Object.fromEntries(PARAMETERS.map(([name], index) => [name, index]));

/** Indices of the parameters of each operator, by name without the operator. Operators count from 0. */
const OPERATOR_INDEX = Array.from({ length: OPERATORS }, (_, o) => {
  const prefix = `op${o + 1}_`;
  const names = Object.keys(INDEX).filter((name) => name.startsWith(prefix));
  return Object.fromEntries(names.map((name) => [name.slice(prefix.length), INDEX[name]]));
});

/** @param {number} value @param {number} low @param {number} high */
const clamp = (value, low, high) => Math.min(high, Math.max(low, value));

/** Convert an amount per second to one per block, rounded. @param {number} amount */
const perBlock = (amount) => Math.floor((BLOCK * amount) / SAMPLE_RATE + 0.5);

/** floor(a * b / 2**(16 + bits)), exactly, for products that exceed a double. a must not be negative. */
const multiplyShift = (/** @type {number} */ a, /** @type {number} */ b, /** @type {number} */ bits) =>
  Math.floor((Math.floor(a / 65_536) * b + Math.floor(((a % 65_536) * b) / 65_536)) / 2 ** bits);

// ---- Controllers

const DEPTH = 255; // highest depth of modulation
const BEND_OCTAVE = 12; // semitones

/** Positions of the controllers in the engine's units. They may change while a note sounds. */
export class ControllerState {
  bend = 0; // in 2**-24 octave
  wheel = 0; // added to the LFO's pitch depth, 0 to 255
  aftertouch = 0; // added to the LFO's amplitude depth, 0 to 255
  bias = 0; // amplitude modulation without the LFO, 0 to 255

  /**
   * Set the positions that are given; the others stay. Throws a FieldError for one out of range.
   * @param {import("./ranges.js").Controllers} controllers
   */
  set(controllers) {
    const { pitchBend, wheel, aftertouch, breath } = requireControllers(controllers);
    if (pitchBend !== undefined) this.bend = Math.floor((pitchBend * OCTAVE) / BEND_OCTAVE + 0.5);
    if (wheel !== undefined) this.wheel = Math.floor(wheel * DEPTH + 0.5);
    if (aftertouch !== undefined) this.aftertouch = Math.floor(aftertouch * DEPTH + 0.5);
    if (breath !== undefined) this.bias = breath === null ? 0 : Math.floor((1 - breath) * DEPTH + 0.5);
  }
}

// ---- Levels

/**
 * Keyboard level scaling: levels added to an operator's output level (msfa; groups of keys measured).
 * @param {Uint8Array} voice @param {Record<string, number>} at @param {number} key
 */
function scaleLevel(voice, at, key) {
  const distance = key - voice[at.break_point] - BREAK_POINT_0;
  const isRight = distance >= 0;
  const depth = voice[isRight ? at.right_depth : at.left_depth];
  const curve = voice[isRight ? at.right_curve : at.left_curve]; // -LIN, -EXP, +EXP, +LIN
  const groups = Math.trunc((Math.abs(distance) + 1) / 3); // of three keys
  // 329 / 2**15 is 1 / 99.6, for a depth of up to 99. The linear curve has 8 steps a group.
  const isLinear = curve === 0 || curve === 3;
  const scaling = isLinear
    ? (groups * depth * 329) >> 12
    : (EXPONENTIAL_CURVE[Math.min(groups, EXPONENTIAL_CURVE.length - 1)] * depth * 329) >> 15;
  return curve < 2 ? -scaling : scaling;
}

/**
 * Output level with keyboard scaling and velocity, in 1/32 of a step of OUTPUT_LEVELS (msfa).
 * @param {Uint8Array} voice @param {Record<string, number>} at @param {number} key @param {number} velocity
 */
function outputLevel(voice, at, key, velocity) {
  const level = Math.min(OUTPUT_LEVELS[voice[at.output_level]] + scaleLevel(voice, at, key), FULL_LEVEL) << 5;
  const louder = (voice[at.velocity_sensitivity] * (VELOCITIES[velocity >> 1] - NEUTRAL_VELOCITY) + 7) >> 3;
  return Math.max(level + (louder << 4), 0);
}

/** Rate scaling: added to the rates of an operator's envelope (msfa). */
const rateScaling = (/** @type {number} */ sensitivity, /** @type {number} */ key) =>
  (sensitivity * clamp(Math.trunc(key / 3) - 7, 0, 31)) >> 3;

/** Envelope of an operator (msfa; holds measured). */
class Envelope {
  rates = new Uint8Array(4);
  levels = new Uint8Array(4);
  outputLevel = 0;
  rateScaling = 0;
  segment = 0; // 0 to RELEASE, and END
  level = 0;
  target = 0;
  step = 0;
  isRising = false;
  hold = 0; // samples until the next segment, if this one keeps its level

  /** @param {Uint8Array} voice @param {Record<string, number>} at @param {number} key @param {number} velocity */
  start(voice, at, key, velocity) {
    for (let segment = 0; segment < END; segment++) {
      this.rates[segment] = voice[at.eg_rate_1 + segment];
      this.levels[segment] = voice[at.eg_level_1 + segment];
    }
    this.outputLevel = outputLevel(voice, at, key, velocity);
    this.rateScaling = rateScaling(voice[at.rate_scaling], key);
    this.level = 0;
    this.#enter(0);
  }

  release() {
    this.#enter(RELEASE);
  }

  /** @param {number} segment */
  #enter(segment) {
    this.segment = segment;
    if (segment === END) return;
    const level = this.levels[segment];
    const rate = this.rates[segment];
    const target = ((OUTPUT_LEVELS[level] >> 1) << 6) + this.outputLevel - FULL_TARGET;
    this.target = Math.max(LOWEST_TARGET, target) << 16;
    this.isRising = this.target > this.level;
    const speed = Math.min(63, ((rate * 41) >> 6) + this.rateScaling);
    this.step = (4 + (speed & 3)) << (8 + (speed >> 2));
    this.hold = 0;
    const isFromSilence = segment === 0 && level === 0;
    if (this.target === this.level || isFromSilence) {
      const scaled = Math.min(99, rate + this.rateScaling);
      this.hold = isFromSilence && scaled < FULL_HOLD_RATE ? Math.trunc(HOLDS[scaled] / SHORT_HOLD) : HOLDS[scaled];
    }
  }

  /** Advance by a block. @param {boolean} isReleased */
  advance(isReleased) {
    if (this.hold > 0) {
      this.hold -= BLOCK;
      if (this.hold > 0) return;
      this.#enter(this.segment + 1);
    }
    if (this.hold > 0 || this.segment === END || (this.segment === RELEASE && !isReleased)) return;
    if (this.isRising) {
      this.level = Math.max(this.level, JUMP);
      this.level += ((CEILING - this.level) >> 24) * this.step;
    } else {
      this.level -= this.step;
    }
    if (this.isRising ? this.level >= this.target : this.level <= this.target) {
      this.level = this.target;
      this.#enter(this.segment + 1);
    }
  }
}

// ---- Pitches

/**
 * Pitch of an operator: log2 of its frequency in Hz, in 2**-24. Fixed ones are raised by detune, never lowered (msfa;
 * detune measured).
 * @param {Uint8Array} voice @param {Record<string, number>} at @param {number} key
 */
function operatorPitch(voice, at, key) {
  const coarse = voice[at.coarse];
  const fine = voice[at.fine];
  const detune = voice[at.detune];
  if (voice[at.mode] === 0) return DETUNED_KEYS[key][detune] + COARSE_RATIOS[coarse] + FINE_RATIOS[fine];
  return Math.floor((FIXED_STEP * ((coarse & 3) * 100 + fine)) / 8) + FIXED_DETUNE * Math.max(0, detune - 7);
}

/**
 * Phase increment of a pitch: an exponential, interpolated (msfa). A shift has five bits: from 21 octaves above 1 Hz
 * on, phases stand nearly still (measured).
 * @param {number} pitch
 */
function phaseIncrement(pitch) {
  const place = (pitch & (OCTAVE - 1)) >> 14;
  const between = pitch & 0x3fff;
  const low = INCREMENTS[place];
  return (low + Math.floor(((INCREMENTS[place + 1] - low) * between) / 2 ** 14)) >> (20 - (pitch >> 24));
}

const PITCH_EG_RATE = perBlock(OCTAVE / 21.3); // of PITCH_EG_RATES 1 (msfa)

/** Pitch envelope: a shift of all operators with a ratio to the key (msfa). */
class PitchEnvelope {
  rates = new Float64Array(4);
  levels = new Float64Array(4);
  segment = 0;
  level = 0;

  /** @param {Uint8Array} voice */
  start(voice) {
    for (let segment = 0; segment < END; segment++) {
      this.rates[segment] = PITCH_EG_RATES[voice[INDEX.pitch_eg_rate_1 + segment]] * PITCH_EG_RATE;
      this.levels[segment] = PITCH_EG_LEVELS[voice[INDEX.pitch_eg_level_1 + segment]] * (OCTAVE / 32);
    }
    this.segment = 0;
    this.level = this.levels[RELEASE];
  }

  release() {
    this.segment = RELEASE;
  }

  /** Advance by a block, and return the shift. @param {boolean} isReleased */
  advance(isReleased) {
    if (this.segment < RELEASE || (this.segment === RELEASE && isReleased)) {
      const target = this.levels[this.segment];
      const step = this.rates[this.segment];
      this.level = target > this.level ? Math.min(this.level + step, target) : Math.max(this.level - step, target);
      if (this.level === target) this.segment += 1;
    }
    return this.level;
  }
}

// ---- LFO

const UINT32 = 2 ** 32 - 1;
const HALF = 2 ** 31; // half a cycle of the LFO, and the end of its delay
const TRIANGLE = 0;
const SAW_DOWN = 1;
const SAW_UP = 2;
const SQUARE = 3;
const SINE = 4; // and 5: sample and hold

const DELAY_UNIT = perBlock(25_190_424); // (msfa)
const HIGHEST_MODULATION = DEPTH << 16;

/** LFO with its delay (msfa; speeds and the phase of a free run measured). Phases are in 2**-32 cycle. */
class Lfo {
  pitchShift = 0; // in 2**-24 octave
  modulation = 0; // of amplitudes, 0 to 255/256 of 2**24
  wave = TRIANGLE;
  step = 0;
  phase = 0;
  random = 0;
  pitchDepth = 0; // 0 to 255
  ampDepth = 0; // 0 to 255
  pitchSensitivity = 0; // 0 to 255
  delayPhase = 0;
  delayStep = 0; // in the first half, which is silent
  fadeStep = 0; // in the second half, which fades in

  /** @param {Uint8Array} voice */
  start(voice) {
    this.wave = voice[INDEX.lfo_wave];
    this.step = LFO_STEPS[voice[INDEX.lfo_speed]];
    this.phase = voice[INDEX.lfo_sync] ? HALF - 1 : 0;
    this.random = 0;
    // Depths of 0 to 99 become 0 to 255.
    this.pitchDepth = (voice[INDEX.lfo_pitch_depth] * 165) >> 6;
    this.ampDepth = (voice[INDEX.lfo_amp_depth] * 165) >> 6;
    this.pitchSensitivity = PITCH_SENSITIVITIES[voice[INDEX.pitch_mod_sensitivity]];
    this.delayPhase = 0;
    const fastness = 99 - voice[INDEX.lfo_delay];
    if (fastness === 99) {
      this.delayStep = this.fadeStep = UINT32;
    } else {
      const step = (16 + (fastness & 15)) << (1 + (fastness >> 4));
      this.delayStep = DELAY_UNIT * step;
      this.fadeStep = DELAY_UNIT * Math.max(step & 0xff80, 0x80);
    }
  }

  /** Advance the wave by a block, and return it, 0 to 2**24. */
  #advanceWave() {
    const phase = (this.phase + this.step) >>> 0;
    const isWrapped = phase < this.step;
    this.phase = phase;
    switch (this.wave) {
      case TRIANGLE:
        return (phase < HALF ? phase : UINT32 - phase) >>> 7;
      case SAW_DOWN:
        return (HALF - 1 - phase) >>> 8;
      case SAW_UP:
        return (phase + HALF) >>> 8;
      case SQUARE:
        return phase < HALF ? OCTAVE : 0;
      case SINE: {
        const place = phase >>> 22;
        const between = (phase >>> 8) & 0x3fff;
        const low = LFO_SINE[place];
        return OCTAVE / 2 + ((low + Math.floor(((LFO_SINE[place + 1] - low) * between) / 2 ** 14)) >> 1);
      }
      default:
        if (isWrapped) this.random = (this.random * 179 + 17) & 0xff;
        return ((this.random ^ 0x80) + 1) << 16;
    }
  }

  /** Advance the delay by a block, and return the part of the depths that it lets through, 0 to 2**24. */
  #advanceDelay() {
    const phase = this.delayPhase + (this.delayPhase < HALF ? this.delayStep : this.fadeStep);
    if (phase > UINT32) return OCTAVE;
    this.delayPhase = phase;
    return phase < HALF ? 0 : (phase >>> 7) & (OCTAVE - 1);
  }

  /** Advance by a block, and set `pitchShift` and `modulation`. @param {ControllerState} controllers */
  advance(controllers) {
    const wave = this.#advanceWave();
    const fade = this.#advanceDelay();
    const most = DEPTH * OCTAVE;
    const pitchDepth = Math.min(this.pitchDepth * fade + controllers.wheel * OCTAVE, most);
    const ampDepth = Math.min(this.ampDepth * fade + controllers.aftertouch * OCTAVE, most);
    this.pitchShift = multiplyShift(pitchDepth, this.pitchSensitivity * (wave - OCTAVE / 2), 39 - 16);
    const modulation = Math.floor((Math.floor(ampDepth / 256) * (OCTAVE - wave)) / OCTAVE);
    this.modulation = Math.min(modulation + (controllers.bias << 16), HIGHEST_MODULATION);
  }
}

/** Amplitude modulation of an operator (Plaits; constants measured). */
class AmplitudeModulation {
  sensitivity = 0;
  modulation = -1;
  attenuation = 0; // of that modulation: the law between them is costly

  /** @param {number} sensitivity 0 to 3 */
  start(sensitivity) {
    this.sensitivity = AMP_SENSITIVITIES[sensitivity];
    this.modulation = -1;
  }

  /** Return a level under modulation. @param {number} level @param {number} modulation */
  apply(level, modulation) {
    if (this.sensitivity === 0) return level;
    const sensed = Math.floor((modulation * this.sensitivity) / OCTAVE);
    if (sensed !== this.modulation) {
      this.modulation = sensed;
      this.attenuation = Math.floor(Math.exp(sensed * (0.07 / 262_144) + 12.2));
    }
    return level - Math.floor((level * this.attenuation) / OCTAVE);
  }
}

// ---- Operators

/**
 * Sample of a sine (ROM): two attenuations are added, and looked up as one amplitude. The negative half of the cycle,
 * bit 23 of the phase, is the complement.
 * @param {number} phase @param {number} attenuation
 */
function sine(phase, attenuation) {
  const total = (LOG_SINE[(phase >>> 12) & 2047] + attenuation) | 0;
  return (EXPONENTIAL[total & 1023] >> ((total >> 10) + 1)) ^ ((phase << 8) >> 31);
}

// Scratch of the note that is being computed: notes are computed one after the other.
const SAMPLES = Array.from({ length: OPERATORS }, () => new Int32Array(BLOCK));
const SUM = new Int32Array(BLOCK);

/** Sum of the samples of one or more operators. @param {number[]} operators */
function sumSamples(operators) {
  if (operators.length === 1) return SAMPLES[operators[0]];
  SUM.set(SAMPLES[operators[0]]);
  for (let index = 1; index < operators.length; index++) {
    const samples = SAMPLES[operators[index]];
    for (let k = 0; k < BLOCK; k++) SUM[k] += samples[k];
  }
  return SUM;
}

/**
 * Compute a block of an operator that nothing modulates.
 * @param {Int32Array} samples where to
 * @param {number} phase @param {number} increment
 * @param {number} attenuation before the first sample @param {number} ramp
 */
function runAlone(samples, phase, increment, attenuation, ramp) {
  for (let k = 0; k < BLOCK; k++) {
    attenuation = (attenuation + ramp) | 0;
    samples[k] = sine(phase, attenuation);
    phase = (phase + increment) | 0;
  }
}

/**
 * Compute a block of an operator modulated by samples of others.
 * @param {Int32Array} samples where to @param {Int32Array} modulation
 * @param {number} phase @param {number} increment
 * @param {number} attenuation before the first sample @param {number} ramp
 */
function runModulated(samples, modulation, phase, increment, attenuation, ramp) {
  for (let k = 0; k < BLOCK; k++) {
    attenuation = (attenuation + ramp) | 0;
    samples[k] = sine((phase + (modulation[k] << MODULATION_SHIFT)) | 0, attenuation);
    phase = (phase + increment) | 0;
  }
}

/** One note of one voice. It can be started again, and allocates nothing then. */
export class Note {
  #algorithm = 0;
  #feedback = 0;
  #isReleased = false;
  #lastShift = NaN; // of pitches
  #lfo = new Lfo();
  #pitchEnvelope = new PitchEnvelope();
  #envelopes = Array.from({ length: OPERATORS }, () => new Envelope());
  #modulations = Array.from({ length: OPERATORS }, () => new AmplitudeModulation());
  #pitches = new Int32Array(OPERATORS);
  #isFixed = new Uint8Array(OPERATORS);
  #phases = new Int32Array(OPERATORS);
  #increments = new Int32Array(OPERATORS);
  #starts = new Int32Array(OPERATORS); // attenuations at the start of a block
  #ends = new Int32Array(OPERATORS);
  #isAudible = new Uint8Array(OPERATORS);
  #last = 0; // last sample that is fed back
  #before = 0; // the one before it

  /**
   * Press a key.
   * @param {Uint8Array} voice its 145 parameters in VCED order, each within its range
   * @param {number} note MIDI note, 0 to 127
   * @param {number} velocity 1 to 127
   */
  start(voice, note, velocity) {
    const key = clamp(note + voice[INDEX.transpose] - NO_TRANSPOSITION, 0, 127);
    this.#algorithm = voice[INDEX.algorithm];
    this.#feedback = voice[INDEX.feedback];
    this.#isReleased = false;
    this.#lastShift = NaN;
    this.#lfo.start(voice);
    this.#pitchEnvelope.start(voice);
    for (let o = 0; o < OPERATORS; o++) {
      const at = OPERATOR_INDEX[o];
      this.#envelopes[o].start(voice, at, key, velocity);
      this.#modulations[o].start(voice[at.amp_mod_sensitivity]);
      this.#pitches[o] = operatorPitch(voice, at, key);
      this.#isFixed[o] = voice[at.mode];
      this.#increments[o] = phaseIncrement(this.#pitches[o]);
    }
    this.#phases.fill(0); // whatever oscillator sync is (measured)
    this.#ends.fill(FIRST_ATTENUATION);
    this.#last = this.#before = 0;
  }

  /** Let the key go, from the next block on. */
  release() {
    if (this.#isReleased) return;
    this.#isReleased = true;
    this.#pitchEnvelope.release();
    for (const envelope of this.#envelopes) envelope.release();
  }

  /** True once the key is up and all carriers are silent for good. */
  get isOver() {
    if (!this.#isReleased) return false;
    for (let o = 0; o < OPERATORS; o++) {
      if (!IS_CARRIER[this.#algorithm][o]) continue;
      const { segment, level } = this.#envelopes[o];
      // The level without modulation: modulation may let it sound again.
      if (segment !== END || this.#ends[o] <= INAUDIBLE || SILENT - (level >> 14) <= INAUDIBLE) return false;
    }
    return true;
  }

  /**
   * Add a block of samples.
   * @param {Int32Array} out of BLOCK samples
   * @param {ControllerState} controllers
   */
  addBlock(out, controllers) {
    this.#control(controllers);
    const loopStart = FEEDBACK_OPERATOR[this.#algorithm];
    const loopEnd = LOOP_END[this.#algorithm];
    const hasFeedback = this.#feedback > 0 && this.#isAudible[loopStart];
    for (let o = OPERATORS - 1; o >= 0; o--) {
      const isInLoop = hasFeedback && o <= loopStart && o >= loopEnd;
      if (isInLoop && o > loopEnd) continue;
      if (isInLoop) this.#runFeedback(loopStart, loopEnd); // audible even where its end is silent (measured)
      else if (this.#isAudible[o]) this.#runOperator(o);
      else SAMPLES[o].fill(0);
      if (IS_CARRIER[this.#algorithm][o] && (isInLoop || this.#isAudible[o])) {
        const samples = SAMPLES[o];
        for (let k = 0; k < BLOCK; k++) out[k] += samples[k];
      }
    }
    for (let o = 0; o < OPERATORS; o++) this.#phases[o] += Math.imul(this.#increments[o], BLOCK);
  }

  /** Advance envelopes and LFO by a block: increments and attenuations. @param {ControllerState} controllers */
  #control(controllers) {
    this.#lfo.advance(controllers);
    const shift = this.#lfo.pitchShift + this.#pitchEnvelope.advance(this.#isReleased) + controllers.bend;
    const isMoved = shift !== this.#lastShift;
    this.#lastShift = shift;
    for (let o = 0; o < OPERATORS; o++) {
      const envelope = this.#envelopes[o];
      envelope.advance(this.#isReleased);
      const level = this.#modulations[o].apply(envelope.level, this.#lfo.modulation);
      this.#starts[o] = this.#ends[o];
      this.#ends[o] = SILENT - (level >> 14);
      this.#isAudible[o] = this.#starts[o] <= INAUDIBLE || this.#ends[o] <= INAUDIBLE ? 1 : 0;
      if (isMoved && !this.#isFixed[o]) this.#increments[o] = phaseIncrement(this.#pitches[o] + shift);
    }
  }

  /** Change of an operator's attenuation with each sample of this block. @param {number} o */
  #ramp(o) {
    return (this.#ends[o] - this.#starts[o] + BLOCK / 2) >> 6;
  }

  /** Compute a block of an operator. @param {number} o */
  #runOperator(o) {
    const modulators = MODULATORS[this.#algorithm][o];
    if (modulators.length === 0) {
      runAlone(SAMPLES[o], this.#phases[o], this.#increments[o], this.#starts[o], this.#ramp(o));
    } else {
      const modulation = sumSamples(modulators);
      runModulated(SAMPLES[o], modulation, this.#phases[o], this.#increments[o], this.#starts[o], this.#ramp(o));
    }
  }

  /**
   * Compute a block of the operator with feedback, or of the loop of algorithms 4 and 6: from operator 6 down to
   * `end`, each is modulated by the one before it, and the first by the last two samples. Only the first one's
   * attenuation moves within a block (measured).
   * @param {number} first @param {number} end
   */
  #runFeedback(first, end) {
    const samples = SAMPLES[end];
    const shift = this.#feedback + FEEDBACK_SHIFT[this.#algorithm];
    const ramp = this.#ramp(first);
    const increment = this.#increments[first];
    let phase = this.#phases[first];
    let attenuation = this.#starts[first];
    let last = this.#last;
    let before = this.#before;
    if (first === end) {
      for (let k = 0; k < BLOCK; k++) {
        attenuation = (attenuation + ramp) | 0;
        const sample = sine((phase + ((last + before) << shift)) | 0, attenuation);
        phase = (phase + increment) | 0;
        before = last;
        last = sample;
        samples[k] = sample;
      }
    } else {
      let phase5 = this.#phases[4];
      let phase4 = this.#phases[3];
      for (let k = 0; k < BLOCK; k++) {
        attenuation = (attenuation + ramp) | 0;
        let sample = sine((phase + ((last + before) << shift)) | 0, attenuation);
        phase = (phase + increment) | 0;
        sample = sine((phase5 + (sample << MODULATION_SHIFT)) | 0, this.#ends[4]);
        phase5 = (phase5 + this.#increments[4]) | 0;
        if (end === 3) {
          sample = sine((phase4 + (sample << MODULATION_SHIFT)) | 0, this.#ends[3]);
          phase4 = (phase4 + this.#increments[3]) | 0;
        }
        before = last;
        last = sample;
        samples[k] = sample;
      }
    }
    this.#last = last;
    this.#before = before;
  }
}

/**
 * Render a note at 44,100 Hz. A carrier at full level swings between -1 and 1. Throws a FieldError for an argument out
 * of its range.
 * @param {Uint8Array} voice its 145 parameters, in VCED order
 * @param {number} [note] MIDI note, 0 to 127
 * @param {number} [velocity] 1 to 127
 * @param {number} [seconds] length, at most 600
 * @param {number} [held] seconds until key-up
 * @param {import("./ranges.js").Controllers} [controllers] positions throughout the note
 * @returns {Float32Array}
 */
export function render(voice, note = 60, velocity = 100, seconds = 2, held = (seconds * 2) / 3, controllers = {}) {
  const state = new ControllerState();
  state.set(controllers);
  const playing = new Note();
  playing.start(requireVoice(voice), requireNote(note), requireVelocity(velocity));
  const out = new Float32Array(Math.round(requireNumber("seconds", seconds, 1 / SAMPLE_RATE, 600) * SAMPLE_RATE));
  const keyUp = Math.round(requireNumber("held", held, 0, Number.MAX_VALUE) * SAMPLE_RATE);
  const block = new Int32Array(BLOCK);
  for (let start = 0; start < out.length; start += BLOCK) {
    if (start >= keyUp) playing.release();
    block.fill(0);
    playing.addBlock(block, state);
    const count = Math.min(BLOCK, out.length - start);
    for (let k = 0; k < count; k++) out[start + k] = block[k] / FULL_CARRIER;
  }
  return out;
}
