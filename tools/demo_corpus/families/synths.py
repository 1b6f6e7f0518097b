"""Purely synthetic sounds: pads, leads, synths."""

from dataclasses import replace

from tools.demo_corpus.sheets import Family, Part, Stack

# Slow attack, slow release.
_CLOUD = Part(
    "1 1 1 2 0.5",
    "32-48 32-50 28-45 34-50",
    "92-99 92-98 90-97 0",
    output="91-99",
    detune=5,
    velocity="0-2",
    rate_scaling="0-1",
    tremolo="0-1",
)
_GLOW = Part(
    "1 1 2 0.5",
    "26-46 28-45 24-42 34-50",
    "88-99 80-94 76-94 0",
    output="65-82",
    detune=4,
    velocity="0-2",
    rate_scaling="0-1",
    scaling="45-57 0 8-26 0 0-1",
)
_GLASS = replace(
    _GLOW, tuning="3 4 5 7 3.5", rates="34-55 28-40 24-38 34-50", levels="90-99 72-88 55-84 0", output="50-68"
)
_SHIMMER = replace(_CLOUD, tuning="1 2 4 3", output="78-92", tremolo="1-2")

_LEAD = Part("1 1 0.5", "84-98 50-75 40-70 62-80", "99 95-99 92-98 0", detune=2, velocity="0-2", rate_scaling="0-1")
_SAW = Part("1 1 1 2", "84-98 45-70 40-65 60-75", "99 92-98 90-97 0", output="74-87", velocity="1-3")
_SQUARE = replace(_SAW, tuning="2 2 4", output="74-86")
_SYNC = replace(_SAW, tuning="3 5 2 1", rates="88-98 32-46 28-40 58-72", levels="99 76-90 50-76 0", output="80-94")

_STAB = Part("1 1 2 0.5", "90-98 38-52 32-46 54-68", "99 84-93 60-84 0", detune=4, velocity="0-3", rate_scaling="0-2")
_COMP = Part("1 1 2 3", "86-97 36-52 30-45 54-68", "99 82-93 60-84 0", output="74-90", detune=2, velocity="2-4")
_PING = replace(_COMP, tuning="2 4 5 7 11", rates="95-99 45-60 38-50 55-70", levels="99 50-72 0 0", output="60-76")

SYNTHS = (
    Family(
        "Pads",
        "Pads/PADS",
        96,
        ("WARM PAD", "SLOW PAD", "SYN PAD", "SWEEP PAD", "SOFT PAD", "DARK PAD", "PAD", "STRING PAD", "AMBIENT PD"),
        "2 5 6 14 19 22 21 26 27 29 30 31 32",
        (Stack(_CLOUD, _GLOW), Stack(replace(_CLOUD, output="84-94"), _GLOW)),
        feedback="0-7",
        lfo="12-34 0-50 1-5 0-20",
        waves="0 4",
    ),
    Family(
        "Pads",
        "Pads/PADS",
        42,
        ("GLASS PAD", "CRYSTL PAD", "SHIMMR PAD", "AIR PAD", "BELL PAD", "ICE PAD"),
        "5 19 20 21 23 24 25 31",
        (Stack(_CLOUD, _GLASS), Stack(_SHIMMER, _GLASS)),
        feedback="0-5",
        lfo="14-36 0-30 0-4 5-25",
        waves="0 4",
    ),
    Family(
        "Synth",
        "Synths/LEADS",
        48,
        ("LEAD SAW", "SYN LEAD", "SAW LEAD", "LEAD", "FAT LEAD", "LEAD SYNTH", "SOLO LEAD", "LD"),
        "1 2 3 4 16 18 9",
        (Stack(_LEAD, _SAW),),
        feedback="5-7",
        lfo="30-40 30-60 4-9 0",
        waves="4 0",
    ),
    Family(
        "Synth",
        "Synths/LEADS",
        38,
        ("SQUARE LD", "SYNC LEAD", "HARD LEAD", "SQR LEAD", "SYNCLEAD"),
        "3 4 5 14 18 20 28",
        (Stack(_LEAD, _SQUARE), Stack(replace(_LEAD, output="82-94"), _SYNC)),
        feedback="2-7",
        lfo="30-42 20-50 4-9 0",
        waves="4 0 3",
    ),
    Family(
        "Synth",
        "Synths/SYNTHS",
        68,
        ("SYNTH", "POLYSYNTH", "FM SYNTH", "SYN COMP", "SYNTH STAB", "DIGI SYNTH", "SEQUENCE", "SYNCLAV", "POLY SYN"),
        "2 5 6 8 10 13 19 22 24 25 32",
        (Stack(_STAB, _COMP), Stack(replace(_STAB, output="84-95"), _PING)),
        feedback="2-7",
        lfo="20-40 0-30 0-5 0-5",
        waves="0 3 4",
    ),
)
