// Phrases: notes at shares of their length, played by a synthesizer.

const SECONDS = 3;

/**
 * Play the notes of a phrase. Return the timers, to stop it.
 * @param {import("/engine/synth.js").DX7} synth
 * @param {{ start: number, note: number, held: number, accent: number }[]} notes
 */
export function playPhrase(synth, notes) {
  const at = (share, action) => setTimeout(action, share * SECONDS * 1000);
  return notes.flatMap(({ start, note, held, accent }) => [
    at(start, () => synth.noteOn(note, Math.min(Math.max(Math.round(100 * accent), 1), 127))),
    at(start + held, () => synth.noteOff(note)),
  ]);
}
