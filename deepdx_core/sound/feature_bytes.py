"""Audio features as bytes, for models whose trees test bytes."""

import polars as pl

from deepdx_core.arrays import UInt8Array
from deepdx_core.sound.audio_features import CLIPS, FEATURES, collect_features
from deepdx_core.sound.clip_features import FLOOR_DB
from deepdx_core.tables.audio import AudioFeatures

_MISSING = 255


def _to_byte(name: str, dtype: pl.DataType) -> pl.Expr:
    """Return a feature in even steps: half a decibel, a sixteenth of an octave, or a 250th of a share."""
    feature = pl.col(name)
    if dtype == pl.Boolean:
        steps = feature.cast(pl.Float64)
    elif name.endswith("_seconds"):
        steps = (1 + 100 * feature).log(2) * 32  # fine near zero, where attacks differ
    elif name.endswith("_hz"):
        steps = feature.clip(1).log(2) * 16
    elif name in ("harshness", "flatness", "harmonicity"):
        steps = feature * 250
    else:
        steps = (feature - FLOOR_DB) * 2
    return steps.round().clip(0, _MISSING - 1).fill_null(_MISSING).cast(pl.UInt8).alias(name)


_SCHEMA = AudioFeatures.create_empty().schema
_FEATURES = [_to_byte(name, _SCHEMA[name]) for name in FEATURES]

FEATURE_BYTES = len(_FEATURES) * len(CLIPS)
"""Number of bytes of a sound."""


def feature_bytes(parameters: UInt8Array, audio: pl.DataFrame) -> UInt8Array:
    """Return the audio features of voices, `uint8[n, 145]`, as `uint8[n, FEATURE_BYTES]`; 255 where one is undefined.

    audio: a table `audio_features` with all clips of all of them.
    """
    return collect_features(parameters, audio, _FEATURES).reshape(-1, FEATURE_BYTES)
