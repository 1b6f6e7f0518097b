"""The protocol: every generator, baseline and real reference measured alike, one row each."""

import time
from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

from deepdx_core.arrays import Int64Array
from deepdx_core.codec.packing import require_legal
from deepdx_core.dataset.arrays import Splits, Voices, generated_voices, joint_families, sample_rows
from deepdx_core.dataset.distances import distances_to_closest
from deepdx_core.dedup.near_duplicates import MAX_DIFFERING
from deepdx_core.evaluation.baselines.cart import SequentialCart
from deepdx_core.evaluation.baselines.resampling import Crossover, Marginals, Mutation
from deepdx_core.evaluation.generators import Method, Pretrained, Scorer
from deepdx_core.evaluation.metrics.audio import summarize_audio
from deepdx_core.evaluation.metrics.c2st import c2st
from deepdx_core.evaluation.metrics.label_agreement import fit_label_classifier
from deepdx_core.evaluation.metrics.memorization import count_duplicates
from deepdx_core.evaluation.metrics.prdc import prdc
from deepdx_core.evaluation.metrics.structure import structure
from deepdx_core.evaluation.metrics.uncertainty import mean_with_error
from deepdx_core.progress import Report, silent
from deepdx_core.sound.audio_features import compute_voice_features
from deepdx_core.sound.rendering import can_render
from deepdx_core.tables.generator import ModelEvaluation
from deepdx_core.voice.parameters import VMEM_VOICES

BASELINES: Mapping[str, Method] = {
    "independent marginals": Marginals(),
    "10 % mutation": Mutation(),
    "operator crossover": Crossover(),
    "sequential CART": SequentialCart(),
}
"""What every generator is reported beside."""

REAL_HALF = "real: one half against the other"
REAL_OTHER = "real: validation against test"

_MOST = 5000  # voices generated
_MAX_PRDC = 3000  # of each kind

_Row = dict[str, Any]


def evaluate(
    methods: Mapping[str, Method],
    splits: Splits,
    *,
    seed: int = 0,
    judged_on: str = "test",
    audio: pl.DataFrame | None = None,
    report: Report = silent,
) -> pl.DataFrame:
    """Rows of `model_evaluation`: the real voices first, then each method by its name, in the order given.

    Each method is fitted on the training voices and asked for as many voices as there are to be judged against, at
    most 5,000, with their labels. judged_on: "test", or "validation" where something is to be chosen; then test voices
    are not touched. audio: the table audio_features, empty or not, from which rows of this renderer are taken over;
    None, or no renderer, and nothing is rendered: those columns are null.

    The same input gives the same rows, seconds apart. Raises ValueError where a generator gives too few voices or
    illegal ones, or where too few are held out to tell anything.
    """
    if judged_on not in ("validation", "test"):
        raise ValueError(f"generators are judged on validation or on test, not on {judged_on}")
    judge = _Evaluation(splits, judged_on, seed, audio, report)
    steps = len(methods) + (2 if judged_on == "test" else 1)
    report("rows of the evaluation", 0, steps)
    rows = [judge.real_halves()]
    if judged_on == "test":
        report("rows of the evaluation", 1, steps)
        rows.append(judge.real_other())
    for name, method in methods.items():
        report("rows of the evaluation", len(rows), steps)
        rows.append(judge.method(name, method))
    report("rows of the evaluation", steps, steps)
    return ModelEvaluation.cast(pl.DataFrame(rows, infer_schema_length=None))


class _Evaluation:
    """What all rows have in common: the voices held out, and what is learned or measured once."""

    def __init__(self, splits: Splits, judged_on: str, seed: int, audio: pl.DataFrame | None, report: Report) -> None:
        self.splits = splits
        self.report = report
        self.judged_on = judged_on
        self.seed = seed
        self.held_out: Voices = getattr(splits, judged_on)
        if len(self.held_out) > _MOST:
            self.held_out = self.held_out[sample_rows(len(self.held_out), _MOST, seed)]
        self.label_judge = fit_label_classifier(splits.train, seed)
        self.audio = (
            None
            if audio is None or not can_render()
            else compute_voice_features(self.held_out.parameters, audio, report)
        )

    def real_halves(self) -> _Row:
        """The floor. A family is in one half, as families of test are unknown to a generator."""
        families, group = np.unique(joint_families(self.held_out), return_inverse=True)
        first = np.random.default_rng(self.seed).permutation(len(families)) < len(families) // 2
        one, other = self.held_out[np.flatnonzero(first[group])], self.held_out[np.flatnonzero(~first[group])]
        return self._row(REAL_HALF, one, other)

    def real_other(self) -> _Row:
        """Real voices, as many as a generator is asked for."""
        other = self.splits.validation
        return self._row(REAL_OTHER, other[sample_rows(len(other), len(self.held_out), self.seed)], self.held_out)

    def method(self, name: str, method: Method) -> _Row:
        """A generator's row."""
        began = time.perf_counter()
        generator = method.fit(self.splits.train, self.splits.validation, self.seed)
        fitted = time.perf_counter()
        labels = self.held_out.labels
        generator.sample(np.resize(labels, VMEM_VOICES), self.seed)
        one_bank = time.perf_counter() - fitted
        parameters = generator.sample(labels, self.seed)
        require_legal(parameters)
        if len(parameters) != len(labels):
            raise ValueError(f"{name}: {len(labels)} voices were asked for, {len(parameters)} came")
        row = self._row(name, generated_voices(parameters, labels), self.held_out)
        bits = float(-generator.score(self.held_out).mean() / np.log(2)) if isinstance(generator, Scorer) else None
        taught = isinstance(method, Pretrained)
        return row | {"bits": bits, "fit_seconds": None if taught else fitted - began, "bank_seconds": one_bank}

    def _row(self, name: str, voices: Voices, against: Voices) -> _Row:
        groups = joint_families(voices, against)
        own = groups[: len(voices)]
        agrees = self.label_judge.agrees(voices.parameters, voices.labels)
        differing = distances_to_closest(voices.parameters, self.splits.train.parameters)
        variations = structure(voices.parameters, against.parameters)
        return {
            "generator": name,
            "judged_on": self.judged_on,
            "seed": self.seed,
            "voices": len(voices),
            "against": len(against),
            **_with_error("c2st", c2st(voices.parameters, against.parameters, groups, self.seed)),
            **self._prdc(voices, against, groups),
            "dcr_median": float(np.median(differing)),
            **_with_error("dcr_near", mean_with_error(differing <= MAX_DIFFERING, own)),
            "copies": int((differing == 0).sum()),
            "duplicates": count_duplicates(voices.parameters),
            **_with_error("label_agreement", mean_with_error(agrees, own)),
            "label_accuracy": float(self.label_judge.agrees(against.parameters, against.labels).mean()),
            **{f"structure_{part}": variation for part, variation in variations.items()},
            "structure": float(np.mean(list(variations.values()))),
            "bits": None,
            **self._by_ear(voices, against, groups),
            "fit_seconds": None,
            "bank_seconds": None,
        }

    def _prdc(self, voices: Voices, against: Voices, groups: Int64Array) -> _Row:
        some = sample_rows(len(voices), min(len(voices), _MAX_PRDC), self.seed)
        others = sample_rows(len(against), min(len(against), _MAX_PRDC), self.seed)
        found = prdc(voices.parameters[some], against.parameters[others])
        of_some, of_others = groups[some], groups[len(voices) + others]
        return {
            **_with_error("precision", mean_with_error(found.precise, of_some)),
            **_with_error("recall", mean_with_error(found.recalled, of_others)),
            **_with_error("density", mean_with_error(found.dense, of_some)),
            **_with_error("coverage", mean_with_error(found.covered, of_others)),
        }

    def _by_ear(self, voices: Voices, against: Voices, groups: Int64Array) -> _Row:
        names = ("audio_c2st", "silent", "sounding_after", "noisy")
        if self.audio is None:
            return {key: None for name in names for key in (name, f"{name}_error")}
        ours = summarize_audio(voices.parameters, compute_voice_features(voices.parameters, self.audio, self.report))
        real = summarize_audio(against.parameters, self.audio)
        own = groups[: len(voices)]
        found = (
            c2st(ours.features, real.features, groups, self.seed),
            *(mean_with_error(share, own) for share in (ours.silent, ours.sounding_after, ours.noisy)),
        )
        return {key: value for pair in zip(names, found, strict=True) for key, value in _with_error(*pair).items()}


def _with_error(name: str, found: tuple[float, float]) -> _Row:
    """A measure and its standard error; what could not be told is null."""
    value, error = (None if np.isnan(number) else number for number in found)
    return {name: value, f"{name}_error": error}
