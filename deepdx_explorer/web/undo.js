// Undo: the last changes that the user made, and how each is taken back.

import { notify } from "./dom.js";
import { attempt } from "./player.js";

const MAX = 100;
/** @type {{ label: string, undo: () => Promise<any> }[]} */
const changes = [];
/** @type {?HTMLButtonElement} */
let control = null;

/** @param {HTMLButtonElement} element the button that undoes */
export function setUndoButton(element) {
  control = element;
  control.onclick = undoLast;
}

/** Remember how to take a change back. @param {string} label @param {() => Promise<any>} undo */
export function remember(label, undo) {
  changes.push({ label, undo });
  if (changes.length > MAX) changes.shift();
  update();
}

/** Take the last change back. */
export async function undoLast() {
  const last = changes.pop();
  update();
  if (!last) return;
  await attempt(async () => {
    await last.undo();
    notify(`Undone: ${last.label}`);
    document.dispatchEvent(new CustomEvent("kept"));
  });
}

function update() {
  control.disabled = !changes.length;
  control.title = changes.length ? `Undo: ${changes.at(-1).label}` : "";
}
