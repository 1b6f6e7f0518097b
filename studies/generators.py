"""Evaluation of generators by the protocol of `deepdx_core.evaluation`, on the tables of a home folder.

`python -m studies.generators [HOME] [--model FOLDER] [--only-model] [--without-audio] [--on validation] [--seeds N ...]
[--set NAME=VALUE ...] [--to FILE]` fits and evaluates the baselines, the GAN of the blog, the writer alone, and the
writer with its critic, and prints a column for each row of `model_evaluation`. The home folder is only read. A model in
FOLDER is used; if there is none, a new one is saved there. With several seeds, everything is fitted for each of them,
FOLDER has a folder for each, and the table has means, with standard deviations over the seeds. --set changes a setting
of the training: see `deepdx_core/writer/config.py`.
"""

import argparse
import json
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import polars as pl
from rich.console import Console
from rich.table import Table

from deepdx_core.dataset.arrays import Splits, labels_by_names, splits_from_training_set
from deepdx_core.evaluation.baselines.gan import Gan
from deepdx_core.evaluation.generators import Method, Pretrained
from deepdx_core.evaluation.protocol import BASELINES, evaluate
from deepdx_core.gan.config import GanConfig
from deepdx_core.generation.method import Filtered, FittedModel, TrainedMethod, fitted_model
from deepdx_core.generation.model import load_model, save_model
from deepdx_core.generation.model_card import ModelError
from deepdx_core.generation.request import SamplingRequest
from deepdx_core.home import Home, find_home
from deepdx_core.labels.taxonomy import load_taxonomy
from deepdx_core.progress import Report
from deepdx_core.quality.rules import load_rules
from deepdx_core.tables.storage import Tables
from deepdx_core.writer.config import WriterConfig

_COUNTS = ("voices", "against", "dcr_median", "copies", "duplicates")


def load_or_train(method: TrainedMethod, splits: Splits, seed: int, folder: Path | None) -> FittedModel:
    """Return the generator in a folder, or train a new one and save it there."""
    if folder:
        with suppress(ModelError):
            return fitted_model(load_model(folder), method.rules, method.render)
    began = time.perf_counter()
    fitted = method.fit(splits.train, splits.validation, seed)
    print(f"trained in {time.perf_counter() - began:.0f} s: {fitted.model.summary}", flush=True)
    if folder:
        save_model(folder, fitted.model)
    return fitted


def format_table(rows: pl.DataFrame) -> Table:
    """Return a table with a row per metric, with its error, and a column per generator."""
    table = Table("metric", *rows["generator"], box=None)
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


def over_seeds(rows: pl.DataFrame) -> pl.DataFrame:
    """Return a row per generator: the means over its seeds, with standard deviations in place of standard errors."""
    measures = pl.selectors.by_name(rows.columns[3:]) - pl.selectors.ends_with("_error")
    return rows.group_by("generator", maintain_order=True).agg(
        pl.first("judged_on", "seed"), measures.mean(), measures.std().name.suffix("_error")
    )


def _every_minute() -> Report:
    began = last = time.perf_counter()

    def report(what: str, done: int, total: int) -> None:
        nonlocal last
        if time.perf_counter() - last > 60:
            last = time.perf_counter()
            print(f"{last - began:6.0f} s: {what}, {done} of {total}", flush=True)

    return report


def main() -> None:
    """Evaluate the generators and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("home", type=Path, nargs="?")
    parser.add_argument("--model", type=Path, help="folder of the model, existing or not")
    parser.add_argument("--only-model", action="store_true")
    parser.add_argument("--without-audio", action="store_true")
    parser.add_argument("--on", choices=("validation", "test"), default="test")
    parser.add_argument("--seeds", "--seed", type=int, nargs="+", default=[0], metavar="N")
    parser.add_argument("--set", nargs="*", default=[], metavar="NAME=VALUE")
    parser.add_argument("--to", type=Path, help="Parquet file to write the rows to")
    arguments = parser.parse_args()
    home = Home(arguments.home) if arguments.home else find_home()
    tables = Tables(home)
    taxonomy = load_taxonomy()
    named = labels_by_names(tables.read("labeled_voices"), taxonomy)
    splits = splits_from_training_set(tables.read("training_set"), taxonomy.labels, named)
    settings = {name: json.loads(value) for name, value in (setting.split("=") for setting in arguments.set)}
    render = not arguments.without_audio
    audio = tables.read_or_empty("audio_features") if render else None
    evaluated = []
    for seed in arguments.seeds:
        config = WriterConfig.from_json(json.dumps({"seed": seed} | settings))
        method = TrainedMethod(splits.labels, config, load_rules(home.rules), render, _every_minute())
        folder = arguments.model / str(seed) if arguments.model and len(arguments.seeds) > 1 else arguments.model
        writer = load_or_train(method, splits, seed, folder)
        alone = replace(writer, render=False, request=SamplingRequest(choices=1))
        methods: dict[str, Method] = {"writer alone": Pretrained(alone), "writer and critic": Pretrained(writer)}
        if not arguments.only_model:
            filtered = {
                f"{name}, critic and filters": Filtered(splits.labels, baseline, method.rules, render, _every_minute())
                for name, baseline in BASELINES.items()
                if name != "independent marginals"
            }
            methods = {**BASELINES, "GAN of the blog": Gan(splits.labels, GanConfig()), **filtered, **methods}
        evaluated.append(evaluate(methods, splits, seed=seed, split=arguments.on, audio=audio, report=_every_minute()))
    rows = pl.concat(evaluated)
    Console(width=200).print(format_table(rows if len(evaluated) == 1 else over_seeds(rows)))
    if arguments.to:
        rows.write_parquet(arguments.to)


if __name__ == "__main__":
    main()
