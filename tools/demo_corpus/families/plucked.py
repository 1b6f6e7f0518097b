"""Plucked strings: guitars, harp, and strings from around the world."""

from dataclasses import replace

from tools.demo_corpus.sheets import Family, Part, Stack

_STRING = Part("1", "95-99 32-44 25-36 52-66", "99 74-88 0 0", velocity="1-3", rate_scaling="1-4")
_BODY = Part(
    "1 1 2 3",
    "96-99 42-58 30-44 55-70",
    "99 78-92 0-30 0",
    output="74-88",
    velocity="3-5",
    rate_scaling="1-4",
    scaling="38-50 0 8-30 0 0-1",
)
_NAIL = replace(_BODY, tuning="3 4 5 6 8", rates="97-99 56-74 42-58 60-75", levels="99 58-82 0 0", output="66-82")

_ELECTRIC = replace(_STRING, rates="96-99 25-36 18-30 58-72", levels="99 84-94 0-30 0")
_PICKUP = replace(_BODY, tuning="1 2 3 3", output="76-90", levels="99 80-94 0-40 0")
# Overdrive: a steady tone whose modulators hardly decay.
_DRIVEN = replace(_STRING, rates="94-99 40-60 18-28 58-72", levels="99 95-98 70-90 0", rate_scaling="0-2")
_FUZZ = replace(_PICKUP, tuning="1 1 2 0.5", rates="94-99 30-45 18-30 55-70", levels="99 92-97 75-90 0", output="80-95")

_HARP = replace(_STRING, rates="93-98 34-44 28-38 40-52", velocity="2-4", rate_scaling="2-4")
_HARP_BODY = replace(_BODY, tuning="1 1 2", output="60-78")

_BRIDGE = replace(_NAIL, tuning="3 5 7 4", levels="99 66-88 0 0", output="76-92")
_BUZZ = replace(_BODY, tuning="3 4 7 9", rates="88-97 26-38 22-34 50-65", levels="99 86-95 40-70 0", output="72-86")
_DRONE = replace(_STRING, tuning="1 0.5 2", rates="93-99 28-38 20-30 45-58", levels="99 82-92 0 0")
_SKIN = replace(_STRING, rates="97-99 42-52 38-48 60-74", levels="99 68-82 0 0")
_DOUBLED = replace(_STRING, detune=3, rates="96-99 38-50 30-42 55-70")

PLUCKED = (
    Family(
        "Plucked",
        "Plucked/GUITARS",
        46,
        ("AC.GUITAR", "NYLON GTR", "STEEL GTR", "GUITAR", "12STRG GTR", "CLASSIC GT", "FOLK GTR", "GTR"),
        "5 7 8 13 15 20 27",
        (Stack(_STRING, _BODY), Stack(replace(_STRING, output="84-94"), _NAIL)),
        feedback="2-7",
    ),
    Family(
        "Plucked",
        "Plucked/GUITARS",
        28,
        ("E.GUITAR", "JAZZ GTR", "CLEAN GTR", "MUTED GTR", "CHORUS GTR", "E.GTR"),
        "1 8 10 11 15",
        (Stack(_ELECTRIC, _PICKUP), Stack(replace(_ELECTRIC, output="80-92"), _BODY)),
        feedback="2-6",
    ),
    Family(
        "Plucked",
        "Plucked/GUITARS",
        18,
        ("DIST GTR", "LEAD GTR", "FUZZ GTR", "ROCK GTR"),
        "3 4 9 16 18",
        (Stack(_DRIVEN, _FUZZ),),
        feedback="6-7",
        lfo="30-38 30-60 3-8 0",
        transpose="24 12",
    ),
    Family(
        "Plucked",
        "Plucked/WORLD",
        30,
        ("HARP", "CELT HARP", "CONC HARP", "HARPS", "LYRE"),
        "5 6 20 26 27 31",
        (Stack(_HARP, _HARP_BODY),),
        feedback="0-3",
    ),
    Family(
        "Plucked",
        "Plucked/WORLD",
        28,
        ("KOTO", "SHAMISEN", "KOTO DUO", "ZITHER", "KOTOS"),
        "1 2 7 9 12 13",
        (Stack(_SKIN, _BRIDGE), Stack(_STRING, _BODY)),
        feedback="2-7",
    ),
    Family(
        "Plucked",
        "Plucked/WORLD",
        26,
        ("SITAR", "TAMBURA", "SITAR DRON", "SAROD"),
        "1 3 9 12 16",
        (Stack(_STRING, _BUZZ), Stack(replace(_DRONE, output="82-93"), _BUZZ)),
        feedback="4-7",
        lfo="24-34 20-50 2-6 0",
    ),
    Family(
        "Plucked",
        "Plucked/WORLD",
        26,
        ("BANJO", "MANDOLIN", "BANJO PICK", "UKULELE", "BOUZOUKI", "LUTE"),
        "7 8 14 5 28",
        (Stack(_SKIN, _NAIL), Stack(_DOUBLED, _BODY)),
        feedback="2-7",
    ),
)
