"""Voices from a trained model: several candidates for each, filtered and then selected by the critic.

A candidate is rejected if it is close to a training voice or to another of the sample, if the rules of curation find
fault with it, or if its rendered audio is silent, endless or noise. Of the others, one is drawn by the critic's odds,
times those of the request's preferences (sampling importance resampling: Rubin, 1987; Azadi et al., "Discriminator
rejection sampling", 2019).
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from deepdx_core.arrays import Float64Array, Int64Array, UInt8Array
from deepdx_core.dataset.arrays import generated_voices
from deepdx_core.dataset.distances import distances_to_closest
from deepdx_core.generation.candidates import draw_labels, make_candidates
from deepdx_core.generation.filters import Reasons, rejection_reasons
from deepdx_core.generation.realness import compute_realness
from deepdx_core.generation.request import UNCONDITIONAL, SamplingRequest
from deepdx_core.generation.voice_model import VoiceModel
from deepdx_core.progress import Report, silent
from deepdx_core.quality.rules import Rules
from deepdx_core.sound.audibility import is_inaudible
from deepdx_core.sound.audio_features import compute_voice_features
from deepdx_core.tables.audio import AudioFeatures
from deepdx_core.training.runs import reproducible
from deepdx_core.voice.parameters import PARAMETERS

UNPITCHED_LABELS = ("Perc", "Other")
"""Labels whose voices may be noise."""

CLOSE = "close to a training voice or to another"
SILENT = "silent"

_NO_AUDIO = AudioFeatures.create_empty()
_BATCH = 32  # places filled together; sums of a network may differ in the last digit with the size of a batch
_RETRIED = 8  # places that get new candidates together after the first attempt
_ATTEMPTS = 25
_MAX_LOG_ODDS = 6.0  # no candidate is preferred by more than a factor of e to this


@dataclass(frozen=True)
class Sample:
    """Sampled voices.

    parameters: `uint8[n, 145]`, legal. label_ids: label that each was sampled for, `int64[n]`.
    rejected: number of rejected candidates by reason.
    """

    parameters: UInt8Array
    label_ids: Int64Array
    rejected: Mapping[str, int]


def sample(
    model: VoiceModel,
    count: int,
    seed: int,
    request: SamplingRequest = UNCONDITIONAL,
    *,
    rules: Rules | None = None,
    render: bool = False,
    report: Report = silent,
) -> Sample:
    """Sample `count` voices from a model. Without `rules`, they are only checked to be audible.

    Voices depend on the model, the seed and the request. The first ones do not depend on the count, unless they lie
    between two voices.

    render: render candidates, so that the critic hears them, and those that are silent, never end or are mere noise are
    rejected.
    Raises ValueError for a label that the model does not know, and if nearly all candidates are rejected.
    """
    if count < 1:
        raise ValueError(f"count must be at least 1, got {count}")
    if request.label is not None and request.label not in model.labels:
        raise ValueError(f"unknown label {request.label!r}; the model knows {', '.join(model.labels)}")
    label_ids = draw_labels(model, count, seed, request)
    return sample_labels(model, label_ids, seed, request, rules=rules, render=render, report=report)


def sample_labels(
    model: VoiceModel,
    label_ids: Int64Array,
    seed: int,
    request: SamplingRequest = UNCONDITIONAL,
    *,
    rules: Rules | None = None,
    render: bool = False,
    report: Report = silent,
) -> Sample:
    """Sample a voice for each label id, `int64[n]`, otherwise like `sample`."""
    if render and rules is None:
        raise ValueError("render needs rules: they decide what rendered audio is rejected")
    voices = np.empty((0, len(PARAMETERS)), dtype=np.uint8)
    rejected: Counter[str] = Counter()
    with reproducible(1):  # a second thread gains little, and loses much if another program wants its core
        while (first := len(voices)) < len(label_ids):
            # Always a whole batch: the network's sums depend on its size.
            labels = np.resize(label_ids[first : first + _BATCH], _BATCH)
            positions = np.minimum((first + np.arange(_BATCH)) / max(len(label_ids) - 1, 1), 1)
            batch = _Batch(model, request, labels, positions, voices, rules, render)
            wanted = min(_BATCH, len(label_ids) - first)
            for attempt in range(_ATTEMPTS):
                for places in batch.open_places(wanted, _RETRIED if attempt else _BATCH):
                    # Attempts count from 1: a trailing 0 does not change a seed, and without one it drew the labels.
                    random = np.random.default_rng([seed, first + places.start, attempt + 1])
                    rejected += batch.fill(places, wanted, random, attempt)
                if len(batch.filled) == wanted:
                    break
            else:
                counts = ", ".join(f"{reason}: {number}" for reason, number in rejected.most_common())
                raise ValueError(f"{_ATTEMPTS * request.choices} candidates were not enough for a voice ({counts})")
            voices = np.concatenate([voices, [batch.filled[place] for place in range(wanted)]])
            report("voices made", len(voices), len(label_ids))
    return Sample(voices, label_ids, dict(rejected))


class _Batch:
    """Places of a sample that are filled together. filled: the voices chosen so far, by place.

    labels, positions: of each place; positions from 0 to 1 between two voices. earlier: voices of earlier batches.
    """

    def __init__(
        self,
        model: VoiceModel,
        request: SamplingRequest,
        labels: Int64Array,
        positions: Float64Array,
        earlier: UInt8Array,
        rules: Rules | None,
        render: bool,
    ) -> None:
        self.model, self.request, self.rules, self.render = model, request, rules, render
        self.labels, self.positions = labels, positions
        self.filled: dict[int, UInt8Array] = {}
        self.too_close = request.too_close
        given = [] if request.between is not None else [voice[None] for voice in request.given]
        self.others = np.concatenate([model.voices.parameters, earlier, *given])
        # Both ends of an interpolation stay as given; nothing rejects them.
        self.exempt = np.isin(positions, (0, 1)) & (request.between is not None)
        self.unpitched = np.array([label in UNPITCHED_LABELS for label in model.labels])[labels]

    def open_places(self, wanted: int, size: int) -> Iterator[range]:
        """Yield ranges of `size` places in which one of the first `wanted` is empty once earlier ranges are filled."""
        parts = (range(start, start + size) for start in range(0, _BATCH, size))
        return (part for part in parts if any(place < wanted and place not in self.filled for place in part))

    def fill(self, places: range, wanted: int, random: np.random.Generator, attempt: int) -> Counter[str]:
        """Write candidates for these places and choose a good one for as many of the first `wanted` as possible.

        Returns the number of rejected candidates by reason.
        """
        own = np.repeat(np.array(places), self.request.choices)  # the place of each candidate
        exempt = self.exempt[own]
        candidates = make_candidates(self.model, self.request, self.labels[own], self.positions[own], random, attempt)
        reasons = np.full(len(candidates), "", dtype=object)
        reasons[is_inaudible(candidates)] = SILENT
        if self.too_close >= 0:
            reasons[distances_to_closest(candidates, self.others) <= self.too_close] = CLOSE
        # A candidate has the largest key with a probability proportional to its odds (Gumbel-max trick).
        keys = random.gumbel(size=len(candidates))
        rest = np.flatnonzero(exempt | (reasons == ""))  # the others are not worth rendering
        if len(rest):
            voices = generated_voices(candidates[rest], self.labels[own[rest]])
            audio = compute_voice_features(voices.parameters, _NO_AUDIO, silent) if self.render else None
            keys[rest] += compute_realness(self.model, voices, audio).clip(-_MAX_LOG_ODDS, _MAX_LOG_ODDS)
            for preference in self.request.preferences:
                keys[rest] += preference(voices.parameters, audio)
            if self.rules:
                reasons[rest] = rejection_reasons(voices.parameters, self.rules, audio, self.unpitched[own[rest]])
        reasons[exempt] = ""
        chosen = self._choose(places, wanted, candidates, keys, reasons)
        self.filled |= {place: candidates[row] for place, row in chosen.items()}
        return Counter(reason for reason in reasons.tolist() if reason)

    def _choose(
        self, places: range, wanted: int, candidates: UInt8Array, keys: Float64Array, reasons: Reasons
    ) -> dict[int, int]:
        """Return the best remaining candidate of each empty place, as a row, and mark those too close to others.

        A place yields only to earlier places, so that later ones change nothing.
        """
        chosen: dict[int, int] = {}
        taken: list[UInt8Array] = []  # at earlier places
        for place in range(wanted):
            if place in self.filled and chosen and self._is_close(self.filled[place], taken):
                del self.filled[place]
            if place in self.filled:
                taken.append(self.filled[place])
            if place in self.filled or place not in places:
                continue
            own = (place - places.start) * self.request.choices + np.arange(self.request.choices)
            for row in own[np.argsort(-keys[own], kind="stable")].tolist():
                if not reasons[row] and self._is_close(candidates[row], taken):
                    reasons[row] = CLOSE
                if not reasons[row]:
                    chosen[place] = row
                    taken.append(candidates[row])
                    break
        return chosen

    def _is_close(self, voice: UInt8Array, others: list[UInt8Array]) -> bool:
        return bool(others) and bool((voice != np.array(others)).sum(axis=1).min() <= self.too_close)
