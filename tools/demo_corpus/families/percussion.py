"""Bells, bars and drums."""

from dataclasses import replace

from tools.demo_corpus.sheets import Family, Part, Stack

# Bells ring long, also after key-up. An inharmonic modulator makes the bell.
_BELL = Part("1 1 2", "95-99 30-40 24-34 36-48", "99 74-88 0 0", output="90-99", detune=3, velocity="1-3")
_CAST = Part("3.5 1.41 2.76 3.14 5.4 7 1.73", "96-99 30-44 25-38 34-48", "99 78-93 0 0", output="72-88", velocity="2-4")
_TUBE = replace(_BELL, tuning="1", rates="95-99 34-44 28-38 36-50")
_TUBE_METAL = replace(_CAST, tuning="3.5 3.5 2.8 4.2", output="74-88")
_GLOCK = replace(_BELL, tuning="1 1 4", rates="97-99 40-50 34-44 44-56")
_GLOCK_METAL = replace(_CAST, tuning="3.9 5.4 7.1 2.76", rates="97-99 44-58 38-50 44-58", output="64-80")

_BAR = Part("1", "97-99 46-56 42-52 52-64", "99 64-78 0 0", velocity="2-4", rate_scaling="2-4")
_MALLET = Part(
    "4 3 10 9.2",
    "98-99 60-74 50-64 60-74",
    "99 40-62 0 0",
    output="66-82",
    velocity="4-6",
    rate_scaling="2-4",
    scaling="42-54 0 8-28 0 0-1",
)
_VIBE = replace(_BAR, rates="95-99 32-40 26-36 42-54", levels="99 78-90 0 0", tremolo="1-2", rate_scaling="1-3")
_VIBE_BAR = replace(_MALLET, tuning="4 4 1 10", output="56-74")
_XYLO = replace(_BAR, rates="98-99 54-64 48-58 58-70", levels="99 58-72 0 0")
_XYLO_BAR = replace(_MALLET, tuning="3 6 9.2 5", output="62-78")

# The pitch of a drum falls as it decays: done by the pitch envelope.
_SINKING = "90-99 76-90 99 99"
_SKIN = Part("1 1 0.5", "99 48-58 46-56 54-66", "99 66-78 0 0", velocity="2-4", rate_scaling="0-1")
_BEATER = Part(
    "1 2.4 1.5 0.5", "99 66-80 60-72 65-80", "99 40-62 0 0", output="64-82", velocity="3-5", rate_scaling="0"
)
_TOM_SKIN = replace(_SKIN, rates="99 42-50 40-50 50-60", levels="99 70-82 0 0")
_SNARE = replace(_SKIN, tuning="1 1.6 2.3", rates="99 52-62 50-60 56-68", levels="99 62-76 0 0")
# Noise: an operator with full feedback modulates another one strongly, far from any ratio.
_WIRES = Part("5.3 9.7 13.1 17.4", "99 48-60 46-58 54-66", "99 78-90 0 0", output="88-99", velocity="1-3")
_HAT = Part("F360-385", "99 58-68 54-64 58-70", "99 56-72 0 0", output="93-99", velocity="2-4", rate_scaling="0")
_CYMBAL = replace(_HAT, rates="99 44-54 38-46 44-54", levels="99 74-86 0 0")
_HISS = Part("F330-395 11.3 15.8", "99 50-64 46-60 56-68", "99 80-92 0 0", output="86-99", velocity="1-3")

_COWBELL = Part("1.48 1 1.5", "99 56-66 46-54 56-68", "99 70-80 0 0", velocity="2-4", rate_scaling="0-1")
_COWBELL_METAL = replace(_COWBELL, tuning="1.48 2.6 3.7 1", output="66-82")
_BLOCK = Part("1 1.6 2", "99 62-72 60-70 62-74", "99 52-68 0 0", velocity="2-4", rate_scaling="0-1")
_BLOCK_WOOD = replace(_BLOCK, tuning="2.4 3.1 1.5 4.7", output="58-76", rates="99 70-82 66-78 66-78")
_LATIN = "60-72 50-52 50 50"

PERCUSSION = (
    Family(
        "Perc",
        "Percussion/BELLS",
        40,
        ("BELLS", "HANDBELLS", "BELL", "FM BELL", "CHIMES", "GONG", "ICE BELLS"),
        "5 6 7 19 22 29 31",
        (Stack(_BELL, _CAST),),
        transpose="24 24 36 12",
        feedback="0-6",
    ),
    Family(
        "Perc",
        "Percussion/BELLS",
        30,
        ("TUB BELLS", "TUBE BELLS", "TUBULAR BL", "TUBELLS"),
        "5 5 8 12 13 23",
        (Stack(_TUBE, _TUBE_METAL), Stack(replace(_TUBE, output="82-94"), _CAST)),
        feedback="2-7",
    ),
    Family(
        "Perc",
        "Percussion/MALLETS",
        30,
        ("MARIMBA", "MARIMBAS", "BALAFON", "KALIMBA", "MARMBA"),
        "5 7 8 20 27 31",
        (Stack(_BAR, _MALLET),),
        feedback="0-3",
    ),
    Family(
        "Perc",
        "Percussion/MALLETS",
        30,
        ("VIBES", "VIBRAPHONE", "VIBE", "VIBRAPHN", "JAZZ VIBES"),
        "5 6 23 24 25 29",
        (Stack(_VIBE, _VIBE_BAR),),
        feedback="0-3",
        lfo="22-36 0 0 15-40",
        waves="4 0",
        vibrato="0-1",
    ),
    Family(
        "Perc",
        "Percussion/MALLETS",
        22,
        ("GLOCKENSPL", "GLOCK", "CELESTA", "MUSIC BOX", "GLKNSPIEL"),
        "5 6 19 29 30 31",
        (Stack(_GLOCK, _GLOCK_METAL),),
        feedback="0-4",
        transpose="36 24 36",
    ),
    Family(
        "Perc",
        "Percussion/MALLETS",
        22,
        ("XYLOPHONE", "XYLO", "XYLOPHON", "XYL"),
        "5 7 9 26 28",
        (Stack(_XYLO, _XYLO_BAR),),
        feedback="0-4",
        transpose="24 36",
    ),
    Family(
        "Perc",
        "Percussion/DRUMS",
        22,
        ("KICK DRUM", "BASS DRUM", "KICK", "B.DRUM", "BD"),
        "1 5 8 16 18",
        (Stack(_SKIN, _BEATER),),
        feedback="2-7",
        transpose="0-12",
        pitch_rates=_SINKING,
        pitch_levels="70-84 50-52 50 50",
        sync="1",
    ),
    Family(
        "Perc",
        "Percussion/DRUMS",
        22,
        ("SNARE", "SNARE DRUM", "SNARE DRM", "SN.DRUM", "SD"),
        "3 4 10 11 13 15",
        (Stack(_SNARE, _WIRES),),
        feedback="7",
        transpose="12-24",
        pitch_rates=_SINKING,
        pitch_levels="58-66 50 50 50",
    ),
    Family(
        "Perc",
        "Percussion/DRUMS",
        24,
        ("TOM", "TOMS", "TOM TOM", "SYN TOM", "TIMPANI", "TABLA"),
        "1 5 7 10 26",
        (Stack(_TOM_SKIN, _BEATER),),
        feedback="2-7",
        transpose="6-18",
        pitch_rates="90-99 60-76 99 99",
        pitch_levels="58-72 50 50 50",
        sync="1",
    ),
    Family(
        "Perc",
        "Percussion/DRUMS",
        24,
        ("HIHAT", "HI HAT", "CLOSED HAT", "HAT", "CYMBAL", "CRASH CYM"),
        "4 11 16 17 18 12",
        (Stack(_HAT, _HISS), Stack(_CYMBAL, _HISS)),
        feedback="7",
    ),
    Family(
        "Perc",
        "Percussion/DRUMS",
        18,
        ("COWBELL", "AGOGO", "COW BELL", "TRIANGLE"),
        "5 6 7 15 20",
        (Stack(_COWBELL, _COWBELL_METAL),),
        feedback="0-5",
        transpose="24 30 36",
    ),
    Family(
        "Perc",
        "Percussion/DRUMS",
        20,
        ("WOODBLOCK", "CLAVES", "LOG DRUM", "TEMPLE BLK", "BLOCK"),
        "5 7 14 20 26",
        (Stack(_BLOCK, _BLOCK_WOOD),),
        feedback="0-5",
        transpose="24 30 36",
        pitch_rates=_SINKING,
        pitch_levels=_LATIN,
    ),
)
