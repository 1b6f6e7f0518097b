"""Sounds as short vectors: the principal components of their audio features, or of their parameters without audio."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from deepdx_core.arrays import Float64Array, Int64Array, UInt8Array
from deepdx_core.codec.packing import MAXIMA
from deepdx_core.decoding.sound_ids import sound_ids
from deepdx_core.errors import DeepDXError
from deepdx_core.home import Home
from deepdx_core.progress import Report, silent
from deepdx_core.similarity.ear import ear_vectors
from deepdx_core.sound.audio_features import compute_voice_features
from deepdx_core.tables.audio import AudioFeatures
from deepdx_core.tables.storage import Tables
from deepdx_core.voice.parameters import PARAMETER_NAMES

DIMENSIONS = 20
"""Largest length of a vector."""

_FEW = 2  # a principal component needs more sounds than this


class UnknownSoundError(DeepDXError):
    """A sound is not among the valid ones of the corpus."""


@dataclass(frozen=True, eq=False)  # arrays have no single truth value
class Features:
    """All valid sounds of a corpus as vectors, and the projection that gives a vector for any other voice.

    sound_ids: sorted. vectors: `float64[n, dimensions]`; distances are about 1 between unlike sounds. by_ear: from the
    rendered sounds, rather than from parameters. Making it takes about a second for 30,000 sounds; keep it for as long
    as the corpus is the same.
    """

    sound_ids: pl.Series
    vectors: Float64Array
    by_ear: bool
    _mean: Float64Array
    _axes: Float64Array

    @classmethod
    def of_corpus(cls, home: Home) -> "Features":
        """Return the features of the valid sounds of a home: by ear if all of them were rendered.

        Raises MissingTableError before the first run, and DeepDXError for a corpus without valid sounds.
        """
        tables = Tables(home)
        return cls.of_sounds(tables.read("training_set"), tables.read_or_empty("audio_features"))

    @classmethod
    def of_sounds(cls, sounds: pl.DataFrame, audio: pl.DataFrame) -> "Features":
        """Return the features of sounds. sounds: `sound_id` and parameters. audio: a table `audio_features`."""
        sounds = sounds.sort("sound_id")
        if len(sounds) <= _FEW:
            raise DeepDXError(f"{len(sounds)} valid sounds are too few: add banks with `deepdx add`, and `deepdx run`")
        heard = audio.join(sounds, on="sound_id", how="semi")
        by_ear = heard["sound_id"].n_unique() == len(sounds)
        raw = _ear_vectors(heard)[1] if by_ear else _parameter_vectors(sounds.select(PARAMETER_NAMES).to_numpy())
        mean = raw.mean(axis=0)
        variances, axes = np.linalg.eigh(np.cov(raw, rowvar=False))
        kept = np.flatnonzero(variances > 1e-9 * variances[-1])[-DIMENSIONS:][::-1]
        axes = axes[:, kept] * np.sign(axes[np.abs(axes[:, kept]).argmax(axis=0), kept])
        scaled = axes / np.sqrt(2 * variances[kept].sum())
        return cls(sounds["sound_id"], (raw - mean) @ scaled, by_ear, mean, scaled)

    def rows(self, sound_ids: Sequence[str] | pl.Series) -> Int64Array:
        """Return the rows of sounds, `int64[m]`. Raises UnknownSoundError for one that is not a valid sound."""
        rows = self.find(sound_ids)
        if (rows < 0).any():
            raise UnknownSoundError(f"{pl.Series(sound_ids)[int(np.argmax(rows < 0))]!r} is not a valid sound here")
        return rows

    def find(self, sound_ids: Sequence[str] | pl.Series) -> Int64Array:
        """Return the rows of sounds, `int64[m]`, -1 for those that are not valid sounds of this corpus."""
        wanted = pl.DataFrame({"sound_id": pl.Series(sound_ids, dtype=pl.String)})
        known = self.sound_ids.to_frame("sound_id").with_row_index("row")
        found = wanted.join(known, on="sound_id", how="left", maintain_order="left")["row"]
        return np.asarray(found.cast(pl.Int64).fill_null(-1).to_numpy(writable=True))

    def of_voices(
        self, parameters: UInt8Array, audio: pl.DataFrame | None = None, report: Report = silent
    ) -> Float64Array:
        """Return the vectors of any voices, `uint8[m, 145]`, such as generated ones: `float64[m, dimensions]`.

        By ear, they are rendered, unless `audio`, a table `audio_features`, has them. Raises ValueError for a parameter
        out of range.
        """
        if not self.by_ear:
            return np.asarray((_parameter_vectors(parameters) - self._mean) @ self._axes)
        known = AudioFeatures.create_empty() if audio is None else audio
        ids, raw = _ear_vectors(compute_voice_features(parameters, known, report))
        own = pl.DataFrame({"sound_id": sound_ids(parameters)}, schema={"sound_id": pl.String})
        of_ids = ids.to_frame("sound_id").with_row_index("row")
        rows = own.join(of_ids, on="sound_id", how="left", maintain_order="left")["row"].to_numpy()
        return np.asarray((raw[rows] - self._mean) @ self._axes)


def _ear_vectors(audio: pl.DataFrame) -> tuple[pl.Series, Float64Array]:
    ids, vectors = ear_vectors(audio)
    return ids, vectors.astype(np.float64)


def _parameter_vectors(parameters: UInt8Array) -> Float64Array:
    return parameters / MAXIMA.astype(np.float64)
