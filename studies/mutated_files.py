"""The reader on mutated files: no failure, all bytes covered, bounded time and memory.

`python -m studies.mutated_files [COUNT] [SECONDS]` reads COUNT inputs (default 1,000,000), or as many as SECONDS allow.
An input with a new outcome is mutated further. An input that fails is written to `fuzz-failure.bin`.
"""

import re
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from random import Random

from deepdx_core.codec.segments import Reading
from tests.support.banks import files_below, framed_banks
from tests.support.damage import DAMAGES, damaged_file
from tests.support.foreign import FOREIGN, foreign_file
from tests.support.paths import DEMO
from tests.support.readings import read_checked, voices_in

_FAILURE = Path("fuzz-failure.bin")
_SEEDS_PER_KIND = 3
_MAX_SIZE = 9000
_MAX_SECONDS = 1.0  # per input
_MAX_GROWTH = 256  # MiB, of the process

_HEADERS = (
    "f0 f7 f043 f04300 43000920 f04300092000 f04300091000 f0430000011b f04300042000 f043007e f0a007 f08122 f0ffff7f"
)
_WORDS = [b"MThd", b"MTrk", b"FORM", b"BANK", b"F0 43 00 09 ", b"0xF0, ", b"f04300092000", b"\r\n", b"INIT VOICE"]
_PIECES = [*map(bytes.fromhex, _HEADERS.split()), *_WORDS, bytes(128)]


def _change_bytes(random: Random, data: bytearray, _other: bytes) -> None:
    for _ in range(random.randint(1, 8)):
        if data:
            data[random.randrange(len(data))] = random.choice((0, 1, 99, 127, 128, 0xF0, 0xF7, random.randrange(256)))


def _flip_bit(random: Random, data: bytearray, _other: bytes) -> None:
    if data:
        data[random.randrange(len(data))] ^= 1 << random.randrange(8)


def _draw_slice(random: Random, length: int) -> slice:
    start = random.randint(0, length)
    return slice(start, start + int(2 ** random.uniform(0, 12)))


def _remove_slice(random: Random, data: bytearray, _other: bytes) -> None:
    del data[_draw_slice(random, len(data))]


def _repeat_slice(random: Random, data: bytearray, _other: bytes) -> None:
    offset = random.randint(0, len(data))
    data[offset:offset] = data[_draw_slice(random, len(data))] * random.randint(1, 4)


def _insert_piece(random: Random, data: bytearray, _other: bytes) -> None:
    offset = random.randint(0, len(data))
    data[offset:offset] = random.choice(_PIECES)


def _splice(random: Random, data: bytearray, other: bytes) -> None:
    data[_draw_slice(random, len(data))] = other[_draw_slice(random, len(other))]


def _keep_slice(random: Random, data: bytearray, _other: bytes) -> None:
    data[:] = data[_draw_slice(random, len(data))]


_MUTATIONS: tuple[Callable[[Random, bytearray, bytes], None], ...] = (
    _change_bytes,
    _flip_bit,
    _remove_slice,
    _repeat_slice,
    _insert_piece,
    _splice,
    _keep_slice,
)


def mutate(random: Random, pool: list[bytes]) -> bytes:
    """Return a mutation of a random input from the pool."""
    data = bytearray(random.choice(pool))
    for _ in range(random.randint(1, 5)):
        random.choice(_MUTATIONS)(random, data, random.choice(pool))
    return bytes(data[:_MAX_SIZE])


def seed_inputs() -> list[bytes]:
    """Return damaged and foreign files of every kind."""
    banks = framed_banks(files_below(DEMO))
    seeds = range(_SEEDS_PER_KIND)
    inputs = [damaged_file(kind, banks, seed).data for kind in DAMAGES for seed in seeds]
    inputs += [foreign_file(kind, seed) for kind in FOREIGN for seed in seeds]
    return [data[:_MAX_SIZE] for data in inputs]


def _outcomes(reading: Reading) -> set[str]:
    """Return what was found and noted in an input, without numbers and quotations."""
    found = {(each.kind, each.format, each.checksum, each.what, each.note) for each in reading.segments}
    return {re.sub(r"\(.*?\)|\b[0-9a-fA-F]+\b", "#", " ".join(map(str, each))) for each in found}


def _peak_memory() -> float:
    """Return the peak memory of the process so far, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main(count: int, max_seconds: float) -> None:
    """Read `count` mutated inputs, or as many as `max_seconds` allow, and print the results."""
    random = Random(0)
    pool = seed_inputs()
    outcomes: set[str] = set()
    memory, began, slowest, done, size = _peak_memory(), time.perf_counter(), 0.0, 0, 0
    data = b""
    try:
        while done < count and time.perf_counter() - began < max_seconds:
            data = mutate(random, pool)
            started = time.process_time()  # CPU time, so that other programs do not count
            reading = read_checked(data)
            voices_in(reading)
            slowest = max(slowest, time.process_time() - started)
            growth = _peak_memory() - memory
            if slowest > _MAX_SECONDS or growth > _MAX_GROWTH:
                raise AssertionError(f"one input took {slowest:.2f} s; memory grew by {growth:.0f} MiB")
            if new := _outcomes(reading) - outcomes:
                outcomes |= new
                pool.append(data)
            done += 1
            size += len(data)
    except Exception:
        _FAILURE.write_bytes(data)
        print(f"input {done} failed: written to {_FAILURE}")
        raise
    taken = time.perf_counter() - began
    print(f"{done:,} inputs, {size / 1e6:,.0f} MB, in {taken:.0f} s: {done / taken:,.0f} inputs/s; none failed")
    print(f"{len(outcomes):,} outcomes; slowest {slowest * 1000:.0f} ms; grew by {_peak_memory() - memory:.0f} MiB")


if __name__ == "__main__":
    given = sys.argv[1:]
    main(int(given[0]) if given else 1_000_000, float(given[1]) if len(given) > 1 else float("inf"))
