"""Orchestra and choir: strings, brass, woodwind, tutti."""

from dataclasses import replace

from tools.demo_corpus.sheets import Family, Part, Stack

# Many bows: detuned, and with slow attacks.
_BOWED = Part(
    "1 1 1 2",
    "46-62 45-65 40-60 44-58",
    "94-99 92-98 90-98 0",
    output="92-99",
    detune=4,
    velocity="0-2",
    rate_scaling="0-2",
    tremolo="0",
)
_ROSIN = Part(
    "1 1 2 3",
    "46-66 40-60 35-55 45-60",
    "92-99 86-95 84-94 0",
    output="69-84",
    detune=3,
    velocity="1-3",
    rate_scaling="0-2",
    scaling="45-57 0 10-32 0 0-1",
)
_SOLO = replace(_BOWED, tuning="1", rates="55-70 45-65 40-60 56-70", detune=1, velocity="1-3")
_SOLO_ROSIN = replace(_ROSIN, tuning="1 1 2 3 4", rates="58-74 40-60 35-55 50-65", output="72-86")
_PIZZICATO = Part("1", "95-99 50-60 45-55 58-68", "99 60-75 0 0", velocity="2-4", rate_scaling="1-3")
_FINGER = replace(_PIZZICATO, tuning="1 2 3", rates="96-99 60-72 50-65 60-72", output="60-76")

# Brass: the tone opens a little after the note.
_LIPS = Part(
    "1", "62-78 40-60 35-55 60-74", "96-99 92-98 90-98 0", output="95-99", detune=3, velocity="1-2", rate_scaling="0-2"
)
_BRASS = Part(
    "1 1 1 2",
    "48-66 38-56 32-50 55-70",
    "96-99 86-95 84-95 0",
    output="77-91",
    detune=2,
    velocity="2-5",
    rate_scaling="0-2",
    scaling="48-60 0 8-26 0 0-1",
)
_HORN = replace(_BRASS, rates="45-60 38-56 32-50 52-66", output="64-76")

_BREATH = Part("1", "58-72 45-65 40-60 58-72", "95-99 93-98 92-98 0", output="95-99", velocity="1-2")
_AIR = Part(
    "1 2 1",
    "58-74 42-60 38-55 56-70",
    "94-99 70-86 66-84 0",
    output="50-66",
    velocity="1-4",
    scaling="45-57 0 5-20 0 0-1",
)
_CLARINET = replace(_AIR, tuning="2 2 4", levels="94-99 90-96 88-96 0", output="64-78")
_OBOE = replace(_AIR, tuning="2 3 4 1", levels="94-99 90-97 88-96 0", output="74-86")
_SAX = replace(_AIR, tuning="1 1 2 3", levels="94-99 90-96 86-95 0", output="74-88")
_SWELL = "28-38 25-50 4-10 0-5"

_HIT = Part("1 0.5 2 1 1", "88-97 38-50 34-46 48-60", "99 78-88 0 0", detune=5, velocity="1-3", rate_scaling="0-2")
_HIT_BITE = Part("1 1 2 0.5 3", "82-96 40-55 35-50 50-65", "99 76-88 0-40 0", output="74-90", detune=4, velocity="2-4")
_TUTTI = replace(_BOWED, tuning="1 0.5 2 1", rates="50-66 45-65 40-60 48-60")

_VOICE = Part(
    "1 1 1 2",
    "40-56 45-65 40-60 44-56",
    "92-98 93-98 92-98 0",
    output="92-99",
    detune=4,
    velocity="0-1",
    rate_scaling="0-1",
)
_VOWEL = replace(
    _VOICE, tuning="1 1 2 4 6", rates="42-60 42-60 40-58 46-58", levels="90-98 86-95 84-94 0", output="52-70"
)
# A formant does not move with the key.
_FORMANT = replace(_VOWEL, tuning="F270-295", output="40-58")

ORCHESTRA = (
    Family(
        "Orchestra",
        "Orchestra/STRINGS",
        72,
        ("STRINGS", "STRING ENS", "VIOLINS", "CELLOS", "STRGS", "ORCH STRGS", "STRNG SECT", "LOW STRGS"),
        "2 2 5 6 22 29 30 15 14",
        (Stack(_BOWED, _ROSIN),),
        feedback="3-7",
        lfo="26-36 20-60 2-6 0",
        waves="0 4",
    ),
    Family(
        "Orchestra",
        "Orchestra/STRINGS",
        38,
        ("VIOLIN", "CELLO", "VIOLA", "SOLO VIOLN", "SOLO CELLO", "FIDDLE"),
        "1 2 3 9 13 17",
        (Stack(_SOLO, _SOLO_ROSIN),),
        feedback="3-7",
        lfo=_SWELL,
        waves="4 0",
        transpose="24 24 12",
    ),
    Family(
        "Orchestra",
        "Orchestra/STRINGS",
        20,
        ("PIZZICATO", "PIZZ STRGS", "PIZZ", "PIZZ VLNS"),
        "5 11 20 21 27",
        (Stack(_PIZZICATO, _FINGER),),
        feedback="0-4",
    ),
    Family(
        "Orchestra",
        "Orchestra/BRASS",
        74,
        ("BRASS", "TRUMPETS", "BRASS SECT", "BRSS", "BRASS ENS", "TRUMPET", "TROMBONES", "SYN BRASS"),
        "1 2 18 22 22 22 16 9",
        (Stack(_LIPS, _BRASS),),
        feedback="5-7",
        lfo="28-38 30-60 2-6 0",
    ),
    Family(
        "Orchestra",
        "Orchestra/BRASS",
        30,
        ("FR.HORN", "HORNS", "FRENCH HRN", "TUBA", "FLUGELHORN"),
        "14 15 17 18 28 22",
        (Stack(_LIPS, _HORN),),
        feedback="1-5",
        lfo="28-36 40-70 2-5 0",
        transpose="24 24 12",
    ),
    Family(
        "Orchestra",
        "Orchestra/WOODS",
        36,
        ("FLUTE", "FLUTES", "PAN FLUTE", "PICCOLO", "RECORDER", "SHAKUHACHI"),
        "16 17 18 1 28 23",
        (Stack(_BREATH, _AIR),),
        feedback="2-7",
        lfo=_SWELL,
        waves="4 0",
        transpose="24 24 36",
    ),
    Family(
        "Orchestra",
        "Orchestra/WOODS",
        24,
        ("CLARINET", "BASS CLAR", "CLARINETS", "CLRNET"),
        "1 7 14 17 28",
        (Stack(_BREATH, _CLARINET),),
        feedback="1-5",
        lfo=_SWELL,
        waves="4 0",
        transpose="24 24 12",
    ),
    Family(
        "Orchestra",
        "Orchestra/WOODS",
        26,
        ("OBOE", "ENGL.HORN", "BASSOON", "OBOES", "COR ANGLAI"),
        "3 4 10 16 18",
        (Stack(_BREATH, _OBOE),),
        feedback="2-6",
        lfo=_SWELL,
        waves="4 0",
    ),
    Family(
        "Orchestra",
        "Orchestra/WOODS",
        28,
        ("SAX", "ALTO SAX", "TENOR SAX", "SOPR SAX", "SAX SECT"),
        "1 2 9 16 18",
        (Stack(_BREATH, _SAX),),
        feedback="5-7",
        lfo=_SWELL,
        waves="4 0",
        transpose="24 24 12",
    ),
    Family(
        "Orchestra",
        "Orchestra/TUTTI",
        28,
        ("ORCH HIT", "ORCHSTRHIT", "ORCH STAB", "TUTTI HIT", "HIT"),
        "2 5 16 21 24 26",
        (Stack(_HIT, _HIT_BITE),),
        feedback="4-7",
        transpose="24 12",
    ),
    Family(
        "Orchestra",
        "Orchestra/TUTTI",
        28,
        ("ORCHESTRA", "ORCH ENS", "SYMPHONY", "ORCHSTR", "CHAMBR ENS"),
        "2 6 21 22 24 29",
        (Stack(_TUTTI, _ROSIN), Stack(_LIPS, _BRASS)),
        feedback="3-7",
        lfo="26-34 30-60 2-5 0",
    ),
    Family(
        "Pads",
        "Pads/CHOIRS",
        48,
        ("CHOIR", "VOICES", "VOX", "AAH CHOIR", "OOH VOICES", "FEM CHOIR", "VOX HUMANA", "CHOIR PAD"),
        "23 24 25 29 30 31",
        (Stack(_VOICE, _VOWEL), Stack(replace(_VOICE, output="86-95"), _FORMANT)),
        feedback="0-6",
        lfo="28-36 20-60 3-7 0",
        waves="4 0",
    ),
)
