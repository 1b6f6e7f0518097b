// Ranges of voices, notes and controllers. Errors name the field and its range.

import { PARAMETERS } from "./tables.js";

/** A value that is out of its range. `field` is its name. */
export class FieldError extends RangeError {
  /** @param {string} field @param {string} message */
  constructor(field, message) {
    super(message);
    this.name = "FieldError";
    this.field = field;
  }
}

/**
 * Return a number, or throw a FieldError if it is not one from `low` to `high`.
 * @param {string} field
 * @param {unknown} value
 * @param {number} low
 * @param {number} high
 * @returns {number}
 */
export function requireNumber(field, value, low, high) {
  if (typeof value !== "number") throw new FieldError(field, `${field} is ${describe(value)}, it must be a number`);
  // NaN compares false.
  if (!(value >= low && value <= high)) {
    throw new FieldError(field, `${field} is ${value}, its range is ${low} to ${high}`);
  }
  return value;
}

/** Return an integer, or throw a FieldError. @type {typeof requireNumber} */
export function requireInteger(field, value, low, high) {
  const number = requireNumber(field, value, low, high);
  if (!Number.isInteger(number)) throw new FieldError(field, `${field} is ${number}, it must be an integer`);
  return number;
}

/** Return a MIDI note, or throw a FieldError. @param {unknown} note */
export const requireNote = (note) => requireInteger("note", note, 0, 127);

/** Return a velocity, or throw a FieldError: 0 is not one, it releases a note. @param {unknown} velocity */
export const requireVelocity = (velocity) => requireInteger("velocity", velocity, 1, 127);

/**
 * Return a copy of a voice, or throw a FieldError that names the first parameter out of its range.
 * @param {unknown} voice its 145 parameters, in VCED order
 * @returns {Uint8Array}
 */
export function requireVoice(voice) {
  const count = PARAMETERS.length;
  if (!(voice instanceof Uint8Array) || voice.length !== count) {
    throw new FieldError("voice", `voice is ${describe(voice)}, it must be a Uint8Array of ${count} parameters`);
  }
  const parameters = voice.slice();
  PARAMETERS.forEach(([name, maximum], index) => requireNumber(String(name), parameters[index], 0, Number(maximum)));
  return parameters;
}

/** Highest pitch bend either way, in semitones. */
export const BEND = 12;

/**
 * Positions of the controllers.
 * @typedef {object} Controllers
 * @property {number} [pitchBend] semitones, -12 to 12
 * @property {number} [wheel] adds to the LFO's pitch modulation, 0 to 1
 * @property {number} [aftertouch] adds to the LFO's amplitude modulation, 0 to 1
 * @property {?number} [breath] envelope bias, 0 (silent, if the voice is fully sensitive) to 1; null: not in use
 */

/**
 * Throw a FieldError for a position out of range, or a controller that does not exist.
 * @param {unknown} controllers
 * @returns {Controllers}
 */
export function requireControllers(controllers) {
  if (typeof controllers !== "object" || controllers === null) {
    throw new FieldError("controllers", `controllers is ${describe(controllers)}, it must be an object`);
  }
  for (const [name, position] of Object.entries(controllers)) {
    if (name === "pitchBend") requireNumber(name, position, -BEND, BEND);
    else if (name === "wheel" || name === "aftertouch") requireNumber(name, position, 0, 1);
    else if (name !== "breath") {
      throw new FieldError(name, `${name} is not a controller: pitchBend, wheel, aftertouch, breath`);
    } else if (position !== null) requireNumber(name, position, 0, 1);
  }
  return controllers;
}

/** Return a value in words, whatever it is. @param {unknown} value */
export function describe(value) {
  if (ArrayBuffer.isView(value)) return `${value.constructor.name} of ${/** @type {Uint8Array} */ (value).length}`;
  return value === null || typeof value !== "object" ? String(value) : "an object";
}
