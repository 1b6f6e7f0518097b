"""Dumps to voices: every slot of every dump, with its parameters, sound id and findings."""

import numpy as np
import polars as pl

from deepdx_core.arrays import BoolArray, UInt8Array
from deepdx_core.codec.names import names_to_text
from deepdx_core.codec.packing import unpack_records
from deepdx_core.codec.segments import RECORD_SIZE, Format
from deepdx_core.decoding import findings
from deepdx_core.decoding.sound_ids import sound_ids
from deepdx_core.tables.columns import MAX_FINDINGS
from deepdx_core.tables.decoding import DecodedVoices
from deepdx_core.versions import CURATION_VERSION, READER_VERSION
from deepdx_core.voice.parameters import PARAMETER_NAMES

_BATCH = 1 << 14  # voices; each may have a hundred findings, which take far more memory before they are in a table


DECODED_BY = f"reader {READER_VERSION}, curation {CURATION_VERSION}"
"""The code on which the rows of a file with a given content depend."""


def decode_dumps(dumps: pl.DataFrame, known: pl.DataFrame | None = None) -> pl.DataFrame:
    """Decode the voices in the table `dumps` to the table `decoded_voices`, sorted by its key.

    known: the table from an earlier call of the same `DECODED_BY`. Files in it are not decoded again.
    """
    with_voices = dumps.filter(pl.col("voices") > 0)
    known = DecodedVoices.create_empty() if known is None else known.join(with_voices, on="sha256", how="semi")
    batches = with_voices.join(known, on="sha256", how="anti").with_columns(
        batch=pl.col("voices").cast(pl.Int64).cum_sum().over("format") // _BATCH
    )
    parts = [_decode(rows, Format(rows["format"][0])) for rows in batches.partition_by("format", "batch")]
    return pl.concat([known, *parts]).sort("sha256", "offset", "slot")


def _decode(dumps: pl.DataFrame, format_: Format) -> pl.DataFrame:
    size = RECORD_SIZE[format_]
    records = np.frombuffer(b"".join(dumps["payload"]), dtype=np.uint8).reshape(-1, size)
    parameters, names = unpack_records(records)
    readable: BoolArray = np.all(records < 128, axis=1)
    slots = (
        dumps.select("sha256", "offset", "format", "channel", "checksum", slot=pl.int_ranges(1, pl.col("voices") + 1))
        .explode("slot")
        .with_row_index("voice")
    )
    values = pl.DataFrame(parameters, schema=list(PARAMETER_NAMES)).with_columns(
        name=pl.Series(names_to_text(names)),
        sound_id=pl.Series(sound_ids(parameters)),
        readable=pl.Series(readable),
    )
    # A byte over 127 makes the rest of the voice doubtful: it gets neither parameters nor a sound id.
    known = values.with_columns(pl.when("readable").then(pl.col("sound_id", *PARAMETER_NAMES)))
    return (
        pl.concat([slots, known], how="horizontal")
        .join(_list_findings(records, parameters, readable, format_), on="voice", how="left")
        .with_columns(pl.col("findings").fill_null([]), valid=pl.col("findings").is_null())
        .cast({"slot": pl.UInt16})
        .select(DecodedVoices.column_names())
    )


def _list_findings(records: UInt8Array, parameters: UInt8Array, readable: BoolArray, format_: Format) -> pl.DataFrame:
    """Return a row for each voice with findings: `voice` and the list `findings`."""
    found = pl.concat(
        [
            findings.find_high_bytes(records, format_),
            findings.find_out_of_range(parameters),
            findings.find_all_zero(parameters),
        ]
    )
    # An unreadable voice keeps only the finding that makes it so: its parameters mean nothing.
    readable_or_reason = pl.lit(pl.Series(readable)).gather(pl.col("voice")) | (
        pl.col("rule") == findings.BYTE_OVER_127.id
    )
    return (
        found.filter(readable_or_reason)
        .group_by("voice")
        .agg(findings=pl.struct("rule", "parameter", "value").head(MAX_FINDINGS))
        .cast({"voice": pl.UInt32})
    )
