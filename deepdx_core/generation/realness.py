"""The critic's scores of the corpus: log-odds that each valid sound is real."""

import numpy as np
import polars as pl

from deepdx_core.dataset.arrays import generated_voices
from deepdx_core.decoding.sound_ids import sound_ids
from deepdx_core.generation.model import VoiceModel
from deepdx_core.sound.feature_bytes import feature_bytes
from deepdx_core.tables.generator import Realness
from deepdx_core.voice.parameters import PARAMETER_NAMES


def score_corpus(
    model: VoiceModel, model_id: str, voices: pl.DataFrame, known: pl.DataFrame, audio: pl.DataFrame | None = None
) -> pl.DataFrame:
    """Return the rows of the table `realness`. Sounds with a label that the model does not know are left out.

    voices: the table `training_set`, or its columns `sound_id`, `label` and parameters.
    known: an earlier table `realness`; scores of the same model, sound and label are taken from it.
    audio: the table `audio_features`. If it has all sounds, the critic by ear scores them, otherwise the other one.
    """
    ids = {label: i for i, label in enumerate(model.labels)}
    voices = voices.filter(pl.col("label").is_in(model.labels)).sort("sound_id")
    learned = pl.Series(sound_ids(model.voices.parameters))  # splits may have changed since
    heard = audio is not None and voices["sound_id"].is_in(audio["sound_id"].implode()).all()
    by_ear = heard and model.critic_by_ear is not None
    rows = voices.select(
        "sound_id",
        "label",
        learned=pl.col("sound_id").is_in(learned.implode()),
        by_ear=pl.lit(by_ear),
        model_id=pl.lit(model_id),
    )
    old = rows.join(known.drop("learned"), on=["sound_id", "label", "by_ear", "model_id"])
    new = voices.join(old, on="sound_id", how="anti", maintain_order="left")
    parameters = np.ascontiguousarray(new.select(PARAMETER_NAMES).to_numpy()).astype(np.uint8, copy=False)
    label_ids = new["label"].replace_strict(ids, return_dtype=pl.Int64).to_numpy(writable=True)
    unscored = generated_voices(parameters, label_ids)
    if by_ear and model.critic_by_ear is not None and audio is not None:
        log_odds = model.critic_by_ear.realness(unscored, feature_bytes(parameters, audio))
    else:
        log_odds = model.critic.realness(unscored)
    scores = pl.Series(log_odds, dtype=pl.Float32)
    scored = pl.concat([old.select("sound_id", "realness"), new.select("sound_id", realness=scores)])
    return Realness.cast(rows.join(scored, on="sound_id").sort("sound_id").select(Realness.column_names()))
