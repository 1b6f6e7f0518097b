"""Basses: synthetic, slapped, picked, fretless, upright."""

from dataclasses import replace

from tools.demo_corpus.sheets import Family, Part, Stack

_SYNTH = Part("0.5 1", "96-99 35-60 25-45 60-78", "99 82-95 70-92 0", velocity="0-3", rate_scaling="0-2")
# A filter sweep, in FM: brightness falls while the tone is steady.
_SWEEP = Part(
    "0.5 1 1 2", "94-99 38-60 28-48 55-75", "99 60-84 0-60 0", output="72-90", velocity="2-5", rate_scaling="0-2"
)

_PLUCK = Part("0.5", "95-99 32-46 24-36 58-72", "99 76-90 0 0", velocity="1-3", rate_scaling="1-3")
_SLAP = Part(
    "0.5 1 2 5",
    "97-99 48-66 34-50 60-76",
    "99 72-88 0-30 0",
    output="78-94",
    velocity="4-7",
    rate_scaling="2-4",
    scaling="24-36 0 10-35 0 0-1",
)
_POP = replace(_SLAP, tuning="3 5 7 9", rates="98-99 58-76 45-60 65-80", levels="99 40-65 0 0")
_FINGER = replace(_SLAP, tuning="0.5 1 1", output="72-88", velocity="2-5")

_FRETLESS = replace(_PLUCK, rates="76-90 28-40 20-32 56-70", levels="99 84-94 0-40 0")
_MWAH = Part("0.5 1", "58-74 35-50 25-40 55-70", "92-99 84-95 50-75 0", output="68-84", velocity="2-4")

_UPRIGHT = replace(_PLUCK, rates="92-98 34-48 28-40 58-72", levels="99 72-86 0 0")
_WOOD = replace(_FINGER, tuning="0.5 1 1.5 3", rates="95-99 50-68 35-50 60-75", output="70-84")

BASSES = (
    Family(
        "Bass",
        "Basses/SYNBASS",
        66,
        ("SYN BASS", "SYNTH BASS", "MOOG BASS", "BASS", "SEQ BASS", "FAT BASS", "SOLID BASS", "ACID BASS", "SYN BS"),
        "1 2 3 4 14 15 16 17 18",
        (Stack(_SYNTH, _SWEEP),),
        feedback="3-7",
        transpose="24 24 12",
    ),
    Family(
        "Bass",
        "Basses/EBASS",
        34,
        ("SLAP BASS", "SLAPBASS", "THUMB BASS", "POP BASS", "SLP BS"),
        "1 7 8 12 16 17",
        (Stack(_PLUCK, _SLAP), Stack(replace(_PLUCK, output="84-94"), _POP)),
        feedback="3-7",
    ),
    Family(
        "Bass",
        "Basses/EBASS",
        36,
        ("E.BASS", "PICK BASS", "FINGR BASS", "ELEC BASS", "FLAT BASS", "ROCK BASS", "E.BS"),
        "2 9 10 15 16 18 28",
        (Stack(_PLUCK, _FINGER), Stack(replace(_PLUCK, output="82-92"), _SLAP)),
        feedback="2-7",
    ),
    Family(
        "Bass",
        "Basses/EBASS",
        28,
        ("FRETLESS", "FRETLES BS", "FRTLS BASS", "SING BASS"),
        "2 11 14 16 26 27",
        (Stack(_FRETLESS, _MWAH),),
        feedback="1-5",
        lfo="28-36 30-60 3-8 0",
        waves="4 0",
    ),
    Family(
        "Bass",
        "Basses/EBASS",
        28,
        ("AC.BASS", "UPRIGHT BS", "JAZZ BASS", "WOOD BASS", "DOUBLE BS"),
        "1 10 17 18 28",
        (Stack(_UPRIGHT, _WOOD),),
        feedback="0-5",
    ),
)
