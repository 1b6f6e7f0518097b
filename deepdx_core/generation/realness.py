"""The critic asked about the corpus: how real each voice looks, where a model's voices are what it is told from."""

import numpy as np
import polars as pl

from deepdx_core.dataset.arrays import generated_voices
from deepdx_core.decoding.sound_ids import sound_ids
from deepdx_core.generation.model import VoiceModel
from deepdx_core.tables.generator import Realness
from deepdx_core.voice.parameters import PARAMETER_NAMES


def score_corpus(
    model: VoiceModel,
    model_id: str,
    sounds: pl.DataFrame,
    labeled: pl.DataFrame,
    known: pl.DataFrame,
) -> pl.DataFrame:
    """Rows of the table `realness`, from the tables unique_voices and labeled_voices.

    What `known`, such a table, has of the same model, sound and label is taken over. Sounds of a label that the model
    does not know are left out.
    """
    ids = {label: i for i, label in enumerate(model.labels)}
    voices = (
        labeled.filter(pl.col("label").is_in(model.labels))
        .join(sounds.select("sound_id", *PARAMETER_NAMES), on="sound_id")
        .sort("sound_id")
    )
    learned = pl.Series(sound_ids(model.voices.parameters))  # whatever their split is by now
    rows = voices.select(
        "sound_id", "label", learned=pl.col("sound_id").is_in(learned.implode()), model_id=pl.lit(model_id)
    )
    old = rows.join(known.drop("learned"), on=["sound_id", "label", "model_id"])
    new = voices.join(old, on="sound_id", how="anti", maintain_order="left")
    parameters = np.ascontiguousarray(new.select(PARAMETER_NAMES).to_numpy()).astype(np.uint8, copy=False)
    label_ids = new["label"].replace_strict(ids, return_dtype=pl.Int64).to_numpy(writable=True)
    said = new.select(
        "sound_id", realness=pl.Series(model.critic.realness(generated_voices(parameters, label_ids)), dtype=pl.Float32)
    )
    told = pl.concat([old.select("sound_id", "realness"), said])
    return Realness.cast(rows.join(told, on="sound_id").sort("sound_id").select(Realness.column_names()))
