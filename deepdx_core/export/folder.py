"""Write a dataset folder, whole or not at all. The `datasets` library of Hugging Face opens it as it is."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from deepdx_core.export.card import card, data_dictionary
from deepdx_core.export.clips import Clips, write_clips
from deepdx_core.files import file_digest, folder_written_whole
from deepdx_core.home import Home
from deepdx_core.progress import Report, silent
from deepdx_core.tables.dataset import SPLITS, WITHHELD
from deepdx_core.tables.storage import Tables
from deepdx_core.voice.parameters import PARAMETER_NAMES, PARAMETERS

CHECKSUMS = "SHA256SUMS"
"""The file that lists all others. A folder with it, and with nothing that it does not list, is an export."""


@dataclass(frozen=True)
class Exported:
    """An export: number of voices by split, and of clips."""

    voices: dict[str, int]
    clips: int


def export_dataset(
    home: Home, folder: Path, clips: Clips | None = None, *, force: bool = False, report: Report = silent
) -> Exported:
    """Write the training set of a home as a dataset folder: the same tables, the same bytes.

    clips: render clips of all voices as well. force: replace an earlier export; nothing else is ever replaced. Raises
    OutputError if something is in the way, and MissingTableError before the first run.
    """
    with folder_written_whole(folder, force, _files_of_export) as staged:
        rows = dataset_rows(Tables(home))
        (staged / "data").mkdir()
        counts = {}
        for split, own in _by_split(rows):
            own.write_parquet(staged / "data" / f"{split}.parquet", compression="zstd", statistics=False)
            counts[split] = len(own)
        rendered = write_clips(rows, staged / "audio", clips, report) if clips else 0
        (staged / "parameters.json").write_text(_parameters())
        (staged / "dictionary.md").write_text(data_dictionary(clips))
        (staged / "README.md").write_text(card(rows, Tables(home).read("verdicts", ["verdict"]), counts, clips))
        _write_checksums(staged)
    return Exported(counts, rendered)


def _files_of_export(folder: Path) -> set[str]:
    """Return the paths of the files of an export at `folder`, none if it is none."""
    try:
        lines = (folder / CHECKSUMS).read_text().splitlines()
    except (OSError, UnicodeDecodeError):
        return set()
    return {line.partition("  ")[2] for line in lines} | {CHECKSUMS}


def dataset_rows(tables: Tables) -> pl.DataFrame:
    """Return a row for each valid sound, sorted by `sound_id`; `data_dictionary` describes the columns."""
    rows = tables.read("training_set")
    labels = tables.read("labeled_voices", ["sound_id", "category", "confidence", "decided_by", "algorithm_label"])
    reasons = tables.read("training_splits", ["sound_id", "reason"])
    sounds = tables.read("unique_voices", ["sound_id", "name", "files"])
    return (
        rows.join(labels, on="sound_id")
        .join(reasons, on="sound_id")
        .join(sounds, on="sound_id")
        .sort("sound_id")
        .select(
            *("sound_id", "split", "label", "category", "confidence", "decided_by"),
            algorithm=pl.col("algorithm_label"),
            name=pl.col("name"),
            names=pl.col("names"),
            files=pl.col("files"),
            family_id=pl.col("family_id"),
            split_reason=pl.col("reason"),
            parameters=pl.concat_list(PARAMETER_NAMES),
        )
    )


def _by_split(rows: pl.DataFrame) -> Iterator[tuple[str, pl.DataFrame]]:
    for split in (*SPLITS, WITHHELD):
        own = rows.filter(pl.col("split") == split)
        if len(own) or split != WITHHELD:
            yield split, own


def _parameters() -> str:
    listed = [{"name": p.name, "maximum": p.maximum, "default": p.default} for p in PARAMETERS]
    return json.dumps(listed, indent=1) + "\n"


def _write_checksums(folder: Path) -> None:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    lines = [f"{file_digest(path)}  {path.relative_to(folder).as_posix()}\n" for path in files]
    (folder / CHECKSUMS).write_text("".join(lines))
