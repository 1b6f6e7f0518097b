"""The valid sounds of a home in memory, and the nearest of them to a voice or a recording."""

from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np
import polars as pl

from deepdx_core.arrays import Float32Array, Int64Array, UInt8Array
from deepdx_core.codec.packing import require_legal
from deepdx_core.decoding.sound_ids import sound_ids
from deepdx_core.errors import DeepDXError
from deepdx_core.home import Home
from deepdx_core.progress import Report, silent
from deepdx_core.similarity.ear import ear_vectors
from deepdx_core.similarity.matching import HIGHEST_NOTE, LOWEST_NOTE, match_recording
from deepdx_core.similarity.recordings import Recording, read_recording
from deepdx_core.similarity.spectra_cache import load_spectra
from deepdx_core.sound.audio_features import compute_voice_features
from deepdx_core.tables.audio import AudioFeatures
from deepdx_core.tables.storage import Tables
from deepdx_core.voice.parameters import PARAMETER_NAMES, PARAMETERS

_TABLES = ("unique_voices", "verdicts", "audio_features")
_BYTES = np.arange(256, dtype=np.float32)
_MAXIMA = np.array([parameter.maximum for parameter in PARAMETERS], np.float32)


class NoAudioError(DeepDXError):
    """No sound of the home was rendered yet."""


@dataclass(frozen=True, eq=False)
class SoundIndex:
    """The valid sounds of a home, in the order of their ids. Get it by `load`.

    sound_ids: `str[n]`. parameters: `uint8[n, 145]`. heard: rows of the sounds that were rendered, `int64[h]`. vectors:
    theirs by ear, `float32[h, DIMENSIONS]`.
    """

    home: Home
    sound_ids: pl.Series
    parameters: UInt8Array
    heard: Int64Array
    vectors: Float32Array
    _spectra: list[UInt8Array] = field(default_factory=list)

    @cached_property
    def _columns(self) -> UInt8Array:
        """The parameters by column, `uint8[145, n]`."""
        return np.ascontiguousarray(self.parameters.T)

    @classmethod
    def load(cls, home: Home) -> "SoundIndex":
        """Return the index of a home, the same one while its tables are the same: call it for each query.

        Raises MissingTableError before the first run, and DamagedTableError.
        """
        tables = Tables(home)
        return _load(home, tuple(tables.checksum(table) for table in _TABLES))

    def by_ear(self, parameters: UInt8Array, count: int = 20) -> pl.DataFrame:
        """Return the sounds nearest by ear to a voice, `uint8[145]`: `sound_id` and `distance` in dB, nearest first.

        The distance is the root mean square over the features of `ear_vectors`; the voice itself is left out. Raises
        ValueError if a parameter is out of range, and NoAudioError.
        """
        if not len(self.heard):
            raise NoAudioError(f"no sound of {self.home.root} was rendered yet: run `deepdx run` with audio first")
        require_legal(parameters[None])
        own = np.flatnonzero(self.heard == self._row(parameters))
        if len(own):
            vector = self.vectors[own[0]]
        else:
            audio = compute_voice_features(parameters[None], AudioFeatures.create_empty(), silent)
            vector = ear_vectors(audio)[1][0]
        distances = np.full(len(self.sound_ids), np.inf, np.float32)
        distances[self.heard] = np.sqrt(((self.vectors - vector) ** 2).mean(axis=1))
        return self._nearest(parameters, distances, count)

    def by_parameters(self, parameters: UInt8Array, count: int = 20) -> pl.DataFrame:
        """Return the sounds nearest by parameters to a voice, `uint8[145]`: `sound_id`, `distance`, nearest first.

        The distance adds up the square roots of the differences, each as a share of its parameter's range: 1 from end
        to end, 0.1 for one step of 99. The labels of neighbors agree more often than by the number of parameters that
        differ. Raises ValueError if a parameter is out of range.
        """
        require_legal(parameters[None])
        distances = np.zeros(len(self.sound_ids), np.float32)
        for column, value, maximum in zip(self._columns, parameters, _MAXIMA, strict=True):
            distances += np.sqrt(np.abs(_BYTES - np.float32(value)) / maximum)[column]
        return self._nearest(parameters, distances, count)

    def by_recording(
        self, source: Recording | bytes | Path, count: int = 20, *, note: int | None = None, report: Report = silent
    ) -> pl.DataFrame:
        """Return the sounds nearest to a recording of a note: `sound_id`, `distance`, `note`; nearest first.

        source: a recording, or a file (WAV, FLAC, MP3, Ogg or AIFF), or its content. note: the MIDI note that it plays,
        if known. The column `note` is the one at which the sound is most alike. At most 128 sounds. The first query of
        a home renders all of its sounds, which takes 15 s of one core for 30,000; they are kept in a file.

        Raises RecordingError, and ValueError for a note that no recording is compared at.
        """
        if note is not None and not LOWEST_NOTE <= note <= HIGHEST_NOTE:
            raise ValueError(f"note is {note}, its range is {LOWEST_NOTE} to {HIGHEST_NOTE}")
        recording = source if isinstance(source, Recording) else read_recording(source)
        if not self._spectra:
            self._spectra.append(load_spectra(self.home, self.sound_ids.to_list(), self.parameters, report))
        rows, distances, notes = match_recording(recording, self.parameters, self._spectra[0], note)
        found = {"sound_id": self.sound_ids.gather(rows), "distance": distances, "note": notes}
        return pl.DataFrame(found).head(count)

    def _row(self, parameters: UInt8Array) -> int:
        """Return the row of a voice, -1 if it is not among the sounds."""
        place = self.sound_ids.search_sorted(sound_ids(parameters[None])[0])
        found = place < len(self.sound_ids) and (self.parameters[place] == parameters).all()
        return place if found else -1

    def _nearest(self, parameters: UInt8Array, distances: Float32Array, count: int) -> pl.DataFrame:
        if (own := self._row(parameters)) >= 0:
            distances[own] = np.inf
        order = np.argsort(distances, kind="stable")[:count]
        order = order[np.isfinite(distances[order])]
        return pl.DataFrame({"sound_id": self.sound_ids.gather(order), "distance": distances[order]})


@lru_cache(maxsize=1)
def _load(home: Home, versions: tuple[str | None, ...]) -> SoundIndex:
    tables = Tables(home)
    valid = tables.read("verdicts", ["sound_id", "verdict"]).filter(pl.col("verdict") == "valid")
    columns = ["sound_id", *PARAMETER_NAMES]
    sounds = tables.read("unique_voices", columns).join(valid, on="sound_id", how="semi").sort("sound_id")
    ids, vectors = ear_vectors(tables.read("audio_features").join(valid, on="sound_id", how="semi"))
    heard = sounds.with_row_index("row").join(ids.to_frame(), on="sound_id", how="semi", maintain_order="left")["row"]
    parameters = np.ascontiguousarray(sounds.select(PARAMETER_NAMES).to_numpy())
    return SoundIndex(home, sounds["sound_id"], parameters, heard.cast(pl.Int64).to_numpy(), vectors)
