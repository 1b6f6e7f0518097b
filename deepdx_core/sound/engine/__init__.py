"""The DX7's sound: integers of the 1980s' chips, computed for many notes at once.

`tables` numbers and their sources; `routing` the algorithms; `notes` a voice at a key; `control` envelopes and LFO;
`operators` the sines; `kernel` all of them together; `compilation` numba; `browser` the same engine in JavaScript.

Its samples are those of Dexed's Mark I engine, bit for bit, as measured with dexed-py 0.3.0. It was written from msfa's
and Plaits' published sources (see NOTICE) and such measurements; nobody read Dexed's own source, which is GPL.

So it is not a DX7 in all respects: the machine counts envelopes at 49,096 Hz, starts a note at level 4, and lets
amplitude modulation sensitivity alone change nothing.
"""
