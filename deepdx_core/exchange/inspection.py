"""A closer look at files wherever they are: their voices, or why they have none."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import polars as pl

from deepdx_core.arrays import UInt8Array
from deepdx_core.decoding.dumps import decode_dumps
from deepdx_core.decoding.findings import describe_finding
from deepdx_core.display import printable
from deepdx_core.errors import DeepDXError
from deepdx_core.intake.contents import is_folder
from deepdx_core.intake.survey import Surveyor, inbox_files, place
from deepdx_core.voice.parameters import PARAMETER_NAMES

_MOST_TOLD = 4  # files, or faults of a voice


class NoVoiceError(DeepDXError):
    """A slot of a file holds no voice that could be taken; says which, and why."""


def inspect_files(paths: Iterable[Path]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """What is in files, folders and archives: rows of `raw_files`, and the voices in them.

    The files stand in the order given, by `path` as given; archives that hold files are left out. A voice's row is one
    of `decoded_voices` with `path`, `member`, and the dump's `what` and `note`, in order of file and place.
    """
    surveyor = Surveyor()
    for given in paths:
        found_in = inbox_files(given) if is_folder(given) else [given]
        if not found_in:
            surveyor.refuse(printable(str(given)), "empty folder")
        for path in found_in:
            surveyor.look_at(path, printable(str(path)))
    found = surveyor.result(ordered=False)
    holding = found.raw_files.filter(pl.col("member").is_not_null())["path"].implode()
    files = found.raw_files.filter((pl.col("status") != "archive") | ~pl.col("path").is_in(holding))
    voices = (
        files.select("path", "member", "sha256")
        .join(decode_dumps(found.dumps), on="sha256", maintain_order="left_right")
        .join(found.dumps.select("sha256", "offset", "what", "note"), on=["sha256", "offset"], maintain_order="left")
    )
    return files, voices


def voice_in(path: Path, slot: int) -> tuple[UInt8Array, str]:
    """The parameters of the voice in a slot of a file, `uint8[145]`, all within their ranges; and its name.

    Slots count from 1 in each dump; where there are several dumps, in archives say, the first that has the slot counts.
    Raises NoVoiceError.
    """
    files, voices = inspect_files([path])
    in_slot = voices.filter(pl.col("slot") == slot).head(1)
    if in_slot.is_empty():
        where = f"{printable(str(path))}: no slot {slot}"
        if len(voices):
            raise NoVoiceError(f"{where}: the last is {max(voices['slot'].to_list())}")
        reasons = [f"{place(file)}: {file['reason'] or file['taken_for']}" for file in files.iter_rows(named=True)]
        raise NoVoiceError(f"{where}: {'; '.join(reasons[:_MOST_TOLD])}")
    voice = in_slot.row(0, named=True)
    if not voice["valid"]:
        faults = "; ".join(describe_finding(finding) for finding in voice["findings"][:_MOST_TOLD])
        raise NoVoiceError(f"{place(voice)}: slot {slot} ({voice['name']}) is not a legal voice: {faults}")
    return np.array(in_slot.select(PARAMETER_NAMES).row(0), dtype=np.uint8), voice["name"]
