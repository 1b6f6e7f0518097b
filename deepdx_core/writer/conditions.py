"""The conditions under which voices are written."""

from typing import NamedTuple

import torch
from torch import Tensor

from deepdx_core.arrays import Int64Array


class Conditions(NamedTuple):
    """Conditions for the voices of a batch.

    parents: `int64[n, 145]`, in the writer's order; ignored without a parent.
    differing: `int64[n]`, number of parameters to differ from the parent; -1 is no parent.
    labels, parent_labels: `int64[n]`.
    moved: `bool[n]`, True where a symmetry has permuted the operators, as in training.
    """

    parents: Tensor
    differing: Tensor
    labels: Tensor
    parent_labels: Tensor
    moved: Tensor

    @property
    def orphans(self) -> Tensor:
        """The voices without a parent, `bool[n]`."""
        return self.differing < 0

    def of(self, rows: slice | Int64Array) -> "Conditions":
        """Return the conditions of some voices."""
        return Conditions(*(condition[rows] for condition in self))

    def to(self, device: torch.device) -> "Conditions":
        """Return the conditions on a device."""
        return Conditions(*(condition.to(device) for condition in self))
