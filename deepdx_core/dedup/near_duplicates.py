"""Which sounds descend from one another: groups linked by few differing parameters. No tables, no sound here.

Exact: every pair that should be linked is, and no other. Two voices that differ in at most 5 parameters agree wholly
in at least one of any 6 blocks of parameters; so only voices that share a block are compared, first by 64 bits each,
then in full. Pairs already joined by others are passed over, as only who belongs together is asked.
"""

import numpy as np
import numpy.typing as npt

from deepdx_core.arrays import BoolArray, Int64Array, UInt8Array

MAX_DIFFERING = 5
"""Two sounds of which at most so many parameters differ are of one family."""

_Words = npt.NDArray[np.uint64]

_BLOCKS = MAX_DIFFERING + 1
_SMALL = 64  # voices; groups up to this size are compared all at once, larger ones one by one
_FEW_PAIRS = 20_000_000  # pairs that are compared outright rather than divided further
_TILE = 1 << 18  # pairs compared at a time, which fit in the processor's cache
_CHUNK = 1 << 16  # voices hashed at a time
_SAMPLE = 4096  # voices by which the blocks are chosen
_SKETCHES = 3
_ODD = np.uint64(0x9E3779B97F4A7C15)  # by which one number is mixed into another


def near_duplicate_groups(parameters: UInt8Array, links: Int64Array | None = None) -> Int64Array:
    """The family of each voice of `uint8[n, 145]`, as the smallest row number in it, `int64[n]`.

    Families are the connected components of "at most 5 parameters differ"; `links`, `int64[m, 2]`, are pairs of rows
    that belong together for other reasons.
    """
    forest = _Forest(len(parameters))
    if links is not None and len(links):
        forest.join(links[:, 0], links[:, 1])
    # Of equal voices one does for all, and is the first of them.
    order, starts = _grouped(_hashes(parameters, np.arange(parameters.shape[1])))
    equal = np.zeros(len(parameters), dtype=bool)
    equal[1:] = ~starts[1:] & (parameters[order[1:]] == parameters[order[:-1]]).all(axis=1)
    forest.join(order[:-1][equal[1:]], order[1:][equal[1:]])
    distinct = np.sort(order[~equal])
    _Search(np.ascontiguousarray(parameters[distinct]), forest, distinct).run()
    return forest.roots(np.arange(len(parameters)))


def near_duplicates_across(parameters: UInt8Array, parts: Int64Array) -> Int64Array:
    """The pairs of voices of `uint8[n, 145]` at most 5 parameters apart that stand in different parts, `int64[m, 2]`.

    parts: `int64[n]`. Each pair is in ascending order, and so are the pairs. Splits that do not leak have none.
    """
    found = near_duplicate_groups(parameters)
    mixed = np.unique(found[parts != parts[found]])
    rows = np.flatnonzero(np.isin(found, mixed))
    between = _Parts(parts[rows])
    _Search(np.ascontiguousarray(parameters[rows]), between, np.arange(len(rows))).run()
    pairs = np.concatenate([np.empty((0, 2), dtype=np.int64), *between.found])
    return np.unique(rows[np.sort(pairs, axis=1)], axis=0)


class _Forest:
    """Who belongs together so far: each row points to one with a smaller number, the smallest to itself."""

    def __init__(self, count: int) -> None:
        self._parents = np.arange(count)

    def roots(self, rows: Int64Array) -> Int64Array:
        """The smallest row of the component of each of `rows`."""
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
            # Where several want to be the parent, the smallest wins; the others follow in the next round.
            np.minimum.at(self._parents, np.maximum(a, b), np.minimum(a, b))


class _Parts:
    """In place of a forest where parts are given and every pair between two of them is wanted."""

    def __init__(self, parts: Int64Array) -> None:
        self._parts = parts
        self.found: list[Int64Array] = []

    def roots(self, rows: Int64Array) -> Int64Array:
        return self._parts[rows]

    def join(self, left: Int64Array, right: Int64Array) -> None:
        self.found.append(np.stack([left, right], axis=1))


class _Search:
    """Finds the pairs of voices at most 5 apart that are not together yet.

    parameters: `uint8[n, columns]`; names: `int64[n]`, what the forest knows them by.
    """

    def __init__(self, parameters: UInt8Array, forest: _Forest | _Parts, names: Int64Array) -> None:
        self.parameters = parameters
        self.forest = forest
        self.names = names
        self.sketches = [_sketch(parameters, seed) for seed in range(_SKETCHES)]

    def run(self) -> None:
        rows = np.arange(len(self.parameters))
        if len(rows) > 1:
            self._divide(rows, np.arange(self.parameters.shape[1]))

    def _roots(self, rows: Int64Array) -> Int64Array:
        return self.forest.roots(self.names[rows])

    def _join_near(self, left: Int64Array, right: Int64Array) -> bool:
        """Join the pairs that are near, of those whose first sketches are; whether there were any."""
        differing = self.sketches[0][left] ^ self.sketches[0][right]
        for sketch in self.sketches[1:]:
            differing |= sketch[left] ^ sketch[right]
        (near,) = np.nonzero(np.bitwise_count(differing) <= MAX_DIFFERING)
        left, right = left[near], right[near]
        near = np.count_nonzero(self.parameters[left] != self.parameters[right], axis=1) <= MAX_DIFFERING
        self.forest.join(self.names[left[near]], self.names[right[near]])
        return bool(near.any())

    def _divide(self, rows: Int64Array, columns: Int64Array) -> None:
        """Compare voices that agree outside of `columns`, block by block of these, or outright where that is less."""
        roots = self._roots(rows)
        parameters = self.parameters[rows]
        columns = columns[(parameters[:, columns] != parameters[0, columns]).any(axis=0)]
        blocks = _blocks(parameters[:: len(rows) // _SAMPLE + 1, columns])
        hashes = [_hashes(parameters, columns[block]) for block in blocks]
        # Each division must at least halve the work: many voices that differ little share most of their blocks.
        if 2 * sum(_pairs(of_block, roots) for of_block in hashes) > _pairs(np.zeros_like(hashes[0]), roots):
            self._outright(rows, roots)
            return
        del parameters
        for block, of_block in zip(blocks, hashes, strict=True):
            order, starts = _grouped(of_block)
            self._groups(rows[order], starts, np.delete(columns, block))

    def _groups(self, rows: Int64Array, starts: BoolArray, columns: Int64Array) -> None:
        """Compare the voices of each group, `columns` being those in which they may differ."""
        (begins,) = np.nonzero(starts)
        sizes = np.diff(begins, append=len(rows))
        roots = self._roots(rows)
        mixed = np.minimum.reduceat(roots, begins) != np.maximum.reduceat(roots, begins)
        begins, sizes = begins[mixed], sizes[mixed]
        small = sizes <= _SMALL
        self._small(rows, begins[small], sizes[small])
        for begin, size in zip(begins[~small], sizes[~small], strict=True):
            self._large(rows[begin : begin + size], columns)

    def _small(self, rows: Int64Array, begins: Int64Array, sizes: Int64Array) -> None:
        """Compare every voice with the one after it in its group, then with the one after that, and so on."""
        ends = np.repeat(begins + sizes, sizes)
        places = np.arange(len(ends)) - np.repeat(np.cumsum(sizes) - sizes, sizes) + np.repeat(begins, sizes)
        sketch = self.sketches[0][rows]
        for distance in range(1, int(sizes.max(initial=0))):
            going_on = places + distance < ends
            places, ends = places[going_on], ends[going_on]
            # Renewed now and then only: that two are together already may be learned late.
            if distance & (distance - 1) == 0:
                roots = self._roots(rows)
            for start in range(0, len(places), _TILE):
                left = places[start : start + _TILE]
                right = left + distance
                differing = np.bitwise_count(sketch[left] ^ sketch[right])
                near = (differing <= MAX_DIFFERING) & (roots[left] != roots[right])
                self._join_near(rows[left[near]], rows[right[near]])

    def _large(self, rows: Int64Array, columns: Int64Array) -> None:
        """Compare the voices of one group, dividing it further where it is too large for that."""
        roots = self._roots(rows)
        if _pairs(np.zeros(len(rows), dtype=np.uint64), roots) > _FEW_PAIRS:
            self._divide(rows, columns)
        else:
            self._outright(rows, roots)

    def _outright(self, rows: Int64Array, roots: Int64Array) -> None:
        """Compare all voices of a group that are not together yet."""
        while len(rows) > 1:
            order = np.argsort(roots, kind="stable")
            rows, roots = rows[order], roots[order]
            sketch = self.sketches[0][rows]
            start, joined = 0, False
            while not joined and roots[start] != roots[-1]:
                # Those already with the first voice need no comparing with it.
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
    """64 bits for each voice, of which a parameter that differs changes at most one, in half of the cases."""
    random = np.random.default_rng([0x5E7C, seed])
    bits: _Words = random.integers(0, 2, (parameters.shape[1], 256), dtype=np.uint64)
    bits <<= np.arange(parameters.shape[1], dtype=np.uint64)[:, None] % 64
    sketch = np.zeros(len(parameters), dtype=np.uint64)
    for column in range(parameters.shape[1]):
        sketch ^= np.take(bits[column], parameters[:, column])
    return sketch


def _hashes(parameters: UInt8Array, columns: Int64Array) -> _Words:
    """A number for each voice that is equal where all of `columns` are; else, all but never."""
    factors: _Words = np.random.default_rng(0x4A54).integers(0, 2**64, (parameters.shape[1],), dtype=np.uint64)
    hashes = np.zeros(len(parameters), dtype=np.uint64)
    for start in range(0, len(parameters), _CHUNK):
        chunk = hashes[start : start + _CHUNK]
        for column in columns:
            chunk += parameters[start : start + _CHUNK, column] * factors[column]
    return hashes


def _grouped(hashes: _Words) -> tuple[Int64Array, BoolArray]:
    """The order that puts equal hashes side by side, and where in it each group starts."""
    order = np.argsort(hashes, kind="stable")
    hashes = hashes[order]
    starts = np.ones(len(hashes), dtype=bool)
    starts[1:] = hashes[1:] != hashes[:-1]
    return order, starts


def _pairs(hashes: _Words, roots: Int64Array) -> int:
    """How many pairs of voices share a hash and are not together yet."""
    _, alike = np.unique(hashes, return_counts=True)
    _, together = np.unique(hashes + roots.astype(np.uint64) * _ODD, return_counts=True)
    return (int((alike**2).sum()) - int((together**2).sum())) // 2


def _blocks(sample: UInt8Array) -> list[Int64Array]:
    """The columns of some voices, dealt out to six blocks that tell voices apart about equally well."""
    ordered = np.sort(sample, axis=0)
    values = 1 + (ordered[1:] != ordered[:-1]).sum(axis=0)
    order = np.argsort(-values, kind="stable")
    blocks = np.arange(len(order)) % (2 * _BLOCKS)
    blocks = np.minimum(blocks, 2 * _BLOCKS - 1 - blocks)
    return [np.sort(order[blocks == block]) for block in range(_BLOCKS)]
