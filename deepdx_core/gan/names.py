"""Names for generated voices, in the manner of the labels; no voice is looked at here."""

from collections.abc import Iterator
from itertools import count, product

import numpy as np

from deepdx_core.voice.parameters import NAME_LENGTH

_COMMON_ADJECTIVES = "DARK SOFT WARM DEEP FULL PURE LOW BIG OLD NEW DRY WIDE THIN COLD SLOW BLUE RED GOLD NIGHT MOON"

# By label: what a voice may be like, and what it may be.
_GRAMMAR = {
    "Pads": (
        "GLASS AIRY SILK MISTY LUNAR POLAR DREAM VELVET WINTER OCEAN SOLAR CLOUD AMBER HAZY VAST AURORA TIDAL CALM",
        "PAD PADS CHOIR VOX HALO MIST SKY DRIFT BLOOM VEIL HAZE SWELL",
    ),
    "Pianos": (
        "BRIGHT TINE GRAND MELLOW CLEAR HARD STAGE SUITE FELT BELL CLUB STUDIO CRISP ROUND TINY SATIN SMOKY LIVE",
        "EP PIANO E.PNO CLAV ORGAN TINES KEYS GRAND REEDS PIPES UPRITE HARPSI",
    ),
    "Plucked": (
        "NYLON STEEL SILVER WOOD CRISP BRIGHT GREEK FOLK AMBER RIVER BAMBOO MUTED OPEN TWIN TWELVE DESERT PEARL SPRUCE",
        "HARP KOTO LUTE GUITAR GTR PLUCK SITAR BANJO ZITHER LYRE STRUM PIZZ",
    ),
    "Bass": (
        "ROUND FAT SOLID RUBBER SLAP PICK PUNCHY FUNK WOOD GROWL FRETLS TIGHT HEAVY STEEL HOLLOW DUB FINGER SUB",
        "BASS BS SUB LINE THUMB SLAP ROOT GROUND DRONE",
    ),
    "Orchestra": (
        "GRAND SOLO SILVER BRIGHT NOBLE MUTED ROYAL FOREST OPERA CHAMBR ALPINE HALL GENTLE REGAL DOUBLE HIGH VELVET",
        "STRNGS BRASS HORNS FLUTE OBOE CELLO VIOLA TRUMPT WINDS REED TUTTI CLARNT FIFE",
    ),
    "Synth": (
        "LASER NEON TURBO HYPER CHROME SHARP SQUARE SAW SYNC DIGI RETRO CYBER FUZZ ACID METAL VOLT STEEL RAZOR",
        "LEAD SYN SAWS COMP STAB POLY SEQ WAVE PULSE SWEEP BUZZ BEAM",
    ),
    "Perc": (
        "WOOD GLASS TIN STEEL CLAY STONE CRYSTAL ICE TINY CHIME JINGLE BRONZE TEMPLE HOLLOW BAMBOO METAL ISLAND SPARK",
        "BELL BELLS TOM DRUM VIBES BLOCK GONG MARIM CHIME CLICK SNARE XYLO",
    ),
}
_GENERAL = (
    "STRANGE ODD WILD FAR OUTER SPACE STORM RAIN STEAM RUSTY DUSTY SLOPED GHOST WOBBLY ZIGZAG LOST RADIO TURNING",
    "WIND SURF ENGINE SIGNAL ALARM RADAR MACHIN PLANET VISION EFFECT RIDDLE ORBIT ECHO SPIRAL",
)


def _names_of(label: str, seed: int) -> Iterator[str]:
    """Ever new names for a label: every adjective with every noun, shuffled, then again with numbers behind them."""
    adjectives, nouns = (words.split() for words in _GRAMMAR.get(label, _GENERAL))
    pairs = [
        f"{adjective} {noun}"
        for adjective, noun in product(dict.fromkeys([*adjectives, *_COMMON_ADJECTIVES.split()]), nouns)
        if adjective != noun
    ]
    # Of the nouns alone, some leave room for four digits: names do not run out.
    order = np.random.default_rng([seed, *label.encode()]).permutation([*pairs, *nouns])
    yield from (name for name in order.tolist() if " " in name and len(name) <= NAME_LENGTH)
    for number in count(2):
        yield from (numbered for name in order.tolist() if len(numbered := f"{name} {number}") <= NAME_LENGTH)


def make_names(labels: list[str], seed: int) -> list[str]:
    """A name for each voice of these labels: upper case, at most ten characters, no two alike.

    Depends only on the seed and on the labels up to the voice's own. A label that is not one of the eight gets words
    of the general kind.
    """
    sources = {label: _names_of(label, seed) for label in set(labels)}
    used: set[str] = set()
    names = []
    for label in labels:
        name = next(name for name in sources[label] if name not in used)
        used.add(name)
        names.append(name)
    return names
