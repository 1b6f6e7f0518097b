"""Voices in files anywhere on disk, or the reason why a file has none."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import polars as pl

from deepdx_core.arrays import UInt8Array
from deepdx_core.decoding.dumps import decode_dumps
from deepdx_core.decoding.findings import describe_finding
from deepdx_core.display import printable
from deepdx_core.errors import DeepDXError
from deepdx_core.intake.local_files import find_files, is_folder, show_named
from deepdx_core.intake.survey import EachContent, Surveyor, format_location
from deepdx_core.voice.parameters import PARAMETER_NAMES

_MAX_LISTED = 4  # files, or faults of a voice, in an error message


class NoVoiceError(DeepDXError):
    """A slot of a file has no legal voice. The message names the file, the slot and the reason."""


def inspect_files(paths: Iterable[Path], each: EachContent | None = None) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the contents of files, folders and archives: rows of `raw_files`, and the voices in them.

    paths: links are followed, those inside folders are not; `-` is standard input. each: see `Surveyor`.

    Files keep the order given, with `path` as given; an archive is left out if it has members. Voices are rows of
    `decoded_voices` with `path`, `member`, and the dump's `what` and `note`, ordered by file and position.
    """
    surveyor = Surveyor(each=each)
    for given in paths:
        if not is_folder(given):
            surveyor.add_file(given, show_named(given), named=True)
            continue
        found = find_files(given)
        if not found:
            surveyor.add_refused(show_named(given), "empty folder")
        for path in found:
            surveyor.add_file(path, printable(str(path)))
    survey = surveyor.result(ordered=False)
    with_members = survey.raw_files.filter(pl.col("member").is_not_null())["path"].implode()
    files = survey.raw_files.filter((pl.col("status") != "archive") | ~pl.col("path").is_in(with_members))
    voices = (
        files.select("path", "member", "sha256")
        .join(decode_dumps(survey.dumps), on="sha256", maintain_order="left_right")
        .join(survey.dumps.select("sha256", "offset", "what", "note"), on=["sha256", "offset"], maintain_order="left")
    )
    return files, voices


def load_voice(path: Path, slot: int) -> tuple[UInt8Array, str]:
    """Return the parameters of the voice in a slot of a file, `uint8[145]`, all in range, and its name.

    Slots count from 1 in each dump. Of several dumps, as in an archive, the first with that slot is used.
    Raises NoVoiceError if there is none, or if its voice is not legal.
    """
    files, voices = inspect_files([path])
    in_slot = voices.filter(pl.col("slot") == slot).head(1)
    if in_slot.is_empty():
        if len(voices):
            raise NoVoiceError(f"{show_named(path)}: no slot {slot}: the last is {max(voices['slot'].to_list())}")
        reasons = [
            f"{format_location(file)}: no voices: {file['reason'] or file['taken_for']}"
            for file in files.iter_rows(named=True)
        ]
        raise NoVoiceError("; ".join(reasons[:_MAX_LISTED]))
    voice = in_slot.row(0, named=True)
    if not voice["valid"]:
        faults = "; ".join(describe_finding(finding) for finding in voice["findings"][:_MAX_LISTED])
        raise NoVoiceError(f"{format_location(voice)}: slot {slot} ({voice['name']}) is not a legal voice: {faults}")
    return np.array(in_slot.select(PARAMETER_NAMES).row(0), dtype=np.uint8), voice["name"]
