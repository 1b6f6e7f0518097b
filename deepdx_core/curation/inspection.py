"""A closer look at files wherever they are: their voices, or why they have none."""

from collections.abc import Iterable
from pathlib import Path

import polars as pl

from deepdx_core.curation.decoding import decode_dumps
from deepdx_core.intake.contents import printable
from deepdx_core.intake.survey import Surveyor, inbox_files


def inspect_files(paths: Iterable[Path]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """What is in files, folders and archives: rows of `raw_files`, and the voices in them.

    The files stand in the order given, by `path` as given; archives that hold files are left out. A voice's row is one
    of `decoded_voices` with `path`, `member`, and the dump's `what` and `note`, in order of file and place.
    """
    surveyor = Surveyor()
    for given in paths:
        for path in inbox_files(given) if given.is_dir() else [given]:
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
