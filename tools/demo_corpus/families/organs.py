"""Organs and free reeds: drawbar and pipe organs, accordion, harmonica."""

from dataclasses import replace

from tools.demo_corpus.sheets import Family, Part, Stack

# A tone that is steady until key-up. Each carrier is a drawbar with its own level and ratio.
_DRAWBAR = Part(
    "1 1 0.5 2 3 4 6 8",
    "95-99 90-99 90-99 72-90",
    "99 96-99 95-99 0",
    output="78-99",
    velocity="0",
    rate_scaling="0",
    tremolo="0-1",
)
_FUNDAMENTAL = replace(_DRAWBAR, tuning="1 0.5", output="94-99")
_DRIVE = replace(_DRAWBAR, tuning="1 2 3", output="52-72")
# Key click: a short ping of fixed frequency.
_CLICK = Part("F300-340", "99 78-90 70-85 80-95", "99 0 0 0", output="55-75", velocity="0-1", rate_scaling="0")

_PIPE = Part(
    "1 1 2 0.5 4",
    "55-75 60-80 60-80 52-66",
    "96-99 97-99 96-99 0",
    output="84-97",
    detune=3,
    velocity="0",
    rate_scaling="0-1",
)
_PRINCIPAL = replace(_PIPE, tuning="1", output="94-99")
_CHIFF = replace(_PIPE, tuning="1 2 3 4", rates="72-90 50-65 50-70 55-70", levels="99 86-94 84-94 0", output="54-72")

_BELLOWS = Part(
    "1 1 2 0.5",
    "58-74 60-80 60-80 62-76",
    "95-99 97-99 96-99 0",
    output="90-98",
    detune=4,
    velocity="0-1",
    rate_scaling="0",
    tremolo="0-1",
)
_FREE_REED = replace(_BELLOWS, tuning="1 2 3 4 5", output="66-82", detune=2)

ORGANS = (
    Family(
        "Pianos",
        "Keys/ORGANS",
        56,
        ("DRAWBAR OR", "E.ORGAN", "ROCK ORGAN", "JAZZ ORGAN", "PERC ORGAN", "ORGAN", "GOSPEL ORG", "ORG"),
        "32 32 31 29 30 25 24",
        (Stack(_FUNDAMENTAL, _DRIVE), Stack(_DRAWBAR, _DRIVE), Stack(_DRAWBAR, _CLICK)),
        feedback="0-6",
        lfo="34-46 0 0-5 0-8",
        waves="4 0",
        vibrato="1-3",
    ),
    Family(
        "Pianos",
        "Keys/ORGANS",
        36,
        ("PIPES", "PIPE ORGAN", "CHURCH ORG", "CHAPEL ORG", "PIPE ORG"),
        "19 25 31 32 21 29",
        (Stack(_PRINCIPAL, _CHIFF), Stack(_PIPE, _CHIFF)),
        transpose="24 24 12",
    ),
    Family(
        "Pianos",
        "Keys/ORGANS",
        28,
        ("ACCORDION", "MUSETTE", "ACCORD", "BANDONEON"),
        "3 4 5 6 22 29",
        (Stack(_BELLOWS, _FREE_REED),),
        feedback="3-7",
        lfo="30-40 10-40 2-6 0-5",
    ),
    Family(
        "Orchestra",
        "Orchestra/WOODS",
        18,
        ("HARMONICA", "BLUES HARP", "HARMONCA", "MOUTHHARP"),
        "1 3 14 18",
        (Stack(replace(_BELLOWS, detune=1), replace(_FREE_REED, output="72-86")),),
        feedback="4-7",
        lfo="34-42 25-50 5-10 0-10",
        waves="4 0",
    ),
)
