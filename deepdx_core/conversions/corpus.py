"""The messages of a home as tables: voices made DX7 voices, supplements of DX7II voices, and performances.

In all of these, the path of a `collection.Source` is the SHA-256 of a file.
"""

from dataclasses import replace

import numpy as np
import polars as pl

from deepdx_core.codec.names import names_to_text
from deepdx_core.conversions.collection import Source, convert_sources
from deepdx_core.conversions.losses import OUT_OF_RANGE
from deepdx_core.conversions.supplements import assign_messages, supplement_losses
from deepdx_core.decoding.sound_ids import sound_ids
from deepdx_core.synths.dx7ii.parameters import ACED
from deepdx_core.synths.kinds import ACED as ACED_KIND
from deepdx_core.synths.kinds import AMEM, PERFORMANCE_KINDS
from deepdx_core.synths.messages import read_messages
from deepdx_core.tables.synths import ConvertedVoices, Performances, Supplements
from deepdx_core.versions import CONVERSION_VERSION, READER_VERSION
from deepdx_core.voice.parameters import PARAMETER_NAMES

CONVERTED_BY = f"reader {READER_VERSION}, conversion {CONVERSION_VERSION}"
"""The code on which the rows of a file with a given content depend."""


def _to_sources(messages: pl.DataFrame) -> list[Source]:
    """Return rows of `synth_messages` as messages, file by file."""
    sources = []
    for (sha256,), rows in messages.partition_by("sha256", as_dict=True, maintain_order=True).items():
        read = [
            replace(message, offset=offset)
            for offset, payload in rows.select("offset", "payload").iter_rows()
            for message in read_messages(payload)
        ]
        sources.append(Source(str(sha256), None, read))
    return sources


def convert_messages(messages: pl.DataFrame, known: pl.DataFrame | None = None) -> pl.DataFrame:
    """Convert all voices in the table `synth_messages` to the table `converted_voices`, sorted by its key.

    known: the table from an earlier call of the same `CONVERTED_BY`. Files in it are not converted again.
    A voice with values out of range is no sound, as a DX7 voice would be none.
    """
    with_voices = messages.join(messages.filter(pl.col("voices") > 0), on="sha256", how="semi")
    known = ConvertedVoices.create_empty() if known is None else known.join(with_voices, on="sha256", how="semi")
    voices = convert_sources(_to_sources(with_voices.join(known, on="sha256", how="anti"))).rename({"path": "sha256"})
    is_sound = pl.col(PARAMETER_NAMES[0]).is_not_null() & ~pl.col("losses").list.contains(OUT_OF_RANGE)
    voices = voices.with_columns(pl.when(is_sound).then(pl.col(*PARAMETER_NAMES)))
    sounds = voices.drop_nulls(PARAMETER_NAMES[0])
    ids = sounds.select("sha256", "offset", "slot").with_columns(
        sound_id=pl.Series(sound_ids(sounds.select(PARAMETER_NAMES).to_numpy()), dtype=pl.String)
    )
    keyed = voices.join(ids, on=["sha256", "offset", "slot"], how="left")
    return pl.concat([known, keyed.select(known.columns)]).sort("sha256", "offset", "slot")


def list_supplements(messages: pl.DataFrame, voices: pl.DataFrame) -> pl.DataFrame:
    """Return the table `supplements`, sorted by its key: a row for each readable voice with a supplement before it.

    messages, voices: the tables `synth_messages` and `decoded_voices`.
    """
    kinds = (ACED_KIND, AMEM)
    found = messages.filter(pl.col("kind").is_in([kind.id for kind in kinds]))
    beside = voices.join(found, on="sha256", how="semi").with_columns(path="sha256", member=pl.lit(None, pl.String))
    values = np.zeros((len(beside), len(ACED.fields)), np.uint8)
    known = np.zeros(len(beside), bool)
    for rows, message, records in assign_messages(beside, _to_sources(found), kinds):
        values[rows] = message.values[records]
        known[rows] = True
    known &= beside["sound_id"].is_not_null().to_numpy()
    supplemented, values = beside.filter(known), values[known]
    losses = supplement_losses(supplemented.select(PARAMETER_NAMES).to_numpy(), values)
    return (
        supplemented.select("sha256", "offset", "slot")
        .with_columns(losses=pl.Series(map(losses.of_voice, range(len(values))), dtype=pl.List(pl.String)))
        .hstack(pl.DataFrame(values, schema=[field.name for field in ACED.fields]))
        .sort("sha256", "offset", "slot")
        .select(Supplements.column_names())
    )


def list_performances(messages: pl.DataFrame) -> pl.DataFrame:
    """Return the table `performances`, sorted by its key. messages: the table `synth_messages`."""
    found = messages.filter(pl.col("kind").is_in([kind.id for kind in PERFORMANCE_KINDS]))
    parts = [
        pl.DataFrame(
            {
                "number": np.arange(1, len(message.records) + 1),
                "name": names_to_text(message.names),
                "values": message.values.tolist(),
            }
        ).select(
            pl.lit(source.path).alias("sha256"),
            pl.lit(message.offset).alias("offset"),
            "number",
            pl.lit(message.kind.id).alias("kind"),
            "name",
            "values",
        )
        for source in _to_sources(found)
        for message in source.messages
        if len(message.records)
    ]
    rows = pl.concat(parts) if parts else Performances.create_empty()
    return Performances.cast(rows).sort("sha256", "offset", "number")
