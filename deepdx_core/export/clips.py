"""Rendered clips in Parquet shards, as FLAC, with a row for each clip."""

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import soundfile

from deepdx_core.arrays import Float32Array
from deepdx_core.progress import Report
from deepdx_core.sound.rendering import SAMPLE_RATE, render

ROWS_PER_SHARD = 2000  # some 150 MB of clips of two seconds
_ROWS_AT_ONCE = 200

_FEATURES = {
    "audio": {"sampling_rate": SAMPLE_RATE, "_type": "Audio"},
    "sound_id": {"dtype": "string", "_type": "Value"},
    "label": {"dtype": "string", "_type": "Value"},
    "note": {"dtype": "uint8", "_type": "Value"},
    "velocity": {"dtype": "uint8", "_type": "Value"},
    "peak": {"dtype": "float32", "_type": "Value"},
}
_SCHEMA = pa.schema(
    [
        ("audio", pa.struct([("bytes", pa.binary()), ("path", pa.string())])),
        ("sound_id", pa.string()),
        ("label", pa.string()),
        ("note", pa.uint8()),
        ("velocity", pa.uint8()),
        ("peak", pa.float32()),
    ],
    # Without it, the `datasets` library would not decode the clips.
    metadata={"huggingface": json.dumps({"info": {"features": _FEATURES}})},
)


@dataclass(frozen=True)
class Clips:
    """Clips to render of each voice: every note at every velocity. seconds: length. held: time until key-up."""

    notes: tuple[int, ...] = (60,)
    velocities: tuple[int, ...] = (100,)
    seconds: float = 2.0
    held: float = 1.5


def write_clips(rows: pl.DataFrame, folder: Path, clips: Clips, report: Report) -> int:
    """Write clips of all voices, by split, `SPLIT-00000.parquet` and so on. Return the number of clips.

    rows: from `folder.dataset_rows`. A clip is scaled to a peak of 1, and `peak` is that of before.
    """
    folder.mkdir()
    done, total = 0, len(rows) * len(clips.notes) * len(clips.velocities)
    for split in rows["split"].unique(maintain_order=True).sort():
        own = rows.filter(pl.col("split") == split)
        for number, shard in enumerate(own.iter_slices(ROWS_PER_SHARD)):
            with pq.ParquetWriter(folder / f"{split}-{number:05}.parquet", _SCHEMA, compression="none") as writer:
                for part in shard.iter_slices(_ROWS_AT_ONCE):
                    for table in _render(part, clips):
                        writer.write_table(table)
                        done += len(table)
                        report("rendering clips", done, total)
    return done


def _render(rows: pl.DataFrame, clips: Clips) -> Iterator[pa.Table]:
    parameters = np.array(rows["parameters"].to_list(), dtype=np.uint8)
    for note in clips.notes:
        for velocity in clips.velocities:
            samples = render(parameters, note, velocity, clips.seconds, clips.held)
            peaks = np.abs(samples).max(axis=1)
            scaled = samples / np.where(peaks > 0, peaks, 1)[:, None]
            paths = [f"{sound_id}-{note}-{velocity}.flac" for sound_id in rows["sound_id"]]
            audio = [{"bytes": _flac(clip), "path": path} for clip, path in zip(scaled, paths, strict=True)]
            yield pa.table(
                {
                    "audio": audio,
                    "sound_id": rows["sound_id"].to_list(),
                    "label": rows["label"].to_list(),
                    "note": [note] * len(rows),
                    "velocity": [velocity] * len(rows),
                    "peak": peaks,
                },
                schema=_SCHEMA,
            )


def _flac(samples: Float32Array) -> bytes:
    content = io.BytesIO()
    soundfile.write(content, samples, SAMPLE_RATE, format="FLAC", subtype="PCM_16")
    return content.getvalue()
