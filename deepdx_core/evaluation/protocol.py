"""The protocol: every generator, baseline and real reference measured in the same way, one row each."""

import time
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import polars as pl

from deepdx_core.arrays import Int64Array
from deepdx_core.codec.packing import require_legal
from deepdx_core.dataset.arrays import Splits, Voices, generated_voices, joint_families, sample_rows
from deepdx_core.dataset.distances import find_closest
from deepdx_core.dedup.near_duplicates import MAX_DIFFERING
from deepdx_core.evaluation.baselines.cart import SequentialCart
from deepdx_core.evaluation.baselines.forest import AdversarialForest
from deepdx_core.evaluation.baselines.resampling import Crossover, Marginals, Mutation
from deepdx_core.evaluation.generators import Method, Pretrained, Scorer
from deepdx_core.evaluation.metrics.audio import summarize_audio
from deepdx_core.evaluation.metrics.c2st import c2st
from deepdx_core.evaluation.metrics.classifiers import boosted_trees, encode_parameters, networks
from deepdx_core.evaluation.metrics.label_agreement import fit_label_classifier
from deepdx_core.evaluation.metrics.memorization import authentic, count_duplicates
from deepdx_core.evaluation.metrics.pqmass import pqmass
from deepdx_core.evaluation.metrics.prdc import prdc
from deepdx_core.evaluation.metrics.structure import structure
from deepdx_core.evaluation.metrics.uncertainty import Estimate, mean_with_error
from deepdx_core.progress import Report, silent
from deepdx_core.sound.audio_features import compute_voice_features
from deepdx_core.tables.generator import ModelEvaluation
from deepdx_core.voice.parameters import VMEM_VOICES

MUTATION = "10 % mutation"
BASELINES: Mapping[str, Method] = {
    "independent marginals": Marginals(),
    MUTATION: Mutation(),
    "operator crossover": Crossover(),
    "sequential CART": SequentialCart(),
    "adversarial random forest": AdversarialForest(),
}
"""The generators that every other one is compared with, by name."""

REAL_HALF = "real: one half against the other"
REAL_OTHER = "real: validation against test"

_MAX_VOICES = 5000  # generated, and held out
_MAX_PRDC = 3000  # of each set

_Row = dict[str, Any]


def evaluate(
    methods: Mapping[str, Method],
    splits: Splits,
    *,
    seed: int = 0,
    split: Literal["validation", "test"] = "test",
    audio: pl.DataFrame | None = None,
    report: Report = silent,
) -> pl.DataFrame:
    """Return rows of `model_evaluation`: the real references first, then each method, in the order given.

    Each method is fitted on the training voices. It then generates as many voices as are held out, at most 5,000, with
    their labels. The classifier behind label agreement learns from voices with a telling name; without `by_names` in
    `splits`, from all voices and their labels. split: the held-out voices; "validation" to choose between models, and
    then test voices are not touched. audio: the table `audio_features`, empty or not; features by the same renderer are
    reused. Without it, nothing is rendered, and the audio columns are null.

    The same input gives the same rows, except for the seconds. Raises ValueError if a generator returns too few voices
    or illegal ones, or if too few voices are held out.
    """
    if split not in ("validation", "test"):
        raise ValueError(f"generators are evaluated on validation or on test, not on {split}")
    evaluation = _Evaluation(splits, split, seed, audio, report)
    steps = len(methods) + (2 if split == "test" else 1)
    report("generators evaluated", 0, steps)
    rows = [evaluation.real_halves()]
    if split == "test":
        report("generators evaluated", 1, steps)
        rows.append(evaluation.real_other())
    for name, method in methods.items():
        report("generators evaluated", len(rows), steps)
        rows.append(evaluation.method(name, method))
    report("generators evaluated", steps, steps)
    return ModelEvaluation.cast(pl.DataFrame(rows, infer_schema_length=None))


class _Evaluation:
    """State shared by all rows: the held-out voices, the label classifier, the audio features."""

    def __init__(self, splits: Splits, split: str, seed: int, audio: pl.DataFrame | None, report: Report) -> None:
        self.splits = splits
        self.report = report
        self.split = split
        self.seed = seed
        self.held_out: Voices = getattr(splits, split)
        if len(self.held_out) > _MAX_VOICES:
            self.held_out = self.held_out[sample_rows(len(self.held_out), _MAX_VOICES, seed)]
        self.label_classifier = fit_label_classifier(splits.train, seed)
        self.audio = None if audio is None else compute_voice_features(self.held_out.parameters, audio, report)

    def real_halves(self) -> _Row:
        """Return the floor: one half against the other. Families stay whole, as they do between splits."""
        families, group = np.unique(joint_families(self.held_out), return_inverse=True)
        first = np.random.default_rng(self.seed).permutation(len(families)) < len(families) // 2
        one, other = self.held_out[np.flatnonzero(first[group])], self.held_out[np.flatnonzero(~first[group])]
        return self._row(REAL_HALF, one, other)

    def real_other(self) -> _Row:
        """Return the row of real validation voices, as many as a generator makes."""
        other = self.splits.validation
        return self._row(REAL_OTHER, other[sample_rows(len(other), len(self.held_out), self.seed)], self.held_out)

    def method(self, name: str, method: Method) -> _Row:
        """Fit a method and return its row."""
        began = time.perf_counter()
        generator = method.fit(self.splits.train, self.splits.validation, self.seed)
        fitted = time.perf_counter()
        labels = self.held_out.labels
        generator.sample(np.resize(labels, VMEM_VOICES), self.seed)
        bank_seconds = time.perf_counter() - fitted
        parameters = generator.sample(labels, self.seed)
        require_legal(parameters)
        if len(parameters) != len(labels):
            raise ValueError(f"{name}: expected {len(labels)} voices, got {len(parameters)}")
        row = self._row(name, generated_voices(parameters, labels), self.held_out)
        bits = float(-generator.score(self.held_out).mean() / np.log(2)) if isinstance(generator, Scorer) else None
        fit_seconds = None if isinstance(method, Pretrained) else fitted - began
        return row | {"bits": bits, "fit_seconds": fit_seconds, "bank_seconds": bank_seconds}

    def _row(self, name: str, voices: Voices, against: Voices) -> _Row:
        groups = joint_families(voices, against)
        own = groups[: len(voices)]
        agrees = self.label_classifier.agrees(voices.parameters, voices.labels)
        train = self.splits.train.parameters
        closest, differing = find_closest(voices.parameters, train)
        variations = structure(voices.parameters, against.parameters)
        encoded = encode_parameters(voices.parameters), encode_parameters(against.parameters)
        named = against.named()
        return {
            "generator": name,
            "judged_on": self.split,
            "seed": self.seed,
            "voices": len(voices),
            "against": len(against),
            **_columns("c2st", c2st(voices.parameters, against.parameters, groups, self.seed)),
            **_columns("c2st_network", c2st(*encoded, groups, self.seed, networks)),
            "pqmass": pqmass(voices.parameters, against.parameters, self.seed),
            **self._prdc(voices, against, groups),
            "dcr_median": float(np.median(differing)),
            **_columns("dcr_near", mean_with_error(differing <= MAX_DIFFERING, own)),
            **_columns("authenticity", mean_with_error(authentic(closest, differing, train), own)),
            "copies": int((differing == 0).sum()),
            "duplicates": count_duplicates(voices.parameters),
            **_columns("label_agreement", mean_with_error(agrees, own)),
            "label_accuracy": float(self.label_classifier.agrees(against.parameters, against.labels).mean()),
            "named_accuracy": float(self.label_classifier.agrees(named.parameters, named.labels).mean()),
            **{f"structure_{part}": variation for part, variation in variations.items()},
            "structure": float(np.mean(list(variations.values()))),
            "bits": None,
            **self._audio(voices, against, groups),
            "fit_seconds": None,
            "bank_seconds": None,
        }

    def _prdc(self, voices: Voices, against: Voices, groups: Int64Array) -> _Row:
        rows = sample_rows(len(voices), min(len(voices), _MAX_PRDC), self.seed)
        rows_against = sample_rows(len(against), min(len(against), _MAX_PRDC), self.seed)
        found = prdc(voices.parameters[rows], against.parameters[rows_against])
        own, other = groups[rows], groups[len(voices) + rows_against]
        return {
            **_columns("precision", mean_with_error(found.precision, own)),
            **_columns("recall", mean_with_error(found.recall, other)),
            **_columns("density", mean_with_error(found.density, own)),
            **_columns("coverage", mean_with_error(found.coverage, other)),
        }

    def _audio(self, voices: Voices, against: Voices, groups: Int64Array) -> _Row:
        names = ("audio_c2st", "audio_c2st_network", "silent", "sounding_after", "noisy")
        if self.audio is None:
            return {key: None for name in names for key in (name, f"{name}_error")}
        ours = summarize_audio(voices.parameters, compute_voice_features(voices.parameters, self.audio, self.report))
        real = summarize_audio(against.parameters, self.audio)
        own = groups[: len(voices)]
        estimates = (
            *(c2st(ours.features, real.features, groups, self.seed, kind) for kind in (boosted_trees, networks)),
            *(mean_with_error(share, own) for share in (ours.silent, ours.sounding_after, ours.noisy)),
        )
        return {key: value for pair in zip(names, estimates, strict=True) for key, value in _columns(*pair).items()}


def _columns(name: str, estimate: Estimate) -> _Row:
    """Return the columns of a metric and its standard error; nan becomes null."""
    value, error = (None if np.isnan(number) else number for number in estimate)
    return {name: value, f"{name}_error": error}
