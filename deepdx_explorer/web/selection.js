// The chosen voice: whoever chooses one calls `choose`, whoever shows it listens.

import { get } from "./api.js";
import { sendWhileBrowsing } from "./keyboard.js";
import { attempt, player } from "./player.js";
import { change } from "./state.js";

/** @type {Set<(voice: any) => void>} */
const listeners = new Set();

/** The voices that this page has seen, by sound id. @type {Map<string, any>} */
export const known = new Map();

/**
 * Choose a voice: play it, show its sheet, and keep it in the address.
 * @param {any} voice @param {{ isPassing?: boolean }} [options] isPassing: one of many on the way; Back skips it
 */
export function choose(voice, { isPassing = false } = {}) {
  known.set(voice.sound_id, voice);
  change({ sound: voice.sound_id }, { isNew: !isPassing });
  attempt(() => player.play(voice));
  sendWhileBrowsing(voice);
  for (const listener of listeners) listener(voice);
}

/** Choose a voice by its id. @param {string} soundId */
export const chooseById = (soundId) => attempt(async () => choose(await get(`sounds/${soundId}/voice`)));

/** Call a function with each voice that is chosen. @param {(voice: any) => void} listener */
export function onChoice(listener) {
  listeners.add(listener);
}
