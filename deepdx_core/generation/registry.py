"""Registry of stored models: the champion, which writes banks, and the challengers that may replace it.

Each model has a folder under `models/`, named by its id. A model without a row in the table `models` is a challenger:
it and the champion are measured on the same voices of the validation split, with the same seed.
"""

import math
from functools import cached_property
from pathlib import Path
from typing import Any, cast, get_args

import numpy as np
import polars as pl

from deepdx_core.dataset.arrays import Splits, Voices, sample_rows
from deepdx_core.errors import DeepDXError
from deepdx_core.evaluation.metrics.label_agreement import LabelClassifier, fit_label_classifier
from deepdx_core.generation.model import load_model
from deepdx_core.generation.model_card import MODEL_CARD, ModelError
from deepdx_core.generation.succession import MARGIN, Measures, fair_rows, find_worse_metrics, measure
from deepdx_core.generation.voice_model import VoiceModel
from deepdx_core.home import Home
from deepdx_core.progress import Report, silent
from deepdx_core.quality.rules import Rules
from deepdx_core.tables.generator import MEASURED, Kind, TrainedModels
from deepdx_core.tables.storage import Tables

_Row = dict[str, Any]

_EVALUATED = 1500  # voices of the validation split
_FEWEST = 100  # on which two models are compared
_ID_LENGTH = 16


class NoModelError(DeepDXError):
    """There is no champion yet, or no model of that name."""

    def __init__(self, home: Home, name: str | None = None) -> None:
        if name is None:
            super().__init__(f"no model yet ({home.models}): run `deepdx run` first")
        elif name in get_args(Kind):
            shown = name.upper() if name == "gan" else name
            super().__init__(f"no {shown} yet ({home.models}): run `deepdx run --model {name}` first")
        else:
            super().__init__(f"no model {name!r} ({home.models}): `SELECT * FROM models` lists them")


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


def model_of_kind(home: Home, kind: Kind) -> str:
    """Return the id of the best stored model of a kind: the one with the C2ST nearest to .5, the newest of equal ones.

    Raises NoModelError if there is none.
    """
    rows = Tables(home).read_or_empty("models").filter(pl.col("kind") == kind, pl.col("role") != "unreadable")
    if rows.is_empty():
        raise NoModelError(home, kind)
    return str(
        rows.sort((pl.col("c2st") - 0.5).abs(), "judged", descending=[False, True], nulls_last=True)["model_id"][0]
    )


def find_model(home: Home, name: str | None = None) -> Path:
    """Return the folder of the champion, of the best model of a kind, or of a model by the beginning of its id.

    Raises NoModelError if there is none, or if several ids begin like that.
    """
    if name is None:
        return champion_folder(home)
    if name.lower() in get_args(Kind):
        return model_folder(home, model_of_kind(home, cast(Kind, name.lower())))
    found = [model_id for model_id in _stored_models(home) if name and model_id.startswith(name.lower())]
    if len(found) != 1:
        raise NoModelError(home, name)
    return model_folder(home, found[0])


def compare_models(
    home: Home, known: pl.DataFrame, splits: Splits, rules: Rules, report: Report = silent
) -> pl.DataFrame:
    """Compare every challenger with the champion, and return the table `models` in the order of `judged`.

    A challenger that cannot be compared yet is compared again in the next run. known: the table so far.
    """
    rows = {row["model_id"]: row for row in known.sort("judged").iter_rows(named=True)}
    # An unreadable model may be whole by now: a run that trains it again gives it the same id.
    waiting = ("unreadable", "challenger")
    succession = _Succession(home, rows, splits, rules, report)
    for model_id in _stored_models(home):
        if model_id not in rows or rows[model_id]["role"] in waiting:
            rows[model_id] = succession.judge(model_id)
    return TrainedModels.cast(pl.DataFrame(list(rows.values()), schema=TrainedModels.create_empty().schema))


def _stored_models(home: Home) -> list[str]:
    return sorted(path.parent.name for path in home.models.glob(f"*/{MODEL_CARD}") if _is_id(path.parent.name))


def _is_id(name: str) -> bool:
    return len(name) == _ID_LENGTH and all(character in "0123456789abcdef" for character in name)


class _Succession:
    """The judgement of challengers. If one wins, the row of the former champion in `rows` is updated."""

    def __init__(self, home: Home, rows: dict[str, _Row], splits: Splits, rules: Rules, report: Report) -> None:
        self.home, self.rows, self.splits, self.rules, self.report = home, rows, splits, rules, report

    @cached_property
    def _judge(self) -> LabelClassifier:
        return fit_label_classifier(self.splits.train, seed=0)

    def _measure(self, model: VoiceModel, held_out: Voices) -> Measures:
        return measure(model, self.splits, held_out, self._judge, self.rules, self.report)

    def judge(self, model_id: str) -> _Row:
        """Return the row of a challenger, with its new role."""
        judged = self.rows[model_id]["judged"] if model_id in self.rows else len(self.rows) + 1
        row: _Row = dict.fromkeys(TrainedModels.column_names()) | {"model_id": model_id, "judged": judged}
        try:
            challenger = load_model(model_folder(self.home, model_id))
        except ModelError as error:
            return row | {"role": "unreadable", "reason": str(error)}
        row |= _provenance(challenger)
        try:
            return row | self._compare(model_id, challenger)
        except ValueError as error:
            return row | {"role": "beaten", "reason": f"it hardly makes a voice that could be taken: {error}"}

    def _compare(self, model_id: str, challenger: VoiceModel) -> _Row:
        champion = next((other for other in self.rows.values() if other["role"] == "champion"), None)
        won = {"role": "champion", "reason": "the first"}
        measured: _Row = {}
        own: Measures | None = None
        measured_on = np.empty(0, np.uint8)  # the voices of `own`: nearly always the same for both rivals
        for other in self._rivals(champion):
            other_id, role = other["model_id"], "champion" if other is champion else "best model so far"
            try:
                rival = load_model(model_folder(self.home, other_id))
            except ModelError as error:
                if other is champion:
                    won["reason"] = f"the champion before cannot be read: {error}"
                continue
            held_out = self._held_out([challenger, rival])
            if len(held_out) < min(_FEWEST, len(self.splits.validation) / 2):
                if other is not champion:
                    continue
                reason = (
                    f"not compared yet: it and the champion, {other_id}, have learned from all but {len(held_out)} "
                )
                return {"role": "challenger", "reason": f"{reason}of the validation voices"}
            if own is None or not np.array_equal(held_out.parameters, measured_on):
                own, measured_on = self._measure(challenger, held_out), held_out.parameters
            measured = measured or _columns(own) | {"against": other_id}
            try:
                others = self._measure(rival, held_out)
            except ValueError as error:
                won["reason"] = f"{other_id} hardly makes a voice that could be taken: {error}"
                continue
            if worse := find_worse_metrics(own, others):
                return measured | {"role": "beaten", "reason": f"worse than the {role} in {'; '.join(worse)}"}
            if other is champion:
                won["reason"] = f"in no measure worse than {other_id} by more than {MARGIN:g} standard errors"
        if not measured and len(held_out := self._held_out([challenger])):
            measured = _columns(self._measure(challenger, held_out))
        if champion is not None:
            champion |= {"role": "former champion", "reason": f"{model_id} took its place"}
        return measured | won

    def _rivals(self, champion: _Row | None) -> list[_Row]:
        """Return the champion, and the best model so far if that is another: quality cannot fall little by little."""
        if champion is None:
            return []
        before = [row for row in self.rows.values() if row["role"] in ("champion", "former champion")]
        best = min(before, key=lambda row: (_total_loss(row), row["judged"]))
        return [champion] if best is champion else [champion, best]

    def _held_out(self, models: list[VoiceModel]) -> Voices:
        """Return validation voices that none of these models knows, as many as are evaluated."""
        fair = self.splits.validation[np.flatnonzero(fair_rows(self.splits.validation, models))]
        return fair[sample_rows(len(fair), _EVALUATED, seed=0)]


def _provenance(model: VoiceModel) -> _Row:
    summary = model.summary
    return {
        "kind": model.kind,
        "config": model.config.to_json(),
        "data_version": summary.data_version,
        "code_version": summary.code_version,
        "voices": summary.voices,
        "steps": summary.steps,
        "validation_loss": summary.validation_loss,
        "written_c2st": _or_null(summary.validation_c2st),
        "critic_area": _or_null(summary.critic_area),
    }


def _columns(measures: Measures) -> _Row:
    """Return the columns of a model's measures."""
    estimates = {metric: measures.estimate(metric) or (math.nan, math.nan) for metric in MEASURED}
    return {
        name: _or_null(number)
        for metric, pair in estimates.items()
        for name, number in zip((metric, f"{metric}_error"), pair, strict=True)
    }


def _total_loss(row: _Row) -> float:
    """Return a sum of a row's measures, the lower, the better; infinite without them."""
    if any(row[metric] is None for metric in ("c2st", "precision", "recall", "density", "coverage", "dcr_near")):
        return math.inf
    gains = row["precision"] + row["recall"] + min(row["density"], 1.0) + row["coverage"]
    return float(abs(row["c2st"] - 0.5) + row["dcr_near"] - gains)


def _or_null(number: float) -> float | None:
    return number if math.isfinite(number) else None
