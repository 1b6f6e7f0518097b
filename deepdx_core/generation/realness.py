"""The critics' scores: log-odds that a voice is real, for candidates and for each valid sound of the corpus."""

import numpy as np
import polars as pl

from deepdx_core.arrays import Float64Array
from deepdx_core.dataset.arrays import Voices, generated_voices
from deepdx_core.decoding.sound_ids import sound_ids
from deepdx_core.generation.voice_model import VoiceModel
from deepdx_core.sound.feature_bytes import feature_bytes
from deepdx_core.tables.generator import Realness
from deepdx_core.voice.parameters import PARAMETER_NAMES


def compute_realness(model: VoiceModel, voices: Voices, audio: pl.DataFrame | None) -> Float64Array:
    """Return the log-odds that each voice is real, `float64[n]`: by ear with `audio`, if the model has such a critic.

    audio: a table `audio_features` with all of the voices.
    """
    if audio is None or model.critic_by_ear is None:
        return model.critic.realness(voices)
    return model.critic_by_ear.realness(voices, feature_bytes(voices.parameters, audio))


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
    if audio is not None and not voices["sound_id"].is_in(audio["sound_id"].implode()).all():
        audio = None
    by_ear = audio is not None and model.critic_by_ear is not None
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
    log_odds = compute_realness(model, generated_voices(parameters, label_ids), audio)
    scores = pl.Series(log_odds, dtype=pl.Float32)
    scored = pl.concat([old.select("sound_id", "realness"), new.select("sound_id", realness=scores)])
    return Realness.cast(rows.join(scored, on="sound_id").sort("sound_id").select(Realness.column_names()))
