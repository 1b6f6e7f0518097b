"""Generators judged by the protocol of `deepdx_core.evaluation`, on the tables of a home folder, which are only read.

`python -m benchmarks.generators [HOME] [--without-gan] [--without-sound] [--on validation] [--seed N] [--to FILE]`
fits and measures the baselines and the GAN, and prints a column for each row of `model_evaluation`.
"""

import argparse
import time
from pathlib import Path

import polars as pl
from rich.console import Console
from rich.table import Table

from deepdx_core.evaluation.adversarial import Gan
from deepdx_core.evaluation.generators import Method
from deepdx_core.evaluation.protocol import BASELINES, evaluate
from deepdx_core.evaluation.voices import Splits, splits_of
from deepdx_core.gan.config import GanConfig
from deepdx_core.home import Home, find_home
from deepdx_core.labels.taxonomy import load_taxonomy
from deepdx_core.tables.storage import Tables

_COUNTS = ("voices", "against", "dcr_median", "copies", "duplicates")


def splits_in(tables: Tables) -> Splits:
    """What there is to learn from and to judge by: valid sounds only."""
    valid = tables.read("verdicts").filter(pl.col("verdict") == "valid")
    return splits_of(
        tables.read("unique_voices").join(valid, on="sound_id", how="semi"),
        tables.read("families"),
        tables.read("labeled_voices"),
        tables.read("training_splits"),
        load_taxonomy().labels,
    )


def printed(rows: pl.DataFrame) -> Table:
    """A line for each measure, with its standard error, and a column for each generator."""
    table = Table("measure", *rows["generator"], box=None)
    for name in rows.columns[3:]:
        if name.endswith("_error"):
            continue
        errors = rows[f"{name}_error"] if f"{name}_error" in rows.columns else [None] * len(rows)
        cells = []
        for value, error in zip(rows[name], errors, strict=True):
            text = "" if value is None else f"{value:,.0f}" if name in _COUNTS else f"{value:.3f}"
            cells.append(text if error is None else f"{text} ±{error:.3f}")
        table.add_row(name, *cells)
    return table


def main() -> None:
    """Judge and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("home", type=Path, nargs="?")
    parser.add_argument("--without-gan", action="store_true")
    parser.add_argument("--without-sound", action="store_true")
    parser.add_argument("--on", choices=("validation", "test"), default="test")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--to", type=Path, help="a Parquet file to write the rows to")
    asked = parser.parse_args()
    tables = Tables((Home(asked.home) if asked.home else find_home()).tables)
    splits = splits_in(tables)
    methods: dict[str, Method] = dict(BASELINES)
    if not asked.without_gan:
        methods["GAN"] = Gan(splits.labels, GanConfig())
    console = Console(width=200)
    began = time.perf_counter()

    def report(what: str, done: int, total: int) -> None:
        if what.startswith("rows"):
            print(f"{time.perf_counter() - began:6.0f} s: {done} of {total} rows", flush=True)

    audio = None if asked.without_sound else tables.read_or_empty("audio_features")
    rows = evaluate(methods, splits, seed=asked.seed, judged_on=asked.on, audio=audio, report=report)
    console.print(printed(rows))
    if asked.to:
        rows.write_parquet(asked.to)


if __name__ == "__main__":
    main()
