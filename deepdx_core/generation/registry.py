"""Registry of stored models: the champion, which writes banks, and the challengers that may replace it.

Each model has a folder under `models/`, named by its id. A model without a row in the table `models` is a challenger:
it and the champion are evaluated on the same voices of the validation split.
"""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from deepdx_core.dataset.arrays import Splits, sample_rows
from deepdx_core.errors import DeepDXError
from deepdx_core.evaluation.generators import Pretrained
from deepdx_core.evaluation.protocol import evaluate
from deepdx_core.generation.method import FittedWriter
from deepdx_core.generation.model import VoiceModel, load_model
from deepdx_core.generation.model_card import MODEL_CARD, ModelError
from deepdx_core.home import Home
from deepdx_core.progress import Report, silent
from deepdx_core.quality.rules import Rules
from deepdx_core.tables.generator import MEASURED, TrainedModels
from deepdx_core.tables.storage import Tables

MARGIN = 2.0
"""Standard errors of the difference by which a metric must be worse for a challenger to lose."""

_UNREADABLE: dict[str, Any] = {"role": "unreadable"}
_EVALUATED = 1500  # voices of the validation split
_ID_LENGTH = 16

_BETTER_IF_HIGHER = ("precision", "recall", "density", "coverage")


class NoModelError(DeepDXError):
    """There is no champion yet."""

    def __init__(self, home: Home) -> None:
        super().__init__(f"no model yet ({home.models}): run `deepdx run` first")


def model_folder(home: Home, fingerprint: str) -> Path:
    """Return the folder of a model, by its fingerprint or its id."""
    return home.models / fingerprint[:_ID_LENGTH]


def champion_folder(home: Home) -> Path:
    """Return the folder of the champion. Raises NoModelError if there is none."""
    champions = Tables(home).read_or_empty("models").filter(pl.col("role") == "champion")
    if champions.is_empty():
        raise NoModelError(home)
    return model_folder(home, champions["model_id"].item())


def corpus_names(home: Home) -> list[str]:
    """Return the distinct names in the corpus now; a model knows only those of its training set."""
    return Tables(home).read_or_empty("decoded_voices")["name"].unique().to_list()


def compare_models(
    home: Home, known: pl.DataFrame, splits: Splits, rules: Rules, report: Report = silent
) -> pl.DataFrame:
    """Compare every challenger with the champion, and return the table `models` in the order of `judged`.

    A champion that is missing or cannot be evaluated on these splits loses its role. known: the table so far.
    """
    rows = {row["model_id"]: row for row in known.sort("judged").iter_rows(named=True)}
    stored = sorted(path.parent.name for path in home.models.glob(f"*/{MODEL_CARD}") if _is_id(path.parent.name))
    # An unreadable model may be whole by now: a run that trains it again gives it the same id.
    for model_id in [model_id for model_id in stored if rows.get(model_id, _UNREADABLE)["role"] == "unreadable"]:
        rows[model_id] = _evaluate_challenger(home, model_id, rows, splits, rules, report)
    return TrainedModels.cast(pl.DataFrame(list(rows.values()), schema=TrainedModels.create_empty().schema))


def _is_id(name: str) -> bool:
    return len(name) == _ID_LENGTH and all(character in "0123456789abcdef" for character in name)


def _evaluate_challenger(
    home: Home, model_id: str, rows: dict[str, dict[str, Any]], splits: Splits, rules: Rules, report: Report
) -> dict[str, Any]:
    """Return the row of a challenger. If it wins, the row of the former champion is updated in `rows`."""
    judged = rows[model_id]["judged"] if model_id in rows else len(rows) + 1
    row: dict[str, Any] = dict.fromkeys(TrainedModels.column_names()) | {"model_id": model_id, "judged": judged}
    try:
        challenger = load_model(model_folder(home, model_id))
    except ModelError as error:
        return row | {"role": "unreadable", "reason": str(error)}
    summary = challenger.summary
    row |= {
        "config": challenger.config.to_json(),
        "data_version": summary.data_version,
        "code_version": summary.code_version,
        "voices": summary.voices,
        "steps": summary.steps,
        "validation_loss": summary.validation_loss,
        "written_c2st": _or_null(summary.validation_c2st),
        "critic_area": _or_null(summary.critic_area),
    }
    if obstacle := _find_obstacle(challenger, splits):
        return row | {"role": "beaten", "reason": obstacle}
    try:
        metrics = _evaluate(challenger, splits, rules, report)
    except ValueError as error:
        return row | {"role": "beaten", "reason": f"it hardly makes a voice that could be taken: {error}"}
    row |= {name: metrics[name] for metric in MEASURED for name in (metric, f"{metric}_error")}
    champion = next((other for other in rows.values() if other["role"] == "champion"), None)
    if champion is None:
        return row | {"role": "champion", "reason": "the first"}
    try:
        incumbent = load_model(model_folder(home, champion["model_id"]))
        obstacle = _find_obstacle(incumbent, splits)
        baseline = {} if obstacle else _evaluate(incumbent, splits, rules, report)
    except (ModelError, ValueError) as error:
        obstacle = str(error)
    if obstacle:
        reason = f"the champion before cannot be judged: {obstacle}"
    else:
        row["against"] = champion["model_id"]
        if worse := find_worse_metrics(metrics, baseline):
            return row | {"role": "beaten", "reason": f"worse than the champion in {'; '.join(worse)}"}
        reason = f"in no measure worse than {champion['model_id']} by more than {MARGIN:g} standard errors"
    champion |= {"role": "former champion", "reason": f"{model_id} took its place"}
    return row | {"role": "champion", "reason": reason}


def _find_obstacle(model: VoiceModel, splits: Splits) -> str:
    """Return why a model cannot be evaluated on these splits, "" if it can."""
    if model.labels != splits.labels:
        return "it knows other labels"
    held_out = np.concatenate([splits.validation.parameters, splits.test.parameters])
    seen = len({voice.tobytes() for voice in held_out} & {voice.tobytes() for voice in model.voices.parameters})
    return f"it learned from {seen} of the voices that are held out now" if seen else ""


def _evaluate(model: VoiceModel, splits: Splits, rules: Rules, report: Report) -> dict[str, Any]:
    """Evaluate a model on voices of the validation split. Its candidates are filtered by ear, as in use."""
    rows = sample_rows(len(splits.validation), _EVALUATED, seed=0)
    some = Splits(splits.train, splits.validation[rows], splits.test, splits.labels)
    methods = {"model": Pretrained(FittedWriter(model, rules, render=True, report=report))}
    return evaluate(methods, some, split="validation", report=report).row(-1, named=True)


def find_worse_metrics(challenger: Mapping[str, Any], champion: Mapping[str, Any]) -> list[str]:
    """Describe the metrics in which a challenger's row of `model_evaluation` is worse than the champion's beyond noise.

    Noise is `MARGIN` standard errors of the difference. C2ST and label agreement are best at the values of real voices,
    .5 and `label_accuracy`. Metrics without a value are skipped.
    """
    worse = []
    for metric in MEASURED:
        pairs = [(row[metric], row[f"{metric}_error"]) for row in (challenger, champion)]
        if any(number is None for pair in pairs for number in pair):
            continue
        losses = [_loss(metric, row) for row in (challenger, champion)]
        noise = math.hypot(*(error for _, error in pairs))
        if losses[0] - losses[1] > MARGIN * noise:
            worse.append(f"{metric}: {pairs[0][0]:.3f} against {pairs[1][0]:.3f}, noise {noise:.3f}")
    return worse


def _loss(metric: str, row: Mapping[str, Any]) -> float:
    """Return a metric as a loss: the lower, the better."""
    value = float(row[metric])
    if metric in _BETTER_IF_HIGHER:
        return -value
    if metric == "c2st":
        return abs(value - 0.5)
    return abs(value - float(row["label_accuracy"])) if metric == "label_agreement" else value


def _or_null(number: float) -> float | None:
    return number if math.isfinite(number) else None
