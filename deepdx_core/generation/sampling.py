"""Voices from a trained model: several candidates for each, filtered and then selected by the critic.

A candidate is rejected if it is close to a training voice or to another of the sample, if the rules of curation find
fault with it, or if its rendered audio is silent, endless or noise. The others compete for the places of a bank with
their label: as many are drawn as there are places, by the critic's odds times those of the request's preferences
(sampling importance resampling without replacement: Skare et al., 2003; Azadi et al., "Discriminator rejection
sampling", 2019).
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from deepdx_core.arrays import Float64Array, Int64Array, UInt8Array
from deepdx_core.dataset.arrays import generated_voices
from deepdx_core.dataset.distances import distances_to_closest
from deepdx_core.generation.candidates import draw_labels, make_candidates
from deepdx_core.generation.filters import rejection_reasons
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
_BATCH = 32  # places filled together
_FEWEST_RETRIED = 8  # places' worth of candidates in an attempt after the first
_HOPELESS = 800  # candidates that fill no place, one after the other
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
    label_ids = draw_labels(model, -(-count // _BATCH) * _BATCH, seed, request)
    voices, rejected = _fill_batches(model, label_ids, count, seed, request, rules, render, report)
    return Sample(voices, label_ids[:count], rejected)


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
    """Sample a voice for each label id, `int64[n]`. The other arguments are those of `sample`.

    Voices of the same label are made 32 at a time, like a bank, so each voice depends on all the label ids.
    """
    order = np.argsort(label_ids, kind="stable")
    voices, rejected = _fill_batches(model, label_ids[order], len(label_ids), seed, request, rules, render, report)
    return Sample(voices[np.argsort(order)], label_ids, rejected)


def _fill_batches(
    model: VoiceModel,
    label_ids: Int64Array,
    count: int,
    seed: int,
    request: SamplingRequest,
    rules: Rules | None,
    render: bool,
    report: Report,
) -> tuple[UInt8Array, dict[str, int]]:
    """Sample voices for the first `count` label ids; return them with the number of rejected candidates by reason.

    The other labels complete the last batch: whatever the count, the same candidates compete.
    """
    if render and rules is None:
        raise ValueError("render needs rules: they decide what rendered audio is rejected")
    voices = np.empty((0, len(PARAMETERS)), dtype=np.uint8)
    rejected: Counter[str] = Counter()
    with reproducible(1):  # a second thread gains little, and loses much if another program wants its core
        while (first := len(voices)) < count:
            labels = np.resize(label_ids[first : first + _BATCH], _BATCH)
            positions = np.minimum((first + np.arange(_BATCH)) / max(count - 1, 1), 1)
            batch = _Batch(model, request, labels, positions, voices, rules, render)
            wanted = min(_BATCH, count - first)
            attempt = futile = 0
            while len(open_ := batch.open_places()) and open_[0] < wanted:
                if futile >= _HOPELESS:
                    made, reasons = first + wanted - (open_ < wanted).sum(), rejected.most_common()
                    counts = ", ".join(f"{reason}: {number:,}" for reason, number in reasons)
                    raise ValueError(f"only {made} of {count:,} voices were made; rejected candidates: {counts}")
                attempt += 1  # from 1: a trailing 0 does not change a seed, and without one it drew the labels
                random = np.random.default_rng([seed, first, attempt])
                places = np.resize(open_, max(len(open_), _FEWEST_RETRIED))
                rejected += batch.fill(places, random, attempt - 1)
                is_futile = len(batch.open_places()) == len(open_)
                futile = futile + len(places) * request.choices if is_futile else 0
            voices = np.concatenate([voices, [batch.filled[place] for place in range(wanted)]])
            report("voices made", len(voices), count)
    return voices, dict(rejected)


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
        # Candidates compete for the places of a label, or between two voices for one place.
        self.pools = labels if request.between is None else np.arange(len(labels))

    def open_places(self) -> Int64Array:
        """Return the indices of the places that have no voice yet, `int64[m]`."""
        return np.array([place for place in range(len(self.labels)) if place not in self.filled], dtype=np.int64)

    def fill(self, places: Int64Array, random: np.random.Generator, attempt: int) -> Counter[str]:
        """Write candidates for these places, and fill as many places as possible with good ones, the first ones first.

        Returns the number of rejected candidates by reason.
        """
        own = np.repeat(places, self.request.choices)  # the place of each candidate
        exempt = self.exempt[own]
        candidates = make_candidates(self.model, self.request, self.labels[own], self.positions[own], random, attempt)
        reasons = np.full(len(candidates), "", dtype=object)
        reasons[is_inaudible(candidates)] = SILENT
        if self.too_close >= 0:
            others = np.concatenate([self.others, *(voice[None] for voice in self.filled.values())])
            reasons[distances_to_closest(candidates, others) <= self.too_close] = CLOSE
        # The largest keys belong to a draw without replacement by the odds (Gumbel-top-k trick).
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
        chosen: list[int] = []
        for pool in np.unique(self.pools[places]):
            open_ = [place for place in self.open_places().tolist() if self.pools[place] == pool]
            rows = np.flatnonzero((self.pools[own] == pool) & (reasons == ""))
            drawn: list[int] = []
            for row in rows[np.argsort(-keys[rows], kind="stable")].tolist():
                if len(drawn) == len(open_):
                    break
                if self._is_close(candidates[row], candidates[chosen + drawn]):
                    reasons[row] = CLOSE
                else:
                    drawn.append(row)
            chosen += drawn
            # As they were made: the first place has no better voice than the last.
            self.filled |= {place: candidates[row] for place, row in zip(open_, sorted(drawn), strict=False)}
        return Counter(reason for reason in reasons.tolist() if reason)

    def _is_close(self, voice: UInt8Array, others: UInt8Array) -> bool:
        return bool(((voice != others).sum(axis=1) <= self.too_close).any())
