"""Dumps of the other Yamahas: real ones, and some made of DX7 voices."""

import zipfile
from collections.abc import Iterator

import numpy as np

from deepdx_core.conversions.to_sy77 import write_sy77_voices
from deepdx_core.synths import kinds
from deepdx_core.synths.dx7ii.parameters import ACED, PERFORMANCE
from deepdx_core.synths.dx7ii.writer import plain_supplements, write_dx7ii_banks
from deepdx_core.synths.four_operators.parameters import VMEM
from deepdx_core.synths.messages import write_messages
from tests.support.paths import CORPUS

FOLDER = CORPUS / "other-synths"
SY77 = FOLDER / "sy77" / "sy77-voices.zip"
FOLDERS = ("4op", "dx7ii", "fb01", "reface", "sy99", "tx7_dx5", "tx802")


def real_files() -> Iterator[tuple[str, bytes]]:
    """Yield the names and contents of all dumps."""
    with zipfile.ZipFile(SY77) as archive:
        for name in archive.namelist():
            yield name, archive.read(name)
    for folder in FOLDERS:
        for path in sorted((FOLDER / folder).iterdir()):
            yield f"{folder}/{path.name}", path.read_bytes()


def sy77_file(parameters, names):
    """Return voices as messages of an SY77."""
    return b"".join(write_sy77_voices(parameters, names)[0])


def four_operator_file(voices, **values):
    """Return a bank of 32 voices of a TX81Z: sines with these values, which differ in the ratio of operator 1."""
    common = {f"op{op}_{name}": value for op in range(1, 5) for name, value in _SOUNDING.items()} | values
    rows = np.zeros((32, len(VMEM.fields)), np.uint8)
    for name, value in common.items():
        rows[:, VMEM.index[name]] = value
    rows[:voices, VMEM.index["op1_frequency"]] = np.arange(voices) + 4
    names = np.frombuffer(b"".join(f"FOUR {n:05}".encode() for n in range(32)), np.uint8).reshape(32, 10)
    (bank,) = write_messages(kinds.FOUR_OPERATOR_BANK, VMEM.pack(rows, names))
    return bank


_SOUNDING = {"attack_rate": 31, "decay_1_level": 15, "release_rate": 8, "output_level": 80, "frequency": 4, "detune": 3}


def dx7ii_file(parameters, names, **values):
    """Return banks of a DX7II, with supplements that have these values, and a set of performances."""
    supplements = plain_supplements(parameters)
    for name, value in values.items():
        supplements[:, ACED.index[name]] = value
    played = np.zeros((32, len(PERFORMANCE.fields)), np.uint8)
    played[:, PERFORMANCE.index["voice_a"]] = np.arange(32)
    titles = np.frombuffer(b"".join(f"PERFORMANCE {n:08}".encode() for n in range(32)), np.uint8).reshape(32, 20)
    (performances,) = write_messages(kinds.PERFORMANCES, PERFORMANCE.pack(played, titles))
    return b"".join([*write_dx7ii_banks(parameters, names, supplements=supplements), performances])
