// Body of an async function that lets the tests' page play notes, and compute what they should be.

globalThis.QUANTUM = 128; // samples between two moments at which the worklet gets messages
const { DX7 } = await import(`${location.origin}/synth.js`);
const { BLOCK, ControllerState, Note } = await import(`${location.origin}/voice.js`);
globalThis.DX7 = DX7;

/** Play events [quantum, function of the synth], and return samples, in 1/4096 of a full carrier, and errors. */
globalThis.play = async (quanta, events) => {
  const context = new OfflineAudioContext(1, quanta * QUANTUM, 44100);
  const synth = await DX7.create(context);
  const errors = [];
  let answered;
  synth.onerror = (message) => (message.endsWith(" ping") ? answered() : errors.push(message));
  for (const quantum of new Set(events.map(([quantum]) => quantum))) {
    context.suspend((quantum * QUANTUM) / 44100).then(async () => {
      for (const [when, act] of events) if (when === quantum) act(synth);
      const handled = new Promise((resolve) => (answered = resolve));
      synth.node.port.postMessage({ type: "ping" }); // there is no such message: its error comes last
      await handled;
      context.resume();
    });
  }
  const samples = (await context.startRendering()).getChannelData(0);
  return { samples: Array.from(samples, (sample) => sample * 4096 * 8), errors };
};

/** Compute the samples of `play` from notes (`from`, `up` and `to` are quanta) and positions [quantum, controllers]. */
globalThis.expect = (quanta, notes, positions = []) => {
  const out = new Int32Array(quanta * QUANTUM);
  for (const { voice, note, velocity = 100, from = 0, up = Infinity, to = Infinity } of notes) {
    const playing = new Note();
    const state = new ControllerState();
    playing.start(Uint8Array.from(voice), note, velocity);
    for (let at = 0; at < out.length; at += BLOCK) {
      const quantum = at / QUANTUM;
      for (const [when, controllers] of positions) if (when === quantum) state.set(controllers);
      if (quantum < from || quantum >= to) continue;
      if (quantum >= up) playing.release();
      playing.addBlock(out.subarray(at, at + BLOCK), state);
    }
  }
  return out;
};

/** Compare, and return the first sample that differs, or -1; throws if nothing sounds. */
globalThis.firstDifference = ({ samples }, expected) => {
  if (!expected.some((sample) => sample !== 0)) throw new Error("nothing sounds");
  return expected.findIndex((sample, index) => sample !== samples[index]);
};
