"""Random integers from a seed, the same on every machine and with every version of numpy."""

from collections.abc import Sequence

import numpy as np

from deepdx_core.arrays import BoolArray, Int64Array


class Draws:
    """A stream of random integers.

    Uses the raw bits of PCG64, which numpy guarantees; the methods of `Generator` may change.
    """

    def __init__(self, *seed: int) -> None:
        self._bits = np.random.PCG64(list(seed))

    def integers(self, low: int, high: int, shape: tuple[int, ...]) -> Int64Array:
        """Draw integers from low to high, both included."""
        raw = self._bits.random_raw(int(np.prod(shape))) >> np.uint64(33)
        return low + raw.astype(np.int64).reshape(shape) % (high - low + 1)

    def chance(self, percent: int, shape: tuple[int, ...]) -> BoolArray:
        """Draw booleans, each True with a chance of `percent`."""
        return self.integers(0, 99, shape) < percent

    def order(self, n: int) -> Int64Array:
        """Return the numbers 0 to n - 1, shuffled."""
        return np.argsort(self._bits.random_raw(n), kind="stable")

    def pick(self, options: Sequence[str], n: int) -> list[str]:
        """Draw n options, with replacement."""
        return [options[i] for i in self.integers(0, len(options) - 1, (n,))]
