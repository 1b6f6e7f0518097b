"""A judge: boosted trees with their card, stored as one file of plain arrays (safetensors), checked when loaded."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any, Literal

import numpy as np
import numpy.typing as npt
import polars as pl
from pydantic import Field
from safetensors import SafetensorError
from safetensors.numpy import load, save

from deepdx_core.arrays import Float32Array, Float64Array, Int64Array, UInt8Array
from deepdx_core.documents import StrictModel, first_error
from deepdx_core.trees import Trees
from deepdx_core.voice.parameters import PARAMETERS

Kind = Literal["corruption", "labels"]

MAX_BYTES = 64 << 20
"""Bound of a judge's file. Those of the package have some 2 MB."""

_FORMAT = 1
_MAX_FOLDS = 16
_MAX_EDGES = 254
_BY_THRESHOLD: UInt8Array = np.packbits(np.arange(256) > np.arange(256)[:, None], axis=1, bitorder="little")
"""For each threshold, the bytes above it as a set of 256 bits, `uint8[256, 32]`; see `Trees.sent_right`."""


class JudgeCard(StrictModel):
    """The description of a judge.

    data: its training data, in words. sounds: number of sounds trained on. classes: of a judge of labels, the
    categories in the order of its outputs. calibration: exponent of its probabilities. measures: of its predictions for
    sounds of families that it was not trained on, by name.
    """

    format: Annotated[int, Field(ge=_FORMAT, le=_FORMAT)] = _FORMAT
    kind: Kind
    data: str
    date: str
    sounds: Annotated[int, Field(ge=1)]
    classes: list[str] = Field(default_factory=list)
    calibration: Annotated[float, Field(gt=0, le=100)] = 1.0
    measures: dict[str, float]


@dataclass(frozen=True, eq=False)
class Judge:
    """A model for each fold of families, trained on all other folds.

    So no sound of the training data is judged by a model that has seen it, or its family. Any other sound is judged by
    the model of the fold that its own id gives.

    known, known_folds: sounds of the training data whose fold is not that of their own id, because their family has
    another: beginnings of their ids, sorted `uint64[n]`, and their folds, `uint8[n]`.
    edges: bounds by which features become bytes, sorted, `float32[features, edges]`; empty if all are bytes.
    prior: share of each class in the training data, `float64[outputs]`; empty for a single output.
    """

    card: JudgeCard
    models: tuple[Trees, ...]
    known: npt.NDArray[np.uint64]
    known_folds: UInt8Array
    edges: Float32Array
    prior: Float64Array

    def __post_init__(self) -> None:
        if not 0 < len(self.models) <= _MAX_FOLDS:
            raise ValueError(f"a judge has 1 to {_MAX_FOLDS} models")
        for name, dtype, dimensions in (
            ("known", np.uint64, 1),
            ("known_folds", np.uint8, 1),
            ("edges", np.float32, 2),
            ("prior", np.float64, 1),
        ):
            array = getattr(self, name)
            if array.dtype != dtype or array.ndim != dimensions:
                raise ValueError(f"{name} must be {np.dtype(dtype)} in {dimensions} dimensions")
        if len(self.known) != len(self.known_folds) or (np.diff(self.known) <= 0).any():
            raise ValueError("known must be sorted, with a fold for each sound")
        inputs = len(PARAMETERS) + len(self.edges)
        if any(model.columns.max() >= inputs for model in self.models):
            raise ValueError(f"columns must be below {inputs}")
        if self.known_folds.max(initial=0) >= len(self.models):
            raise ValueError("known_folds must be numbers of models")
        is_sorted = np.isfinite(self.edges).all() and (np.diff(self.edges, axis=1) >= 0).all()
        if self.edges.shape[1] > _MAX_EDGES or not is_sorted:
            raise ValueError(f"edges must be finite, sorted and {_MAX_EDGES} at most")
        if len(self.prior) != len(self.card.classes) or not ((self.prior > 0) & (self.prior <= 1)).all():
            raise ValueError("prior must be the share of each class")

    @cached_property
    def version(self) -> str:
        """The beginning of a digest of everything that decides its judgements, 16 hexadecimal digits."""
        digest = hashlib.sha256(json.dumps([self.card.kind, self.card.classes, self.card.calibration]).encode())
        for name, array in sorted(_arrays(self).items()):
            digest.update(f"{name} {array.dtype} {array.shape}".encode())
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()[:16]

    def score(self, inputs: UInt8Array, sound_ids: pl.Series) -> Float64Array:
        """Return the outputs of the models for sounds, `float64[n, outputs]`: log-odds, or a score of each class.

        inputs: `uint8[n, bytes]`. Raises ValueError if these are not the bytes that the judge was trained on.
        """
        outputs = max(len(self.card.classes), 1)
        folds = self.fold_of(sound_ids)
        scores = np.empty((len(inputs), outputs))
        for fold, model in enumerate(self.models):
            rows = np.flatnonzero(folds == fold)
            scores[rows] = model.sum_leaves(inputs[rows], outputs)
        return scores

    def fold_of(self, sound_ids: pl.Series) -> Int64Array:
        """Return the number of the model that judges each sound, `int64[n]`."""
        folds = own_folds(sound_ids, len(self.models))
        prefixes = id_prefixes(sound_ids)
        places = np.searchsorted(self.known, prefixes)
        found = places < len(self.known)
        found[found] = self.known[places[found]] == prefixes[found]
        folds[found] = self.known_folds[places[found]]
        return folds


def id_prefixes(sound_ids: pl.Series) -> npt.NDArray[np.uint64]:
    """Return the first 8 bytes of sound ids as numbers, `uint64[n]`."""
    high, low = (sound_ids.str.slice(n, 8).str.to_integer(base=16, dtype=pl.UInt64).to_numpy() for n in (0, 8))
    return np.asarray(high << np.uint64(32) | low, dtype=np.uint64)


def own_folds(sound_ids: pl.Series, folds: int) -> Int64Array:
    """Return the fold of ids of sounds or families, `int64[n]`, 0 to folds - 1: ids are digests."""
    return sound_ids.str.slice(0, 8).str.to_integer(base=16).to_numpy() % folds


def _arrays(judge: Judge) -> dict[str, npt.NDArray[np.generic]]:
    arrays: dict[str, npt.NDArray[np.generic]] = {
        name: getattr(judge, name) for name in ("known", "known_folds", "edges", "prior")
    }
    for fold, trees in enumerate(judge.models):
        arrays |= {
            f"{fold}/columns": trees.columns,
            # All splits are by thresholds. As sets of bytes they would take eight times the space.
            f"{fold}/thresholds": _thresholds(trees.sent_right),
            f"{fold}/children": trees.children,
            f"{fold}/values": trees.values.astype(np.float32),
        }
    return arrays


def _thresholds(sent_right: UInt8Array) -> UInt8Array:
    """Return the largest byte that goes left at each split, `uint8[trees, nodes]`; 255 for leaves."""
    return np.asarray(255 - np.bitwise_count(sent_right).sum(axis=2, dtype=np.int64), dtype=np.uint8)


def to_file(judge: Judge) -> bytes:
    """Return the content of a judge's file."""
    card = json.dumps(judge.card.model_dump(), sort_keys=True)
    return save({name: np.ascontiguousarray(array) for name, array in _arrays(judge).items()}, {"card": card})


def from_file(content: bytes) -> Judge:
    """Return the judge in a file. Raises ValueError with the reason if it is damaged or not a judge."""
    try:
        arrays = load(content)
        header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
        card = JudgeCard.model_validate(json.loads(header["__metadata__"]["card"]))
        return _from_arrays(card, arrays)
    except (SafetensorError, KeyError, TypeError, RecursionError) as error:
        raise ValueError(f"not a judge ({error})") from error
    except ValueError as error:
        raise ValueError(f"not a judge ({first_error(error)})") from error


def _from_arrays(card: JudgeCard, arrays: Mapping[str, Any]) -> Judge:
    names = ("known", "known_folds", "edges", "prior")
    folds = range((len(arrays) - len(names)) // 4)
    if len(arrays) != len(names) + 4 * len(folds):
        raise ValueError("arrays are missing or unknown")
    models = []
    for fold in folds:
        thresholds, values = arrays[f"{fold}/thresholds"], arrays[f"{fold}/values"]
        if thresholds.dtype != np.uint8 or values.dtype != np.float32:
            raise ValueError(f"{fold}/thresholds must be uint8, and values float32")
        of_trees = {"columns": arrays[f"{fold}/columns"], "children": arrays[f"{fold}/children"]}
        models.append(Trees(**of_trees, sent_right=_BY_THRESHOLD[thresholds], values=values.astype(np.float64)))
    return Judge(card, tuple(models), **{name: arrays[name] for name in names})
