"""Voices without a header that the reader finds: alone, at a stride, in containers; by form and by bytes between.

`python -m studies.recall [SOURCE] [COUNT]` takes COUNT distinct legal voices (default 2,000) of a file, folder or
archive (default data/demo), puts them in files of each form, and prints the share that is found, and that in order in
one dump.
"""

import pickle
import sqlite3
import sys
from collections.abc import Callable, Iterator

import numpy as np
from rich.console import Console
from rich.table import Table

import deepdx_core as dx
from deepdx_core.arrays import UInt8Array
from deepdx_core.codec.names import text_to_names
from deepdx_core.codec.packing import pack_vced, pack_vmem
from deepdx_core.voice.parameters import PARAMETER_NAMES
from tests.support.paths import DEMO
from tests.support.readings import read_checked, to_records, voices_of

Fill = Callable[[np.random.Generator, tuple[int, int]], UInt8Array]

FILLS: dict[str, Fill] = {
    "zeros": lambda random, shape: np.zeros(shape, dtype=np.uint8),
    "ones": lambda random, shape: np.full(shape, 0xFF, dtype=np.uint8),
    "noise": lambda random, shape: random.integers(0, 256, shape).astype(np.uint8),
    "noise of 7 bits": lambda random, shape: random.integers(0, 128, shape).astype(np.uint8),
    "one record, repeated": lambda random, shape: np.tile(
        random.integers(0, 128, shape[1]).astype(np.uint8), (shape[0], 1)
    ),
}
"""Bytes between voices, by name."""

STRIDES = {
    "packed": (128, 129, 131, 160, 163, 164, 192, 250, 256, 512),
    "unpacked": (155, 156, 159, 160, 192, 256, 512),
}
_PER_FILE = 32


def strided(records: UInt8Array, stride: int, fill: Fill, random: np.random.Generator) -> bytes:
    """Return records `uint8[n, size]` at a stride, with a header and a trailer of that fill."""
    size = records.shape[1]
    table = np.concatenate([records, fill(random, (len(records), stride - size))], axis=1)
    ends = [fill(random, (1, int(random.integers(1, 100)))).tobytes() for _ in range(2)]
    return ends[0] + table.tobytes() + ends[1]


def pickled(records: UInt8Array) -> bytes:
    """Return a pickled list of pairs: a name, and the record as bytes."""
    return pickle.dumps([(record[-10:].tobytes().decode("latin-1").rstrip(), record.tobytes()) for record in records])


def in_database(records: UInt8Array) -> bytes:
    """Return an SQLite database of ids, names and records."""
    with sqlite3.connect(":memory:") as database:
        database.execute("CREATE TABLE voices (id INTEGER PRIMARY KEY, name TEXT, data BLOB)")
        rows = [(record[-10:].tobytes().decode("latin-1").rstrip(), record.tobytes()) for record in records]
        database.executemany("INSERT INTO voices (name, data) VALUES (?, ?)", rows)
        database.commit()
        return bytes(database.serialize())


def files(records: UInt8Array, form: str) -> Iterator[tuple[str, str, UInt8Array, bytes]]:
    """Yield arrangement, fill, the records in a file, and the file."""
    random = np.random.default_rng(0)
    parts = [records[start : start + _PER_FILE] for start in range(0, len(records), _PER_FILE)]
    for name, fill in FILLS.items():
        for record in records:
            yield "alone", name, record[None], strided(record[None], len(record) + 300, fill, random)
        for stride in STRIDES[form]:
            for part in parts:
                for count in (8, len(part)):
                    yield (
                        f"{count if count == 8 else 32} every {stride}",
                        name,
                        part[:count],
                        strided(part[:count], stride, fill, random),
                    )
    for part in parts:
        yield "pickle", "", part, pickled(part)
        yield "SQLite", "", part, in_database(part)


def load_voices(source: str, count: int) -> tuple[UInt8Array, UInt8Array]:
    """Return parameters and names of `count` distinct legal voices, drawn at random."""
    voices = dx.read(source).filter("valid").unique("sound_id", maintain_order=True)
    voices = voices.sample(min(count, len(voices)), seed=0)
    return voices.select(PARAMETER_NAMES).to_numpy(), text_to_names(voices["name"].to_list())


def main(source: str, count: int) -> None:
    """Measure and print the recall."""
    parameters, names = load_voices(source, count)
    table = Table("form", "arrangement", "between", "voices", "found", "in one dump", "added", box=None)
    for form, records in (("packed", pack_vmem(parameters, names)), ("unpacked", pack_vced(parameters, names))):
        tally: dict[tuple[str, str], list[int]] = {}
        for arrangement, fill, placed, data in files(records, form):
            wanted = voices_of(placed)
            dumps = [s for s in read_checked(data).segments if s.voices]
            read = [voice for s in dumps for voice in voices_of(to_records(s.payload, len(s.payload) // s.voices))]
            counts = tally.setdefault((arrangement, fill), [0, 0, 0, 0])
            found = len(set(wanted) & set(read))
            for i, value in enumerate(
                (len(wanted), found, len(wanted) * (read == wanted and len(dumps) == 1), len(set(read) - set(wanted)))
            ):
                counts[i] += value
        for (arrangement, fill), (wanted_count, found, whole, added) in tally.items():
            shares = (f"{found / wanted_count:.2%}", f"{whole / wanted_count:.1%}")
            table.add_row(form, arrangement, fill, f"{wanted_count:,}", *shares, f"{added}")
    Console(width=120).print(table)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else str(DEMO), int(sys.argv[2]) if len(sys.argv) > 2 else 2000)
