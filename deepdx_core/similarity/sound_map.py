"""The map of sounds: a small network that gives each sound a place by its audio features, trained in advance.

A sound has the same place in every home, and new sounds move no other. `tools.train_map` trains the network.
"""

import json
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Annotated, Any

import numpy as np
import polars as pl
from pydantic import Field
from safetensors import SafetensorError
from safetensors.numpy import load, save

from deepdx_core.arrays import Float32Array, Float64Array, UInt8Array
from deepdx_core.decoding.sound_ids import sound_ids
from deepdx_core.documents import StrictModel, first_error
from deepdx_core.progress import Report, silent
from deepdx_core.similarity.ear import DIMENSIONS, ear_vectors
from deepdx_core.sound.audio_features import compute_voice_features
from deepdx_core.tables.audio import AudioFeatures

MAX_BYTES = 4 << 20
"""Bound of a map's file. That of the package has some 300 KB."""

_FORMAT = 1
_MAX_LAYERS = 8
_MAX_WIDTH = 4096
_DECIMALS = 4


class MapCard(StrictModel):
    """The description of a map: its training data in words, its date and number of sounds, and measures by name."""

    format: Annotated[int, Field(ge=_FORMAT, le=_FORMAT)] = _FORMAT
    data: str
    date: str
    sounds: Annotated[int, Field(ge=1)]
    measures: dict[str, float]


@dataclass(frozen=True, eq=False)
class SoundMap:
    """A network of dense layers, with rectifiers between them, from vectors by ear to places.

    mean, scale: by which vectors are standardized first, `float32[DIMENSIONS]`. weights, biases: of each layer,
    `float16[inputs, outputs]` and `float16[outputs]`; the last has two outputs.
    """

    card: MapCard
    mean: Float32Array
    scale: Float32Array
    weights: tuple[Any, ...]
    biases: tuple[Any, ...]

    def __post_init__(self) -> None:
        if not 0 < len(self.weights) == len(self.biases) <= _MAX_LAYERS:
            raise ValueError(f"a map has 1 to {_MAX_LAYERS} layers")
        if self.mean.dtype != np.float32 or self.mean.shape != self.scale.shape or self.scale.dtype != np.float32:
            raise ValueError("mean and scale must be float32 of the same shape")
        width = DIMENSIONS
        if self.mean.shape != (width,):
            raise ValueError(f"mean must be of {width} numbers")
        for weights, biases in zip(self.weights, self.biases, strict=True):
            if weights.dtype != np.float16 or biases.dtype != np.float16:
                raise ValueError("weights and biases must be float16")
            if weights.ndim != 2 or weights.shape[0] != width or biases.shape != weights.shape[1:]:
                raise ValueError("layers do not fit one another")
            width = weights.shape[1]
            if width > _MAX_WIDTH:
                raise ValueError(f"layers must be {_MAX_WIDTH} wide at most")
        if width != 2:
            raise ValueError("the last layer must have two outputs")
        if not all(np.isfinite(array).all() for array in (self.mean, self.scale, *self.weights, *self.biases)):
            raise ValueError("numbers must be finite")
        if (self.scale <= 0).any():
            raise ValueError("scale must be positive")

    def places(self, vectors: Float32Array) -> Float32Array:
        """Return the place of each sound, `float32[n, 2]`, each coordinate within -1 and 1.

        vectors: `float32[n, DIMENSIONS]`, from `ear_vectors`. In double precision and then rounded, so that the order
        in which a machine adds numbers does not show.
        """
        values: Float64Array = (vectors.astype(np.float64) - self.mean) / self.scale
        for number, (weights, biases) in enumerate(zip(self.weights, self.biases, strict=True)):
            if number:
                values = np.maximum(values, 0)
            values = values @ weights.astype(np.float64) + biases
        return np.round(np.tanh(values), _DECIMALS).astype(np.float32) + np.float32(0)  # no -0.0


def place_sounds(audio: pl.DataFrame) -> pl.DataFrame:
    """Return the table `sound_map`: the place of each sound in a table `audio_features`."""
    ids, vectors = ear_vectors(audio)
    places = package_map().places(vectors)
    return pl.DataFrame({"sound_id": ids, "x": places[:, 0], "y": places[:, 1]})


def place_voices(parameters: UInt8Array, report: Report = silent) -> Float32Array:
    """Return the place of voices, `uint8[n, 145]`, on the map, `float32[n, 2]`. Renders them.

    Raises ValueError if a parameter is out of range.
    """
    placed = place_sounds(compute_voice_features(parameters, AudioFeatures.create_empty(), report))
    voices = pl.DataFrame({"sound_id": sound_ids(parameters)}, schema={"sound_id": pl.String})
    return voices.join(placed, on="sound_id", maintain_order="left").select("x", "y").to_numpy()


@cache
def package_map() -> SoundMap:
    """Load the map that ships with the package, once per process."""
    return from_file((resources.files(__package__) / "sound_map.safetensors").read_bytes())


def to_file(found: SoundMap) -> bytes:
    """Return the content of a map's file."""
    arrays = {"mean": found.mean, "scale": found.scale}
    for number, (weights, biases) in enumerate(zip(found.weights, found.biases, strict=True)):
        arrays |= {f"{number}/weights": np.ascontiguousarray(weights), f"{number}/biases": biases}
    return save(arrays, {"card": json.dumps(found.card.model_dump(), sort_keys=True)})


def from_file(content: bytes) -> SoundMap:
    """Return the map in a file. Raises ValueError with the reason if it is damaged or not a map."""
    try:
        if len(content) > MAX_BYTES:
            raise ValueError(f"larger than {MAX_BYTES:,} bytes")
        arrays = load(content)
        header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
        card = MapCard.model_validate(json.loads(header["__metadata__"]["card"]))
        layers = range((len(arrays) - 2) // 2)
        weights = tuple(arrays[f"{number}/weights"] for number in layers)
        biases = tuple(arrays[f"{number}/biases"] for number in layers)
        if len(arrays) != 2 + 2 * len(layers):
            raise ValueError("arrays are missing or unknown")
        return SoundMap(card, arrays["mean"], arrays["scale"], weights, biases)
    except (SafetensorError, KeyError, TypeError, RecursionError) as error:
        raise ValueError(f"not a map ({error})") from error
    except ValueError as error:
        raise ValueError(f"not a map ({first_error(error)})") from error
