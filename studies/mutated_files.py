"""The reader under mutated files: no failure, every byte accounted for, bounded time and memory.

`python -m studies.mutated_files [COUNT] [SECONDS]` reads so many, a million if nothing is said, or as many as the time
allows. An input with an outcome not seen before is mutated further. One that fails is kept in `fuzz-failure.bin`.
"""

import re
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from random import Random

from deepdx_core.codec.segments import Reading
from studies.foreign_files import FOREIGN, foreign, require_an_account
from tests.support.damage import DAMAGES, damaged, files_below, framed_banks, voices_in

_DEMO = Path(__file__).resolve().parent.parent / "data" / "demo"
_FAILURE = Path("fuzz-failure.bin")
_SEEDS_OF_A_KIND = 3
_LONGEST = 9000
_MOST_SECONDS = 1.0  # for one input
_MOST_GROWTH = 256  # MiB that the process may grow

_HEADERS = (
    "f0 f7 f043 f04300 43000920 f04300092000 f04300091000 f0430000011b f04300042000 f043007e f0a007 f08122 f0ffff7f"
)
_WORDS = [b"MThd", b"MTrk", b"FORM", b"BANK", b"F0 43 00 09 ", b"0xF0, ", b"f04300092000", b"\r\n", b"INIT VOICE"]
_PIECES = [*map(bytes.fromhex, _HEADERS.split()), *_WORDS, bytes(128)]


def _change(random: Random, data: bytearray, _: bytes) -> None:
    for _ in range(random.randint(1, 8)):
        if data:
            data[random.randrange(len(data))] = random.choice((0, 1, 99, 127, 128, 0xF0, 0xF7, random.randrange(256)))


def _flip(random: Random, data: bytearray, _: bytes) -> None:
    if data:
        data[random.randrange(len(data))] ^= 1 << random.randrange(8)


def _stretch(random: Random, length: int) -> slice:
    start = random.randint(0, length)
    return slice(start, start + int(2 ** random.uniform(0, 12)))


def _remove(random: Random, data: bytearray, _: bytes) -> None:
    del data[_stretch(random, len(data))]


def _repeat(random: Random, data: bytearray, _: bytes) -> None:
    place = random.randint(0, len(data))
    data[place:place] = data[_stretch(random, len(data))] * random.randint(1, 4)


def _insert(random: Random, data: bytearray, _: bytes) -> None:
    place = random.randint(0, len(data))
    data[place:place] = random.choice(_PIECES)


def _splice(random: Random, data: bytearray, other: bytes) -> None:
    data[_stretch(random, len(data))] = other[_stretch(random, len(other))]


def _keep_a_stretch(random: Random, data: bytearray, _: bytes) -> None:
    data[:] = data[_stretch(random, len(data))]


_MUTATIONS: tuple[Callable[[Random, bytearray, bytes], None], ...] = (
    _change,
    _flip,
    _remove,
    _repeat,
    _insert,
    _splice,
    _keep_a_stretch,
)


def _mutated(random: Random, pool: list[bytes]) -> bytes:
    data = bytearray(random.choice(pool))
    for _ in range(random.randint(1, 5)):
        random.choice(_MUTATIONS)(random, data, random.choice(pool))
    return bytes(data[:_LONGEST])


def _outcomes(reading: Reading) -> set[str]:
    """What was found and noted in an input, without numbers and what is quoted from it."""
    found = {(each.kind, each.format, each.checksum, each.what, each.note) for each in reading.segments}
    return {re.sub(r"\(.*?\)|\b[0-9a-fA-F]+\b", "#", " ".join(map(str, each))) for each in found}


def _seeds() -> list[bytes]:
    banks = framed_banks(files_below(_DEMO))
    each = range(_SEEDS_OF_A_KIND)
    seeds = [damaged(kind, banks, seed).data for kind in DAMAGES for seed in each]
    seeds += [foreign(kind, seed) for kind in FOREIGN for seed in each]
    return [seed[:_LONGEST] for seed in seeds]


def _memory() -> float:
    """The most that the process has had so far, MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main(count: int, seconds: float) -> None:
    """Read so many mutated inputs, or as many as the time allows."""
    random = Random(0)
    pool = _seeds()
    outcomes: set[str] = set()
    memory, began, slowest, done, size = _memory(), time.perf_counter(), 0.0, 0, 0
    data = b""
    try:
        while done < count and time.perf_counter() - began < seconds:
            data = _mutated(random, pool)
            started = time.process_time()  # other programs may hold this one up
            reading = require_an_account(data)
            voices_in(reading)
            slowest = max(slowest, time.process_time() - started)
            if slowest > _MOST_SECONDS or _memory() - memory > _MOST_GROWTH:
                raise AssertionError(f"one input took {slowest:.2f} s; {_memory() - memory:.0f} MiB more than before")
            if new := _outcomes(reading) - outcomes:
                outcomes |= new
                pool.append(data)
            done += 1
            size += len(data)
    except Exception:
        _FAILURE.write_bytes(data)
        print(f"input {done} failed; it is kept in {_FAILURE}")
        raise
    taken = time.perf_counter() - began
    print(f"{done:,} inputs, {size / 1e6:,.0f} MB, in {taken:.0f} s: {done / taken:,.0f} inputs/s; none failed")
    print(f"{len(outcomes):,} outcomes; slowest {slowest * 1000:.0f} ms; grew by {_memory() - memory:.0f} MiB")


if __name__ == "__main__":
    given = sys.argv[1:]
    main(int(given[0]) if given else 1_000_000, float(given[1]) if len(given) > 1 else float("inf"))
