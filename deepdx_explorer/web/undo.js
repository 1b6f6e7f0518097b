// Undo: the last changes that the user made, and how each is taken back. Changes and undos run one after another.

import { notify } from "./dom.js";
import { attempt } from "./player.js";

const MAX = 100;
/** @type {{ label: string, undo: () => Promise<any> }[]} */
const changes = [];
/** @type {?HTMLButtonElement} */
let control = null;
let last = Promise.resolve();

/** @param {HTMLButtonElement} element the button that undoes */
export function setUndoButton(element) {
  control = element;
  control.onclick = undoLast;
}

/** Run an action after all before it, and show its error. @param {() => Promise<any>} action */
export function inTurn(action) {
  last = last.then(() => attempt(action));
  return last;
}

/** Remember how to take a change back. @param {string} label @param {() => Promise<any>} undo */
export function remember(label, undo) {
  changes.push({ label, undo });
  if (changes.length > MAX) changes.shift();
  update();
}

/** Take the last change back. One that the server refuses, because something else changed since, is given up. */
export const undoLast = () =>
  inTurn(async () => {
    const change = changes.at(-1);
    if (!change) return;
    try {
      await change.undo();
    } catch (error) {
      if (error.status) changes.pop();
      update();
      throw error;
    }
    changes.pop();
    update();
    document.dispatchEvent(new CustomEvent("undone"));
    notify(`Undone: ${change.label}`);
  });

function update() {
  control.disabled = !changes.length;
  control.title = changes.length ? `Undo: ${changes.at(-1).label}` : "";
}
