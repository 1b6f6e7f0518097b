"""The DX7's sound, in integers like those of its chips, for many notes at once.

- `tables`: numbers and their sources. `routing`: the algorithms.
- `notes`: a voice at a key, before the first block. `control`: envelopes and LFO. `operators`: sines.
- `kernel`: all of them together. `compilation`: numba.
- `browser`: the same engine in JavaScript.

Its samples are those of Dexed's Mark I engine, bit for bit, as measured with dexed-py 0.3.0. It was written from the
sources of msfa and Plaits (see NOTICE) and such measurements; nobody read Dexed's own source, which is GPL.

Like Dexed, it differs from a DX7: the machine counts envelopes at 49,096 Hz, starts a note at level 4, and ignores
amplitude modulation sensitivity as long as nothing modulates.
"""
