"""Keyboards that are struck or plucked: electric and acoustic pianos, clav, harpsichord."""

from dataclasses import replace

from tools.demo_corpus.sheets import Family, Part, Stack

# A struck string or bar: loud at once, then a long decay to nothing; upper keys decay faster.
_STRUCK = Part(
    "1", "93-99 26-38 20-30 54-68", "99 76-90 0 0", output="92-99", velocity="1-3", rate_scaling="2-4", tremolo="0-1"
)
_WARMTH = Part("1", "94-99 28-42 20-32 50-65", "99 82-95 0-40 0", output="70-86", velocity="3-5", rate_scaling="2-4")
# The tine: a high partial with a very short decay, sensitive to velocity.
_TINE = Part(
    "14 14 13 15 12",
    "95-99 46-62 32-44 62-78",
    "99 60-84 0 0",
    output="55-72",
    velocity="4-7",
    rate_scaling="3-5",
    scaling="45-57 0 10-30 0 0-1",
)
_REED = replace(_WARMTH, tuning="1 2 3 5", output="74-88", velocity="4-6")

_HAMMER = Part(
    "3 5 7 9 11",
    "96-99 55-72 40-55 60-75",
    "99 55-78 0 0",
    output="64-82",
    velocity="4-6",
    rate_scaling="3-5",
    scaling="36-48 0 15-40 0 0-1",
)
_STRING = Part(
    "1 1 2 4",
    "95-99 30-46 20-32 52-66",
    "99 82-95 0-30 0",
    output="72-88",
    velocity="2-4",
    rate_scaling="2-5",
    scaling="30-48 0 10-35 0 0-1",
)
_PIANO = replace(_STRUCK, detune=2, rate_scaling="3-5", velocity="2-4", tremolo="0")

_PICKED = Part("1 1 0.5", "97-99 35-50 28-40 64-80", "99 70-86 0 0", output="93-99", velocity="1-3", rate_scaling="1-3")
_PICK = Part(
    "3 4 5 6 8",
    "96-99 40-55 30-45 60-75",
    "99 68-84 0-30 0",
    output="70-86",
    velocity="3-5",
    scaling="40-52 0 8-28 0 0-1",
)
_QUILLED = replace(_PICKED, tuning="1 1 2 0.5", velocity="0-1", rates="97-99 30-42 24-36 60-76")
_QUILL = replace(_PICK, tuning="3 4 6 7 2", output="76-90", velocity="0-2")

KEYS = (
    Family(
        "Pianos",
        "Keys/EPIANOS",
        62,
        ("E.PIANO", "TINE EP", "EPIANO", "EL PIANO", "FM EP", "E.PNO", "RHODES", "TINES"),
        "5 5 6 19 19 23",
        (Stack(_STRUCK, _WARMTH), Stack(replace(_STRUCK, output="84-94"), _TINE)),
        lfo="28-38 0-30 0 0-20",
        waves="0 4",
    ),
    Family(
        "Pianos",
        "Keys/EPIANOS",
        42,
        ("REED EP", "WURLI", "REED PIANO", "E.PIANO RD", "WURLY"),
        "1 3 7 12 13 15 9",
        (Stack(_STRUCK, _REED), Stack(replace(_STRUCK, output="86-96"), _WARMTH)),
        feedback="3-7",
        lfo="30-42 0-10 0 5-30",
    ),
    Family(
        "Pianos",
        "Keys/PIANOS",
        62,
        ("PIANO", "GRAND PNO", "AC.PIANO", "UPRIGHT P", "CONC PIANO", "HONKY TONK", "PNO"),
        "1 3 10 11 14 15 19 20 26 30 8",
        (Stack(_PIANO, _STRING), Stack(replace(_PIANO, output="88-96"), _HAMMER)),
        feedback="2-7",
        lfo="20-35 0 0 0",
    ),
    Family(
        "Pianos",
        "Keys/CLAVS",
        32,
        ("CLAV", "FUNK CLAV", "CLAVI", "E.CLAV", "CLAV PIANO", "WAH CLAV"),
        "1 3 5 8 12 16 17 18",
        (Stack(_PICKED, _PICK),),
        feedback="3-7",
    ),
    Family(
        "Pianos",
        "Keys/CLAVS",
        34,
        ("HARPSICH", "HARPSI", "CEMBALO", "SPINET", "VIRGINAL"),
        "5 6 13 17 28 22 7",
        (Stack(_QUILLED, _QUILL), Stack(replace(_QUILLED, tuning="1 2 4", output="84-95"), _QUILL)),
        feedback="2-7",
    ),
)
