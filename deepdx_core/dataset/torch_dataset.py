"""The training set as PyTorch datasets, in a module of its own because torch takes two seconds to import."""

from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import Any, Literal

import numpy as np
import polars as pl
import torch

from deepdx_core.home import Home, find_home
from deepdx_core.sound.rendering import render
from deepdx_core.tables.storage import Tables
from deepdx_core.voice.parameters import PARAMETER_NAMES


class Dataset(torch.utils.data.Dataset[tuple[torch.Tensor, int]]):
    """The voices of one split of a home's training set.

    An item is `(parameters, label)`: `uint8[145]` in VCED order, and the index of the label in `labels`. Splits keep
    families together, so that a test voice has no near-duplicate among training voices.

    Args:
        home: the home folder, by default that of the `deepdx` command.
        split: `train`, `validation` or `test`.

    Raises MissingTableError if `deepdx run` has not made the training set yet.
    """

    labels: tuple[str, ...]
    """Names of the labels, in alphabetical order; those of the whole training set, whatever the split."""
    sound_ids: list[str]
    """The sound id of each item."""

    def __init__(
        self, home: str | PathLike[str] | None = None, split: Literal["train", "validation", "test"] = "train"
    ) -> None:
        rows = Tables(Home(Path(home).expanduser()) if home is not None else find_home()).read("training_set")
        self.labels = tuple(rows["label"].unique().sort())
        own = rows.filter(pl.col("split") == split)
        self.sound_ids = own["sound_id"].to_list()
        self._parameters = torch.from_numpy(own.select(PARAMETER_NAMES).to_numpy(writable=True))
        self._labels = own["label"].replace_strict({name: i for i, name in enumerate(self.labels)}).to_list()

    def __len__(self) -> int:
        return len(self.sound_ids)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        return self._parameters[index], self._labels[index]


class AudioDataset(torch.utils.data.Dataset[dict[str, Any]]):
    """The voices of one split of a home's training set, rendered when they are read.

    An item is a dict: `audio`, `float32[samples]` at 44,100 Hz; `parameters`, `uint8[145]`; `label`, an index in
    `labels`; `note` and `velocity`. A carrier at full level swings between -1 and 1, a voice of six up to six times as
    far. A `DataLoader` fetches whole batches, which render much faster than single items. With workers, set
    `threads` to 1: each has a core.

    Args:
        home, split: as in `Dataset`.
        note, velocity: a MIDI note and velocity, or several: each item draws one at random, by torch's generator.
        seconds: length, at most 600. held: seconds until key-up, by default two thirds of the length.
        threads: number of threads, by default the number of cores.

    Raises MissingTableError if `deepdx run` has not made the training set yet, and ValueError for a note, velocity or
    length out of range with the first item.
    """

    def __init__(
        self,
        home: str | PathLike[str] | None = None,
        split: Literal["train", "validation", "test"] = "train",
        *,
        note: int | Sequence[int] = 60,
        velocity: int | Sequence[int] = 100,
        seconds: float = 2.0,
        held: float | None = None,
        threads: int | None = None,
    ) -> None:
        self._voices = Dataset(home, split)
        self.labels, self.sound_ids = self._voices.labels, self._voices.sound_ids
        self._notes, self._velocities = np.atleast_1d(note), np.atleast_1d(velocity)
        for name, values in (("note", self._notes), ("velocity", self._velocities)):
            if values.ndim > 1 or not values.size:
                raise ValueError(f"{name} must be an integer or several, not an array of shape {list(values.shape)}")
        self._seconds, self._held, self._threads = seconds, held, threads

    def __len__(self) -> int:
        return len(self._voices)

    def __getitem__(self, index: int) -> dict[str, Any]:
        return self.__getitems__([index])[0]

    def __getitems__(self, indices: list[int]) -> list[dict[str, Any]]:
        """Return the items of a batch, rendered together."""
        voices = [self._voices[index] for index in indices]
        parameters = torch.stack([voice for voice, _ in voices])
        notes = self._notes[torch.randint(len(self._notes), (len(indices),)).numpy()]
        velocities = self._velocities[torch.randint(len(self._velocities), (len(indices),)).numpy()]
        audio = torch.from_numpy(
            render(
                parameters.numpy(),
                notes,
                velocities,
                self._seconds,
                self._held,
                threads=self._threads,
            )
        )
        columns = zip(audio, voices, notes.tolist(), velocities.tolist(), strict=True)
        return [
            {"audio": samples, "parameters": voice, "label": label, "note": note, "velocity": velocity}
            for samples, (voice, label), note, velocity in columns
        ]
