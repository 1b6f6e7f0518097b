"""Training of the judge of corruption: real voices against copies of them with synthetic corruption."""

from typing import Any

import numpy as np
import polars as pl

from deepdx_core.arrays import UInt8Array
from deepdx_core.codec.packing import MAXIMA, pack_vmem, unpack_vmem
from deepdx_core.errors import DeepDXError
from deepdx_core.judges.judge import Judge, JudgeCard
from deepdx_core.judging import synthetic_corruption
from deepdx_core.judging.folds import assign_folds
from deepdx_core.progress import Report, silent
from deepdx_core.trees import Trees, fit_trees
from deepdx_core.voice.parameters import NAME_LENGTH, PARAMETER_NAMES, VMEM_SIZE, VMEM_VOICES

MIN_SOUNDS = 512
"""Minimum number of sounds to train on."""

_FOLDS = 2
_MAX_REAL = 20_000  # sounds per model
_CORRUPTED_PER_KIND = 4800
_MIN_CHANGED = 6  # parameters; a voice with fewer changes may be as good as before
_SETTINGS: dict[str, Any] = {"max_iter": 400, "learning_rate": 0.05, "max_leaf_nodes": 63, "l2_regularization": 5.0}
_SEED = 0


def train_corruption_judge(sounds: pl.DataFrame, data: str, date: str, report: Report = silent) -> Judge:
    """Train a judge of corruption.

    sounds: `sound_id`, `family_id` and parameters of sounds in range. data, date: for the card. Raises DeepDXError if
    there are too few sounds.
    """
    sounds = sounds.sort("sound_id")
    folds = assign_folds(sounds, _FOLDS)
    smallest = np.bincount(folds.of_sound, minlength=_FOLDS).min()
    if len(sounds) < MIN_SOUNDS or smallest < MIN_SOUNDS // 4:
        raise DeepDXError(f"{len(sounds):,} sounds are too few to train a judge of corruption: {MIN_SOUNDS} are needed")
    parameters = sounds.select(PARAMETER_NAMES).to_numpy()
    # Ids are digests, so the first ones are a random choice.
    held_out = [parameters[folds.of_sound == fold][:_MAX_REAL] for fold in range(_FOLDS)]
    corrupted = [_corrupted_sounds(real) for real in held_out]
    models = []
    for fold in range(_FOLDS):
        report("training the judge of corruption", fold, _FOLDS)
        models.append(_fit(held_out[1 - fold], corrupted[1 - fold]))
    card = JudgeCard(
        kind="corruption",
        data=data,
        date=date,
        sounds=sum(map(len, held_out)),
        measures=_measure(models, held_out, corrupted),
    )
    return Judge(card, tuple(models), folds.known, folds.known_folds, np.empty((0, 0), np.float32), np.empty(0))


def _fit(real: UInt8Array, kinds: list[UInt8Array]) -> Trees:
    """Train a classifier of real sounds, `uint8[n, 145]`, against corrupted ones by kind."""
    corrupted = np.concatenate(kinds)
    # Every kind has the same weight, except those that leave hardly any voice in range.
    shares = np.concatenate([np.full(len(kind), 1 / max(len(kind), 50)) for kind in kinds])
    weights = np.concatenate([np.full(len(real), 1 / len(real)), shares / shares.sum()])
    is_corrupted = np.arange(len(real) + len(corrupted)) >= len(real)
    inputs = np.concatenate([real, corrupted])
    return fit_trees(inputs, is_corrupted, weights * len(weights) / 2, seed=_SEED, **_SETTINGS)


def _measure(models: list[Trees], real: list[UInt8Array], corrupted: list[list[UInt8Array]]) -> dict[str, float]:
    """Return measures on held-out families: shares of sounds with a score over 2, the bound of a rule, by kind."""

    def share(of_fold: list[UInt8Array]) -> float:
        scores = [model.sum_leaves(sounds)[:, 0] for model, sounds in zip(models, of_fold, strict=True)]
        return round(float(np.mean(np.concatenate(scores) > 2)), 4)

    kinds = {kind.__name__: [of_fold[n] for of_fold in corrupted] for n, kind in enumerate(synthetic_corruption.ALL)}
    return {"real": share(real)} | {kind: share(of_fold) for kind, of_fold in kinds.items() if sum(map(len, of_fold))}


def _corrupted_sounds(sounds: UInt8Array) -> list[UInt8Array]:
    """Return corrupted copies that are changed but in range, per kind, `uint8[up to _CORRUPTED_PER_KIND, 145]`."""
    random = np.random.default_rng(_SEED)
    whole_banks = sounds[: len(sounds) // VMEM_VOICES * VMEM_VOICES]
    names = random.integers(ord("A"), ord("Z") + 1, (len(whole_banks), NAME_LENGTH)).astype(np.uint8)
    banks = pack_vmem(whole_banks, names).reshape(-1, VMEM_VOICES, VMEM_SIZE)
    kinds = []
    for corrupt in synthetic_corruption.ALL:
        parameters, _ = unpack_vmem(corrupt(banks, random).reshape(-1, VMEM_SIZE))
        in_range = np.all(parameters <= MAXIMA, axis=1)
        changed = np.count_nonzero(parameters != whole_banks, axis=1) >= _MIN_CHANGED
        passing = parameters[in_range & changed]
        kinds.append(passing[random.permutation(len(passing))[:_CORRUPTED_PER_KIND]])
    return kinds
