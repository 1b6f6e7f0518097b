"""The reader on files without a DX7 voice, and on files made to stall it: no false voices, bounded time.

`python -m studies.foreign_files [COUNT]` reads COUNT foreign files (default 100,000), prints false voices and speed by
kind, then reads the stalling files. It fails if there was a false voice or a file took too long.
"""

import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator

import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from tests.support.foreign import FOREIGN, foreign_file, voice_records
from tests.support.readings import read_checked

_MEGABYTE = 10**6
_MAX_SECONDS_PER_MEGABYTE = 2.0  # CPU time; twice the goal, for slower machines


def stalling_files() -> Iterator[tuple[str, bytes]]:
    """Yield files of about a megabyte, with names, that would stall a careless reader."""
    header, single = bytes.fromhex("f04300092000"), bytes.fromhex("f0430000011b")
    pieces = {
        "F0 alone": b"\xf0",
        "F7 alone": b"\xf7",
        "F0 F7 in turn": b"\xf0\xf7",
        "shortest messages": b"\xf0\x41\xf7",
        "bank headers in a row": header,
        "single headers in a row": single,
        "bank headers, each with 100 bytes": header + bytes(range(100)),
        "bank headers, each with 127 bytes over 127": header + b"\xfe" * 127,
        "lengths after F0": bytes.fromhex("f0ffffff7f43"),
        "a length after F0, then a bank header": bytes.fromhex("f0a0074300092000"),
        "MIDI track headers": b"MTrk\x00\x0f\xff\xff",
        "headers of single dumps every 160 bytes": single + bytes(154),
        "headers of banks every 160 bytes": header + bytes(range(1, 128)) + bytes(27),
        "messages of 160 bytes behind a wrong header": b"\xf0\x43\x20\0\x09\0" + bytes(range(28)) * 5 + b"\xf7",
        "MIDI tracks": b"MTrk",
        "messages in MIDI tracks": b"MTrk\0\0\0\x10" + b"\0\xf0\x05\x43\x10\0\0\xf7" * 30,
        "round brackets": b"(",
        "curly brackets": b"{",
        "MIDI headers": b"MThd\x00\x00\x00\x06\x00\x00\xff\xff\x00\x60",
        "IFF headers": b"FORM\x00\x00\x10\x08BANK",
        "hex digits of bank headers": b"F0 43 00 09 20 00 ",
        "hex digits of F0": b"f0",
        "C source of F0": b"0xF0, ",
        "hex digits, no F7": b"F0 43 00 09 20 00 " + b"00 " * 90,
        "zeros": b"\0",
        "ones": b"\x01",
        "small numbers": bytes([0, 1, 1, 0, 2]),
        "spaces": b" ",
        "zeros and a name": bytes(118) + b"INIT VOICE",
        "one voice over and over": voice_records()[0][0].tobytes(),
        "one voice and a byte over and over": voice_records()[0][0].tobytes() + b"\x80",
        "halves of voices": voice_records()[0][0, 30:].tobytes(),
        "unpacked voices and a byte": voice_records()[1][0].tobytes() + b"\xff",
    }
    for name, piece in pieces.items():
        yield name, piece * (_MEGABYTE // len(piece))
    random = np.random.default_rng(0)

    def bytes_below(top: int) -> bytes:
        return random.integers(0, top, _MEGABYTE).astype(np.uint8).tobytes()

    yield "F0, then seven bits without end", b"\xf0\x41" + bytes_below(128)
    yield "many F0 in seven bits", bytes_below(128).replace(b"\x40", b"\xf0")
    voices = np.tile(voice_records()[0], (9, 1))[:8000]
    yield "real voices, a byte lost in each", np.delete(voices, 60, axis=1).tobytes()
    yield "noise", random.bytes(_MEGABYTE)
    yield "noise below 100", bytes_below(100)
    yield "noise below 4", bytes_below(4)
    yield "letters", bytes_below(26).translate(bytes((i + 65) % 256 for i in range(256)))


def main(count: int) -> None:
    """Read `count` foreign files, then the stalling ones, and print the results."""
    files, voices, sizes, seconds = Counter[str](), Counter[str](), Counter[str](), defaultdict[str, float](float)
    examples: dict[str, str] = {}
    kinds = list(FOREIGN)
    for number in track(range(count), "foreign files"):
        kind, seed = kinds[number % len(kinds)], number // len(kinds)
        data = foreign_file(kind, seed)
        start = time.process_time()
        reading = read_checked(data)
        seconds[kind] += time.process_time() - start
        sizes[kind] += len(data)
        files[kind] += reading.voices > 0
        voices[kind] += reading.voices
        if reading.voices:
            examples.setdefault(kind, f"seed {seed}: {reading.taken_for}")
    console = Console()
    table = Table("foreign", "MB", "MB/s", "misread", "false voices", "first", box=None)
    for kind in sizes:
        speed = sizes[kind] / _MEGABYTE / max(seconds[kind], 1e-9)
        table.add_row(
            kind,
            f"{sizes[kind] / _MEGABYTE:.1f}",
            f"{speed:.1f}",
            f"{files[kind]}",
            f"{voices[kind]}",
            examples.get(kind, ""),
        )
    console.print(table)
    console.print(f"{count:,} foreign files, {files.total()} with voices, {voices.total()} false voices")

    table = Table("stalling", "seconds per megabyte", "voices", box=None)
    too_slow = []
    for name, data in stalling_files():
        taken = float("inf")
        for _ in range(2):
            start = time.process_time()
            reading = read_checked(data)
            taken = min(taken, (time.process_time() - start) / (len(data) / _MEGABYTE))
        table.add_row(name, f"{taken:.2f}", f"{reading.voices}")
        if taken > _MAX_SECONDS_PER_MEGABYTE:
            too_slow.append(name)
    console.print(table)
    if voices.total() or too_slow:
        slow = ", ".join(too_slow) or "none"
        sys.exit(f"{voices.total()} false voices; more than {_MAX_SECONDS_PER_MEGABYTE} s per megabyte: {slow}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
