"""Effects: weather, machines, other planets."""

from dataclasses import replace

from tools.demo_corpus.sheets import Family, Part, Stack

_GUST = Part("F250-320 3.7", "32-48 25-40 25-40 28-42", "85-99 70-92 85-97 0", output="90-99", detune=5, velocity="0-1")
_STORM = replace(_GUST, tuning="F300-395 17.3 9.6", rates="40-90 30-60 30-60 30-45", output="76-95", tremolo="0-2")

_BEAM = Part("1 2 4 0.5", "95-99 40-60 35-55 42-58", "99 80-94 0-70 0", velocity="0-2")
_BOLT = Part("1 3 7 0.5 5.3", "94-99 35-60 30-50 40-58", "99 60-90 0-60 0", output="62-88", velocity="0-2")

_ORBIT = Part("1 0.5 2 3.1", "34-62 28-45 25-42 34-48", "92-99 85-98 80-96 0", output="88-98", detune=6, velocity="0-1")
_NEBULA = Part("0.5 1.41 3.3 7.7 F000-100", "20-70 20-45 20-45 30-45", "85-99 70-95 60-95 0", output="58-84", detune=5)

_HORN = Part("1 2 1", "70-95 50-70 50-70 48-62", "97-99 96-99 95-99 0", velocity="0-1")
_WAIL = replace(_HORN, tuning="1 2 3", output="60-82")

EFFECTS = (
    Family(
        "Other",
        "Effects/FX",
        28,
        ("WIND", "STORM", "OCEAN", "SEA WAVES", "THUNDER"),
        "4 11 16 18 17 3",
        (Stack(_GUST, _STORM),),
        feedback="7",
        lfo="5-25 0 0 30-80",
        waves="0 5 4",
    ),
    Family(
        "Other",
        "Effects/FX",
        30,
        ("LASER", "LASER GUN", "ZAP", "RAY GUN", "LASERS"),
        "1 4 5 10 16 32",
        (Stack(_BEAM, _BOLT),),
        feedback="2-7",
        pitch_rates="94-99 40-70 30-60 60-99",
        pitch_levels="80-99 20-40 5-30 50",
    ),
    Family(
        "Other",
        "Effects/FX",
        30,
        ("SPACE", "UFO", "ALIEN", "SPACESHIP", "PLANET"),
        "3 6 21 24 25 30",
        (Stack(_ORBIT, _NEBULA),),
        feedback="3-7",
        lfo="10-60 0-30 20-70 0-40",
        waves="0 3 4 5",
        vibrato="3-6",
    ),
    Family(
        "Other",
        "Effects/FX",
        24,
        ("SIREN", "POLICE", "ALARM", "HELICOPTER", "AMBULANCE"),
        "1 2 5 22 28 32",
        (Stack(_HORN, _WAIL),),
        feedback="1-6",
        lfo="8-45 0 40-90 0-30",
        waves="0 1 2 3",
        vibrato="4-7",
    ),
)
