"""The training set as a PyTorch dataset, in a module of its own because torch takes two seconds to import."""

from os import PathLike
from pathlib import Path
from typing import Literal

import polars as pl
import torch

from deepdx_core.home import Home, find_home
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
