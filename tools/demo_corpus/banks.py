"""Banks of the corpus: sorted by kind, mixed, from friends, and backups."""

import numpy as np

from deepdx_core.codec.names import text_to_names
from deepdx_core.voice.parameters import VMEM_VOICES
from tools.demo_corpus.families import FAMILIES
from tools.demo_corpus.naming import draw_meaningless_names, name_voices
from tools.demo_corpus.random_draws import Draws
from tools.demo_corpus.voices import Voices, join

_SORTED = 70  # percent of voices in banks of their own kind
_FRIENDS_BANKS = 6


def build_sorted_banks(voices: Voices, draws: Draws) -> tuple[dict[str, bytes], Voices]:
    """Return banks of one kind each, and the remaining voices, shuffled."""
    by_bank: dict[str, list[Voices]] = {}
    loose: list[Voices] = []
    for number, family in enumerate(FAMILIES):
        rows = np.flatnonzero(voices.families == number)
        rows = rows[draws.order(len(rows))]
        kept = len(rows) * _SORTED // 100
        by_bank.setdefault(family.bank, []).append(voices[rows[:kept]])
        loose.append(voices[rows[kept:]])
    files: dict[str, bytes] = {}
    for bank, parts in by_bank.items():
        of_kind = join(parts)
        whole = len(of_kind) // VMEM_VOICES * VMEM_VOICES
        files |= _number_banks(bank, of_kind[:whole])
        loose.append(of_kind[whole:])
    rest = join(loose)
    return files, rest[draws.order(len(rest))]


def build_mixed_banks(rest: Voices, everything: Voices, draws: Draws) -> dict[str, bytes]:
    """Return banks of all kinds. The last one is filled up with voices of other banks."""
    missing = -len(rest) % VMEM_VOICES
    return _number_banks("Mixed/MIXED", join([rest, everything[draws.order(len(everything))[:missing]]]))


def build_friends_banks(everything: Voices, draws: Draws) -> dict[str, bytes]:
    """Return banks of voices from all other banks, most of them under other names."""
    borrowed = everything[draws.order(len(everything))[: _FRIENDS_BANKS * VMEM_VOICES]]
    n = len(borrowed)
    names = text_to_names(draw_meaningless_names(n, draws))
    for number, family in enumerate(FAMILIES):
        rows = np.flatnonzero((borrowed.families == number) & draws.chance(70, (n,)))
        names[rows] = name_voices(family, np.full(len(rows), -1), draws)
    kept = draws.chance(20, (n,))
    names[kept] = borrowed.names[kept]
    return _number_banks("Friends/DX7BANK", Voices(borrowed.parameters, names, borrowed.families))


def build_backups(files: dict[str, bytes]) -> dict[str, bytes]:
    """Return copies of whole banks: identical, on another channel, or without a frame."""

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


def _number_banks(stem: str, voices: Voices) -> dict[str, bytes]:
    starts = range(0, len(voices), VMEM_VOICES)
    return {f"{stem}{i}.syx": voices[start : start + VMEM_VOICES].bank() for i, start in enumerate(starts, 1)}
