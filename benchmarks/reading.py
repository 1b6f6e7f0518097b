"""Files to unpacked voices: the whole reader, compared with two simple readers like those of public scripts.

`python -m benchmarks.reading [FOLDER or ZIP]`: by default the archive `dx7-library.zip` in the folder `DEEPDX_CORPUS`,
or else the demo corpus.
"""

import io
import os
import sys
import tempfile
import time
import zipfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import mido
import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.unpacking import unpack_one_by_one
from deepdx_core.codec.packing import unpack_vced, unpack_vmem
from deepdx_core.codec.reader import read
from deepdx_core.codec.segments import RECORD_SIZE
from deepdx_core.intake.archives.kinds import read_archive, recognize_archive
from deepdx_core.intake.local_files import find_files, read_file
from deepdx_core.voice.parameters import VCED_SIZE, VMEM_SIZE

_DEMO = Path(__file__).resolve().parent.parent / "data" / "demo"
_REPEATS = 2

_Files = Callable[[], Iterable[bytes]]
_Reader = Callable[[Iterable[bytes]], int]
"""Unpacks the voices in files and returns their number."""


def read_with_deepdx(files: Iterable[bytes]) -> int:
    """Read the voices of all formats, unpacked at once."""
    payloads: dict[int, list[bytes]] = defaultdict(list)
    for data in files:
        for segment in read(data).segments:
            if segment.format:
                payloads[RECORD_SIZE[segment.format]].append(segment.payload)
    voices = 0
    for size, found in payloads.items():
        records = np.frombuffer(b"".join(found), dtype=np.uint8).reshape(-1, size)
        parameters, _ = unpack_vmem(records) if size == VMEM_SIZE else unpack_vced(records[:, :VCED_SIZE])
        voices += len(parameters)
    return voices


def read_with_mido(files: Iterable[bytes]) -> int:
    """Read the voices of every system exclusive message that mido finds, one by one."""
    voices = 0
    for data in files:
        for message in mido.parse_all(data):
            if message.type != "sysex" or message.data[:1] != (0x43,):
                continue
            if len(message.data) == 4102 and message.data[2] == 9:
                voices += len(unpack_one_by_one(bytes(message.data[5:-1])))
            elif len(message.data) == 161 and message.data[2] == 0:
                voices += len([list(message.data[5:150])])
    return voices


def read_whole_banks(files: Iterable[bytes]) -> int:
    """Read the voices of files that are exactly one bank with the right header, one by one."""
    voices = 0
    for data in files:
        if len(data) == 4104 and data.startswith(b"\xf0\x43\x00\x09\x20\x00") and data[-1] == 0xF7:
            voices += len(unpack_one_by_one(data[6:-2]))
    return voices


def _time_reader(reader: _Reader, files: _Files) -> tuple[int, float]:
    best = float("inf")
    for _ in range(_REPEATS):
        start = time.perf_counter()
        voices = reader(files())
        best = min(best, time.perf_counter() - start)
    return voices, best


def _unpack_to_folder(source: Path, temporary: Path) -> Path:
    if source.is_dir():
        return source
    # Paths in an archive cannot be trusted: files are named by number.
    for number, content in enumerate(read_archive(source.read_bytes())):
        (temporary / f"{number}.syx").write_bytes(content.data)
    return temporary


def _zip_folder(folder: Path) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, path in enumerate(find_files(folder)):
            archive.writestr(f"{number}.syx", read_file(path))
    return buffer.getvalue()


def _read_plain_members(archive: bytes) -> Iterator[bytes]:
    with zipfile.ZipFile(io.BytesIO(archive)) as members:
        for name in members.namelist():
            yield members.read(name)


def compare_readers(source: Path) -> Iterator[tuple[str, str, float, int, float]]:
    """Yield the source (folder or zip), reader, megabytes, voices and seconds."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = _unpack_to_folder(source, Path(temporary))
        archive = _zip_folder(folder) if source.is_dir() else source.read_bytes()
        paths = find_files(folder)
        size = sum(path.stat().st_size for path in paths) / 1e6

        def members() -> Iterator[bytes]:
            return (content.data for content in read_archive(archive))

        def plain_members() -> Iterator[bytes]:
            return _read_plain_members(archive)

        def files_and_members() -> Iterator[bytes]:
            for data in map(read_file, paths):
                yield data
                if recognize_archive(data):
                    yield from (content.data for content in read_archive(data))

        def plain_files() -> Iterator[bytes]:
            return map(Path.read_bytes, paths)

        for kind, all_contents, plain in (("folder", files_and_members, plain_files), ("zip", members, plain_members)):
            yield kind, "ours", size, *_time_reader(read_with_deepdx, all_contents)
            yield kind, "mido", size, *_time_reader(read_with_mido, plain)
            yield kind, "whole banks only", size, *_time_reader(read_whole_banks, plain)


def default_source() -> Path:
    """Return the public collection if it is available, or else the demo corpus."""
    corpus = Path(os.environ.get("DEEPDX_CORPUS", "")) / "dx7-library.zip"
    return corpus if "DEEPDX_CORPUS" in os.environ and corpus.is_file() else _DEMO


def measure() -> Iterator[tuple[str, float, float, str]]:
    """Yield name, our speed, other speed and unit: megabytes of the same files, and voices found in them."""
    speeds: dict[str, tuple[float, float]] = {}
    for kind, reader, size, voices, seconds in compare_readers(default_source()):
        speeds[reader] = size / seconds, voices / seconds
        if reader != "ours":
            for ours, other, unit in zip(speeds["ours"], speeds[reader], ("MB/s", "voices/s"), strict=True):
                yield f"read a {kind}, compared with {reader}", ours, other, unit


if __name__ == "__main__":
    table = Table("from", "reader", "MB", "voices", "seconds", "MB/s", "voices/s", "ours is faster", box=None)
    our_seconds: dict[str, float] = {}
    source = Path(sys.argv[1]) if len(sys.argv) > 1 else default_source()
    for kind, reader, size, voices, seconds in compare_readers(source):
        ours = our_seconds.setdefault(kind, seconds)
        row = (kind, reader, f"{size:.1f}", f"{voices:,}", f"{seconds:.2f}", f"{size / seconds:,.1f}")
        table.add_row(*row, f"{voices / seconds:,.0f}", "" if reader == "ours" else f"{seconds / ours:.1f}x")
    Console().print(table)
