"""Integers drawn from a seed, the same on every machine and with every numpy."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


class Draws:
    """A stream of drawn integers.

    It reads the raw bits of PCG64, whose stream numpy keeps for good; the methods of `Generator` may change.
    """

    def __init__(self, *seed: int) -> None:
        self._bits = np.random.PCG64(list(seed))

    def integers(self, low: int, high: int, shape: tuple[int, ...]) -> Ints:
        """Integers from low to high, both included."""
        raw = self._bits.random_raw(int(np.prod(shape))) >> np.uint64(33)
        return low + raw.astype(np.int64).reshape(shape) % (high - low + 1)

    def chance(self, percent: int, shape: tuple[int, ...]) -> Bools:
        """True in so many of a hundred."""
        return self.integers(0, 99, shape) < percent

    def order(self, n: int) -> Ints:
        """The numbers 0 to n - 1, shuffled."""
        return np.argsort(self._bits.random_raw(n), kind="stable")

    def pick(self, options: Sequence[str], n: int) -> list[str]:
        """So many of the options, each time any of them."""
        return [options[i] for i in self.integers(0, len(options) - 1, (n,))]
