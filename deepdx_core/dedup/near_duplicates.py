"""Near-duplicates: voices that differ in few parameters, and the groups they form. Arrays only, no tables.

Exact: every pair within the limit is found, and no other. Two voices that differ in at most 5 parameters are equal in
at least one of any 6 blocks of parameters (pigeonhole principle). So only voices that share a block are compared,
first by sketches of 64 bits, then in full. Pairs that are already in one group are skipped.
"""

import numpy as np
import numpy.typing as npt

from deepdx_core.arrays import BoolArray, Int64Array, UInt8Array

MAX_DIFFERING = 5
"""Maximum number of differing parameters between near-duplicates."""

_Words = npt.NDArray[np.uint64]

_BLOCKS = MAX_DIFFERING + 1
_SMALL = 64  # voices; groups up to this size are compared together, larger ones one by one
_FEW_PAIRS = 20_000_000  # pairs; up to this number all are compared, more are divided further
_TILE = 1 << 18  # pairs compared at a time; they fit in the processor's cache
_CHUNK = 1 << 16  # voices hashed at a time
_SAMPLE = 4096  # voices that the choice of blocks is based on
_SKETCHES = 3
_ODD = np.uint64(0x9E3779B97F4A7C15)  # factor for mixing one number into another


def near_duplicate_groups(parameters: UInt8Array, links: Int64Array | None = None) -> Int64Array:
    """Return the group of each voice of `uint8[n, 145]`, as its smallest row number, `int64[n]`.

    Groups are the connected components of pairs with at most 5 differing parameters, and of `links`, `int64[m, 2]`:
    pairs of rows that belong together for other reasons.
    """
    forest = _Forest(len(parameters))
    if links is not None and len(links):
        forest.join(links[:, 0], links[:, 1])
    # Of equal voices, only the first is compared with others.
    order, starts = _grouped(_hashes(parameters, np.arange(parameters.shape[1])))
    equal = np.zeros(len(parameters), dtype=bool)
    equal[1:] = ~starts[1:] & (parameters[order[1:]] == parameters[order[:-1]]).all(axis=1)
    forest.join(order[:-1][equal[1:]], order[1:][equal[1:]])
    distinct = np.sort(order[~equal])
    _Search(np.ascontiguousarray(parameters[distinct]), forest, distinct).run()
    return forest.roots(np.arange(len(parameters)))


def near_duplicates_across(parameters: UInt8Array, parts: Int64Array) -> Int64Array:
    """Return the pairs of near-duplicates of `uint8[n, 145]` across different parts, `int64[m, 2]`.

    parts: the part of each voice, `int64[n]`. Each pair is in ascending order, and so are the pairs. Splits without
    leakage have none.
    """
    groups = near_duplicate_groups(parameters)
    mixed = np.unique(groups[parts != parts[groups]])
    rows = np.flatnonzero(np.isin(groups, mixed))
    across = _Parts(parts[rows])
    _Search(np.ascontiguousarray(parameters[rows]), across, np.arange(len(rows))).run()
    pairs = np.concatenate([np.empty((0, 2), dtype=np.int64), *across.found])
    return np.unique(rows[np.sort(pairs, axis=1)], axis=0)


class _Forest:
    """Union-find: each row points to a smaller one of its group, the smallest to itself.

    The search needs roots between joins, to skip pairs. With `scipy.sparse.csgraph.connected_components` on the new
    pairs at each call of `roots`, grouping 100,000 voices takes the same 0.5 s, but 1,000,000 voices take 25 s instead
    of 14 s, since each of 6,500 calls relabels all voices.
    """

    def __init__(self, count: int) -> None:
        self._parents = np.arange(count)

    def roots(self, rows: Int64Array) -> Int64Array:
        """Return the smallest row in the group of each row."""
        found = self._parents[rows]
        while True:
            above = self._parents[found]
            if np.array_equal(above, found):
                break
            found = above
        self._parents[rows] = found
        return found

    def join(self, left: Int64Array, right: Int64Array) -> None:
        while len(left):
            a, b = self.roots(left), self.roots(right)
            apart = a != b
            left, right, a, b = left[apart], right[apart], a[apart], b[apart]
            # Of several parents for one row, the smallest wins; the others join in the next round.
            np.minimum.at(self._parents, np.maximum(a, b), np.minimum(a, b))


class _Parts:
    """Replacement for `_Forest` with fixed groups that never join, so that every pair across two groups is found."""

    def __init__(self, parts: Int64Array) -> None:
        self._parts = parts
        self.found: list[Int64Array] = []

    def roots(self, rows: Int64Array) -> Int64Array:
        return self._parts[rows]

    def join(self, left: Int64Array, right: Int64Array) -> None:
        self.found.append(np.stack([left, right], axis=1))


class _Search:
    """Finds pairs of voices at most 5 parameters apart that are not in one group yet, and joins them.

    parameters: `uint8[n, columns]`. ids: `int64[n]`, the rows of the voices in the forest.
    """

    def __init__(self, parameters: UInt8Array, forest: _Forest | _Parts, ids: Int64Array) -> None:
        self.parameters = parameters
        self.forest = forest
        self.ids = ids
        self.sketches = [_sketch(parameters, seed) for seed in range(_SKETCHES)]

    def run(self) -> None:
        rows = np.arange(len(self.parameters))
        if len(rows) > 1:
            self._divide(rows, np.arange(self.parameters.shape[1]))

    def _roots(self, rows: Int64Array) -> Int64Array:
        return self.forest.roots(self.ids[rows])

    def _join_near(self, left: Int64Array, right: Int64Array) -> bool:
        """Join the near-duplicates among pairs with near first sketches. True if there are any."""
        differing = self.sketches[0][left] ^ self.sketches[0][right]
        for sketch in self.sketches[1:]:
            differing |= sketch[left] ^ sketch[right]
        (near,) = np.nonzero(np.bitwise_count(differing) <= MAX_DIFFERING)
        left, right = left[near], right[near]
        near = np.count_nonzero(self.parameters[left] != self.parameters[right], axis=1) <= MAX_DIFFERING
        self.forest.join(self.ids[left[near]], self.ids[right[near]])
        return bool(near.any())

    def _divide(self, rows: Int64Array, columns: Int64Array) -> None:
        """Compare voices that agree outside of `columns`: by blocks of these, or all pairs if that is less work."""
        roots = self._roots(rows)
        parameters = self.parameters[rows]
        columns = columns[(parameters[:, columns] != parameters[0, columns]).any(axis=0)]
        blocks = _blocks(parameters[:: len(rows) // _SAMPLE + 1, columns])
        hashes = [_hashes(parameters, columns[block]) for block in blocks]
        # Each division must at least halve the work: many voices with few differences share most of their blocks.
        if 2 * sum(_count_pairs(by_block, roots) for by_block in hashes) > _count_pairs(
            np.zeros_like(hashes[0]), roots
        ):
            self._compare_all(rows, roots)
            return
        del parameters
        for block, by_block in zip(blocks, hashes, strict=True):
            order, starts = _grouped(by_block)
            self._compare_buckets(rows[order], starts, np.delete(columns, block))

    def _compare_buckets(self, rows: Int64Array, starts: BoolArray, columns: Int64Array) -> None:
        """Compare the voices within each bucket of equal hashes; they may differ in `columns`."""
        (begins,) = np.nonzero(starts)
        sizes = np.diff(begins, append=len(rows))
        roots = self._roots(rows)
        mixed = np.minimum.reduceat(roots, begins) != np.maximum.reduceat(roots, begins)
        begins, sizes = begins[mixed], sizes[mixed]
        small = sizes <= _SMALL
        self._compare_small(rows, begins[small], sizes[small])
        for begin, size in zip(begins[~small], sizes[~small], strict=True):
            self._compare_large(rows[begin : begin + size], columns)

    def _compare_small(self, rows: Int64Array, begins: Int64Array, sizes: Int64Array) -> None:
        """Compare every voice with the next one in its bucket, then with the one after that, and so on."""
        ends = np.repeat(begins + sizes, sizes)
        places = np.arange(len(ends)) - np.repeat(np.cumsum(sizes) - sizes, sizes) + np.repeat(begins, sizes)
        sketch = self.sketches[0][rows]
        for distance in range(1, int(sizes.max(initial=0))):
            inside = places + distance < ends
            places, ends = places[inside], ends[inside]
            # Refresh roots only now and then; outdated ones cost a comparison at most.
            if distance & (distance - 1) == 0:
                roots = self._roots(rows)
            for start in range(0, len(places), _TILE):
                left = places[start : start + _TILE]
                right = left + distance
                differing = np.bitwise_count(sketch[left] ^ sketch[right])
                near = (differing <= MAX_DIFFERING) & (roots[left] != roots[right])
                self._join_near(rows[left[near]], rows[right[near]])

    def _compare_large(self, rows: Int64Array, columns: Int64Array) -> None:
        """Compare the voices of one bucket; divide it further if it has too many pairs."""
        roots = self._roots(rows)
        if _count_pairs(np.zeros(len(rows), dtype=np.uint64), roots) > _FEW_PAIRS:
            self._divide(rows, columns)
        else:
            self._compare_all(rows, roots)

    def _compare_all(self, rows: Int64Array, roots: Int64Array) -> None:
        """Compare all pairs of voices that are not in one group yet."""
        while len(rows) > 1:
            order = np.argsort(roots, kind="stable")
            rows, roots = rows[order], roots[order]
            sketch = self.sketches[0][rows]
            start, joined = 0, False
            while not joined and roots[start] != roots[-1]:
                # Skip the voices that are in the group of the first one already.
                behind = int(np.searchsorted(roots, roots[start], side="right"))
                end = min(start + max(_TILE // (len(rows) - behind), 1), len(rows) - 1)
                differing = np.bitwise_count(sketch[start:end, None] ^ sketch[None, behind:])
                left, right = np.divmod(np.flatnonzero(differing <= MAX_DIFFERING), len(rows) - behind)
                left += start
                right += behind
                apart = roots[left] != roots[right]
                joined = self._join_near(rows[left[apart]], rows[right[apart]])
                start = end
            if not joined:
                return
            rows = rows[start:]
            roots = self._roots(rows)


def _sketch(parameters: UInt8Array, seed: int) -> _Words:
    """Return 64 bits per voice. A differing parameter flips one of them with probability 1/2, and no other."""
    random = np.random.default_rng([0x5E7C, seed])
    bits: _Words = random.integers(0, 2, (parameters.shape[1], 256), dtype=np.uint64)
    bits <<= np.arange(parameters.shape[1], dtype=np.uint64)[:, None] % 64
    sketch = np.zeros(len(parameters), dtype=np.uint64)
    for column in range(parameters.shape[1]):
        sketch ^= np.take(bits[column], parameters[:, column])
    return sketch


def _hashes(parameters: UInt8Array, columns: Int64Array) -> _Words:
    """Return a hash of `columns` per voice; unequal voices practically never share one."""
    factors: _Words = np.random.default_rng(0x4A54).integers(0, 2**64, (parameters.shape[1],), dtype=np.uint64)
    hashes = np.zeros(len(parameters), dtype=np.uint64)
    for start in range(0, len(parameters), _CHUNK):
        chunk = hashes[start : start + _CHUNK]
        for column in columns:
            chunk += parameters[start : start + _CHUNK, column] * factors[column]
    return hashes


def _grouped(hashes: _Words) -> tuple[Int64Array, BoolArray]:
    """Return an order with equal hashes side by side, and true where a new hash starts in it."""
    order = np.argsort(hashes, kind="stable")
    hashes = hashes[order]
    starts = np.ones(len(hashes), dtype=bool)
    starts[1:] = hashes[1:] != hashes[:-1]
    return order, starts


def _count_pairs(hashes: _Words, roots: Int64Array) -> int:
    """Count the pairs of voices that share a hash and are not in one group yet."""
    _, equal = np.unique(hashes, return_counts=True)
    _, joined = np.unique(hashes + roots.astype(np.uint64) * _ODD, return_counts=True)
    return (int((equal**2).sum()) - int((joined**2).sum())) // 2


def _blocks(sample: UInt8Array) -> list[Int64Array]:
    """Distribute the columns of sample voices over six blocks that distinguish voices about equally well."""
    ordered = np.sort(sample, axis=0)
    values = 1 + (ordered[1:] != ordered[:-1]).sum(axis=0)
    order = np.argsort(-values, kind="stable")
    blocks = np.arange(len(order)) % (2 * _BLOCKS)
    blocks = np.minimum(blocks, 2 * _BLOCKS - 1 - blocks)
    return [np.sort(order[blocks == block]) for block in range(_BLOCKS)]
