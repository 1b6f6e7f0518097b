"""Which models there are, which of them banks come from, and by what rule another takes its place.

A model lies in a folder of its own under `models/`, named by its id. Each that has no row in the table `models` yet is
a challenger: it meets the champion on voices of the validation split, both measured alike and anew.
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
"""A model is worse where a measure is, by more than so many standard errors of the difference."""

_UNREAD: dict[str, Any] = {"role": "unreadable"}
_JUDGED = 1500  # voices of the validation split
_ID_LENGTH = 16

_BETTER_IF_HIGHER = ("precision", "recall", "density", "coverage")


class NoModelError(DeepDXError):
    """There is no model yet that banks could come from."""

    def __init__(self, home: Home) -> None:
        super().__init__(f"no model yet ({home.models}): run `deepdx run` first")


def model_folder(home: Home, fingerprint: str) -> Path:
    """Where a model is kept, by its fingerprint or its id."""
    return home.models / fingerprint[:_ID_LENGTH]


def champion_folder(home: Home) -> Path:
    """The folder of the model that banks come from. Raises NoModelError where there is none."""
    champions = Tables(home).read_or_empty("models").filter(pl.col("role") == "champion")
    if champions.is_empty():
        raise NoModelError(home)
    return model_folder(home, champions["model_id"].item())


def corpus_names(home: Home) -> list[str]:
    """The names that real voices have by now, each once: a model knows those of the corpus that it learned from."""
    return Tables(home).read_or_empty("decoded_voices")["name"].unique().to_list()


def compare_models(
    home: Home, known: pl.DataFrame, splits: Splits, rules: Rules, report: Report = silent
) -> pl.DataFrame:
    """The table `models` as it is once every challenger has met the champion, in the order of `judged`.

    known: the table as it was. A champion that is gone, or that cannot be judged on these splits, gives up its place.
    """
    rows = {row["model_id"]: row for row in known.sort("judged").iter_rows(named=True)}
    stored = sorted(path.parent.name for path in home.models.glob(f"*/{MODEL_CARD}") if _is_id(path.parent.name))
    # What could not be read may be whole by now: a run that trains it anew gives it the same id.
    for model_id in [model_id for model_id in stored if rows.get(model_id, _UNREAD)["role"] == "unreadable"]:
        rows[model_id] = _challenge(home, model_id, rows, splits, rules, report)
    return TrainedModels.cast(pl.DataFrame(list(rows.values()), schema=TrainedModels.create_empty().schema))


def _is_id(name: str) -> bool:
    return len(name) == _ID_LENGTH and all(character in "0123456789abcdef" for character in name)


def _challenge(
    home: Home, model_id: str, rows: dict[str, dict[str, Any]], splits: Splits, rules: Rules, report: Report
) -> dict[str, Any]:
    """The row of a challenger; where it wins, that of the champion changes as well."""
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
    if unfit := _unfit(challenger, splits):
        return row | {"role": "beaten", "reason": unfit}
    try:
        measures = _evaluate(challenger, splits, rules, report)
    except ValueError as error:
        return row | {"role": "beaten", "reason": f"it hardly makes a voice that could be taken: {error}"}
    row |= {name: measures[name] for measure in MEASURED for name in (measure, f"{measure}_error")}
    champion = next((other for other in rows.values() if other["role"] == "champion"), None)
    if champion is None:
        return row | {"role": "champion", "reason": "the first"}
    try:
        incumbent = load_model(model_folder(home, champion["model_id"]))
        unfit = _unfit(incumbent, splits)
        to_beat = {} if unfit else _evaluate(incumbent, splits, rules, report)
    except (ModelError, ValueError) as error:
        unfit = str(error)
    if unfit:
        reason = f"the champion before cannot be judged: {unfit}"
    else:
        row["against"] = champion["model_id"]
        if worse := worse_in(measures, to_beat):
            return row | {"role": "beaten", "reason": f"worse than the champion in {'; '.join(worse)}"}
        reason = f"in no measure worse than {champion['model_id']} by more than {MARGIN:g} standard errors"
    champion |= {"role": "former champion", "reason": f"{model_id} took its place"}
    return row | {"role": "champion", "reason": reason}


def _unfit(model: VoiceModel, splits: Splits) -> str:
    """Why a model cannot be judged on these splits, "" if it can."""
    if model.labels != splits.labels:
        return "it knows other labels"
    held_out = np.concatenate([splits.validation.parameters, splits.test.parameters])
    seen = len({voice.tobytes() for voice in held_out} & {voice.tobytes() for voice in model.voices.parameters})
    return f"it learned from {seen} of the voices that are held out now" if seen else ""


def _evaluate(model: VoiceModel, splits: Splits, rules: Rules, report: Report) -> dict[str, Any]:
    """How a model does on voices of the validation split, nothing rendered."""
    kept = sample_rows(len(splits.validation), _JUDGED, seed=0)
    some = Splits(splits.train, splits.validation[kept], splits.test, splits.labels)
    methods = {"model": Pretrained(FittedWriter(model, rules, by_ear=False, report=report))}
    return evaluate(methods, some, judged_on="validation", report=report).row(-1, named=True)


def worse_in(challenger: Mapping[str, Any], champion: Mapping[str, Any]) -> list[str]:
    """The measures in which a row of `model_evaluation` is worse than another, beyond noise, in words.

    Noise is `MARGIN` standard errors of the difference. C2ST and label agreement shall be close to what real voices
    have, .5 and `label_accuracy`; a measure that could not be told says nothing.
    """
    found = []
    for measure in MEASURED:
        pairs = [(row[measure], row[f"{measure}_error"]) for row in (challenger, champion)]
        if any(number is None for pair in pairs for number in pair):
            continue
        faults = [_fault(measure, row) for row in (challenger, champion)]
        noise = math.hypot(*(error for _, error in pairs))
        if faults[0] - faults[1] > MARGIN * noise:
            found.append(f"{measure}: {pairs[0][0]:.3f} against {pairs[1][0]:.3f}, noise {noise:.3f}")
    return found


def _fault(measure: str, row: Mapping[str, Any]) -> float:
    """How far a measure is from what it should be."""
    value = float(row[measure])
    if measure in _BETTER_IF_HIGHER:
        return -value
    if measure == "c2st":
        return abs(value - 0.5)
    return abs(value - float(row["label_accuracy"])) if measure == "label_agreement" else value


def _or_null(number: float) -> float | None:
    return number if math.isfinite(number) else None
