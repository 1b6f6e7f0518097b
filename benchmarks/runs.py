"""Runs of the pipeline: cold, with nothing new, and with one bank added, as ratios.

`python -m benchmarks.runs [FOLDER or ZIP] [--audio]`: the collection, by default as in `benchmarks.reading`. With
`--audio`, sounds are rendered. Seconds of the processor count all threads and, unlike seconds of the clock, hardly
depend on other programs.
"""

import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.table import Table

from benchmarks.reading import default_source
from deepdx_core.codec.names import text_to_names
from deepdx_core.codec.packing import INIT_VOICE
from deepdx_core.codec.writer import write_bank
from deepdx_core.home import Home
from deepdx_core.intake.inbox_index import RACY_NS
from deepdx_core.voice.parameters import INDEX

_REPEATS = 3
_IMPORTS = "import dagster, polars, duckdb, pyarrow"


class Seconds(NamedTuple):
    """Seconds of the clock and of the processor."""

    clock: float
    processor: float


def _time(*command: str, home: Path) -> Seconds:
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(
        [sys.executable, *command],
        env=os.environ | {"DEEPDX_HOME": str(home)},
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    clock, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    return Seconds(clock, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def _best(*command: str, home: Path) -> Seconds:
    times = [_time(*command, home=home) for _ in range(_REPEATS)]
    return Seconds(min(seconds.clock for seconds in times), min(seconds.processor for seconds in times))


def _new_bank() -> bytes:
    """Return 32 voices that no collection has."""
    voices = INIT_VOICE[None].repeat(32, axis=0)
    for row, voice in enumerate(voices):
        voice[INDEX["op1_fine"]], voice[INDEX["op1_detune"]], voice[INDEX["op1_eg_rate_1"]] = 37 + row, row % 15, 53
        voice[INDEX["op2_output_level"]], voice[INDEX["op2_coarse"]], voice[INDEX["feedback"]] = 61 + row, row, row % 8
    return write_bank(voices, text_to_names([f"RUNS {row:02}" for row in range(32)]))


def measure_runs(collection: Path, audio: bool) -> Iterator[tuple[str, Seconds]]:
    """Yield the name and the time of the imports, and of each run on a new home with the collection."""
    run = ("-m", "deepdx_pipeline.cli", "run", "--without", "training", *(() if audio else ("--without", "audio")))
    with tempfile.TemporaryDirectory() as temporary:
        home = Home(Path(temporary) / "home")
        home.inbox.mkdir(parents=True)
        if collection.is_dir():
            shutil.copytree(collection, home.inbox / collection.name)
        else:
            shutil.copy(collection, home.inbox)
        time.sleep(2 * RACY_NS / 1e9)  # a file that has just arrived is read twice
        yield "imports", _best("-c", _IMPORTS, home=home.root)
        yield "cold", _time(*run, home=home.root)
        yield "unchanged", _best(*run, home=home.root)
        (home.inbox / "new.syx").write_bytes(_new_bank())
        yield "one bank added", _time(*run, home=home.root)


if __name__ == "__main__":
    arguments = [argument for argument in sys.argv[1:] if argument != "--audio"]
    source = Path(arguments[0]) if arguments else default_source()
    table = Table("", "seconds", "of the processor", "of imports", "of cold", box=None)
    seconds: dict[str, Seconds] = {}
    for name, measured in measure_runs(source, "--audio" in sys.argv):
        seconds[name] = measured
        of_imports = measured.processor / seconds["imports"].processor
        of_cold = f"{measured.processor / seconds['cold'].processor:.3f}" if "cold" in seconds else ""
        table.add_row(name, f"{measured.clock:.2f}", f"{measured.processor:.2f}", f"{of_imports:.2f}", of_cold)
    Console().print(table)
    allowed = 1.5 * seconds["imports"].processor + 2
    print(f"unchanged: {seconds['unchanged'].processor / allowed:.2f} of 1.5 imports and 2 s")
