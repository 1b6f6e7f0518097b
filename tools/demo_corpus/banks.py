"""The folder a musician would have: banks by kind, mixed banks, friends' banks, backups."""

import numpy as np

from deepdx_core.codec.names import text_to_names
from deepdx_core.voice.parameters import VMEM_VOICES
from tools.demo_corpus.draws import Draws
from tools.demo_corpus.families import FAMILIES
from tools.demo_corpus.naming import name_voices, names_saying_nothing
from tools.demo_corpus.voices import Voices, join

_SORTED = 70  # of a hundred voices are kept with their kind
_FRIENDS = 6


def shelve(voices: Voices, draws: Draws) -> tuple[dict[str, bytes], Voices]:
    """Banks of one kind each, and the voices that found no place in them, shuffled."""
    shelves: dict[str, list[Voices]] = {}
    loose: list[Voices] = []
    for place, family in enumerate(FAMILIES):
        rows = np.flatnonzero(voices.families == place)
        rows = rows[draws.order(len(rows))]
        kept = len(rows) * _SORTED // 100
        shelves.setdefault(family.shelf, []).append(voices[rows[:kept]])
        loose.append(voices[rows[kept:]])
    files: dict[str, bytes] = {}
    for shelf, parts in shelves.items():
        shelved = join(parts)
        whole = len(shelved) // VMEM_VOICES * VMEM_VOICES
        files |= _number(shelf, shelved[:whole])
        loose.append(shelved[whole:])
    rest = join(loose)
    return files, rest[draws.order(len(rest))]


def mix(rest: Voices, everything: Voices, draws: Draws) -> dict[str, bytes]:
    """Banks of all kinds; the last one is filled up with voices that are elsewhere, too."""
    missing = -len(rest) % VMEM_VOICES
    return _number("Mixed/MIXED", join([rest, everything[draws.order(len(everything))[:missing]]]))


def borrow(everything: Voices, draws: Draws) -> dict[str, bytes]:
    """Friends' banks: voices from all over, most of them under other names."""
    borrowed = everything[draws.order(len(everything))[: _FRIENDS * VMEM_VOICES]]
    n = len(borrowed)
    names = text_to_names(names_saying_nothing(n, draws))
    for place, family in enumerate(FAMILIES):
        rows = np.flatnonzero((borrowed.families == place) & draws.chance(70, (n,)))
        names[rows] = name_voices(family, np.full(len(rows), -1), draws)
    kept = draws.chance(20, (n,))
    names[kept] = borrowed.names[kept]
    return _number("Friends/DX7BANK", Voices(borrowed.parameters, names, borrowed.families))


def back_up(files: dict[str, bytes]) -> dict[str, bytes]:
    """Whole banks once more: as they are, on another channel, without their frame, in another folder."""

    def on_channel_10(bank: bytes) -> bytes:
        return bank[:2] + bytes([9]) + bank[3:]

    return {
        "Backup/EPIANOS1 copy.syx": files["Keys/EPIANOS1.syx"],
        "Backup/strings.syx": files["Orchestra/STRINGS1.syx"],
        "Backup/basses old.syx": files["Basses/SYNBASS1.syx"],
        "Backup/pads ch10.syx": on_channel_10(files["Pads/PADS1.syx"]),
        "Backup/MIXED2 ch10.syx": on_channel_10(files["Mixed/MIXED2.syx"]),
        "Backup/BRASS1.bin": files["Orchestra/BRASS1.syx"][6:-2],
        "Backup/BELLS1.bin": files["Percussion/BELLS1.syx"][6:-2],
    }


def _number(stem: str, voices: Voices) -> dict[str, bytes]:
    starts = range(0, len(voices), VMEM_VOICES)
    return {f"{stem}{i}.syx": voices[at : at + VMEM_VOICES].bank() for i, at in enumerate(starts, 1)}
