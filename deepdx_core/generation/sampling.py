"""Voices from a trained model: what was asked for, several candidates for each, and the one that is chosen.

A candidate is out where it is too close to a training voice or to another of the sample, where the rules of curation
hold something against it, or where it does not sound as a voice should; of the rest, one is drawn by the critic's odds
(sampling importance resampling: Rubin, 1987; Azadi et al., "Discriminator rejection sampling", 2019).
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import torch

from deepdx_core.arrays import Float64Array, Int64Array, UInt8Array
from deepdx_core.codec.packing import require_legal
from deepdx_core.dataset.arrays import generated_voices
from deepdx_core.dataset.distances import distances_to_closest
from deepdx_core.dedup.near_duplicates import MAX_DIFFERING
from deepdx_core.generation.filters import Reasons, rejection_reasons
from deepdx_core.generation.model import VoiceModel
from deepdx_core.progress import Report, silent
from deepdx_core.quality.rules import Rules
from deepdx_core.sound.audibility import is_inaudible
from deepdx_core.training.runs import reproducible
from deepdx_core.voice.algorithms import ALGORITHMS
from deepdx_core.voice.parameters import INDEX, PARAMETERS
from deepdx_core.writer.layout import from_sequence, to_sequence
from deepdx_core.writer.model import Conditions
from deepdx_core.writer.parents import Parents, draw_parents
from deepdx_core.writer.sampling import write_voices

MAY_BE_NOISE = ("Perc", "Other")
"""Labels of which a voice without a pitch may be."""

CLOSE = "close to a training voice or to another"
SILENT = "silent"

_BATCH = 32  # voices settled together; sums of a network may change in the last digit with the size of a batch
_AGAIN = 8  # voices for which candidates are made together where the first ones were not enough
_ATTEMPTS = 25
_MOST_ODDS = 6.0  # no candidate is preferred by more than a factor of e to this
_TOUCHED_UP = 8  # parameters that may differ from what is between two voices


@dataclass(frozen=True, eq=False)  # arrays are not equal or unequal
class SamplingRequest:
    """What is asked for. What is left out is as the training voices have it.

    label: one of the model's. algorithm: as on the panel, 1 to 32.
    temperature: under 1 the likely gets likelier, over 1 the unlikely. novelty: by how much more voices differ from
        their parents than real ones do; infinity is voices without parents.
    like: a voice, `uint8[145]`, of which variations are asked for, in which this share of the parameters (`strength`)
        differs.
    between: two voices, of which the sample is the way from one to the other.
    choices: candidates for each voice, of which the critic chooses; 1 leaves it no choice.
    avoid_copies: no voice has 5 or fewer parameters unlike a training voice's, another's of the sample, or those of the
        one that it shall be like; of no use between two voices.
    """

    label: str | None = None
    algorithm: int | None = None
    temperature: float = 1.0
    novelty: float = 1.0
    like: UInt8Array | None = None
    strength: float = 0.15
    between: tuple[UInt8Array, UInt8Array] | None = None
    choices: int = 4
    avoid_copies: bool = True

    def __post_init__(self) -> None:
        if not 0.05 <= self.temperature <= 5:
            raise ValueError(f"temperature must be within 0.05 and 5, got {self.temperature}")
        if not self.novelty > 0:
            raise ValueError(f"novelty must be over 0, got {self.novelty}")
        if not 1 <= self.choices <= 256:
            raise ValueError(f"choices must be within 1 and 256, got {self.choices}")
        if not 0 < self.strength <= 1:
            raise ValueError(f"strength must be over 0 and at most 1, got {self.strength}")
        if self.algorithm is not None and not 1 <= self.algorithm <= len(ALGORITHMS):
            raise ValueError(f"algorithm {self.algorithm} is not within 1 to {len(ALGORITHMS)}")
        if self.like is not None and self.between is not None:
            raise ValueError("voices are either like one or between two")
        for voice in (self.like, *(self.between or ())):
            if voice is not None:
                require_legal(voice[None])


@dataclass(frozen=True)
class Sample:
    """Voices, and how they came about.

    parameters: `uint8[n, 145]`, legal. label_ids: `int64[n]`, the label each was made for.
    passed_over: how many candidates were out, by reason.
    """

    parameters: UInt8Array
    label_ids: Int64Array
    passed_over: Mapping[str, int]


def sample(
    model: VoiceModel,
    count: int,
    seed: int,
    wish: SamplingRequest = SamplingRequest(),
    *,
    rules: Rules | None = None,
    by_ear: bool = False,
    report: Report = silent,
) -> Sample:
    """So many voices of a model; without `rules` it is only looked to that they can be heard.

    by_ear: they are rendered, and those that are silent, never end or are mere noise are out; needs dexed-py. Voices
    depend on the model, the seed and the wish, and the first ones not on how many are asked for, unless they lie
    between two. Raises ValueError for a label that the model does not know, and where it makes hardly a voice that
    could be taken.
    """
    if count < 1:
        raise ValueError(f"count must be at least 1, got {count}")
    if wish.label is not None and wish.label not in model.labels:
        raise ValueError(f"unknown label {wish.label!r}; the model knows {', '.join(model.labels)}")
    label_ids = _labels(model, count, seed, wish)
    return sample_labels(model, label_ids, seed, wish, rules=rules, by_ear=by_ear, report=report)


def sample_labels(
    model: VoiceModel,
    label_ids: Int64Array,
    seed: int,
    wish: SamplingRequest = SamplingRequest(),
    *,
    rules: Rules | None = None,
    by_ear: bool = False,
    report: Report = silent,
) -> Sample:
    """As `sample`, a voice for each of these labels, `int64[n]`."""
    if by_ear and rules is None:
        raise ValueError("by_ear needs rules: they say what is held against what is heard")
    voices = np.empty((0, len(PARAMETERS)), dtype=np.uint8)
    passed_over: Counter[str] = Counter()
    with reproducible(1):  # a second one gains little, and loses much where another program wants its core
        while (first := len(voices)) < len(label_ids):
            # A whole batch, whatever is asked for: the network's sums hang on its size.
            labels = np.resize(label_ids[first : first + _BATCH], _BATCH)
            ways = np.minimum((first + np.arange(_BATCH)) / max(len(label_ids) - 1, 1), 1)
            batch = _Batch(
                model, wish, np.repeat(labels, wish.choices), np.repeat(ways, wish.choices), voices, rules, by_ear
            )
            wanted = min(_BATCH, len(label_ids) - first)
            for attempt in range(_ATTEMPTS):
                for places in batch.unsettled(wanted, _AGAIN if attempt else _BATCH):
                    # Counted from 1: a 0 at the end seeds as nothing does, and with nothing the labels were drawn.
                    random = np.random.default_rng([seed, first + places.start, attempt + 1])
                    passed_over += batch.settle(places, wanted, random)
                if len(batch.found) == wanted:
                    break
            else:
                counts = ", ".join(f"{reason}: {number}" for reason, number in passed_over.most_common())
                raise ValueError(f"{_ATTEMPTS * wish.choices} candidates were not enough for a voice ({counts})")
            voices = np.concatenate([voices, [batch.found[place] for place in range(wanted)]])
            report("voices made", len(voices), len(label_ids))
    return Sample(voices, label_ids, dict(passed_over))


class _Batch:
    """Voices that are settled together: `found` are those that are, by place.

    labels, ways: of each candidate, as many for each place. before: the voices of the sample that are settled.
    """

    def __init__(
        self,
        model: VoiceModel,
        wish: SamplingRequest,
        labels: Int64Array,
        ways: Float64Array,
        before: UInt8Array,
        rules: Rules | None,
        by_ear: bool,
    ) -> None:
        self.model, self.wish, self.labels, self.ways = model, wish, labels, ways
        self.rules, self.by_ear = rules, by_ear
        self.found: dict[int, UInt8Array] = {}
        self.apart = MAX_DIFFERING if wish.avoid_copies and wish.between is None else -1
        given = [] if wish.like is None else [wish.like[None]]
        self.others = np.concatenate([model.voices.parameters, before, *given])
        # The ends between which voices lie are as they were given, whatever is to be said of them.
        self.given = np.isin(ways, (0, 1)) & (wish.between is not None)
        noisy = np.array([label in MAY_BE_NOISE for label in model.labels])
        self.may_be_noise = noisy[labels]

    def unsettled(self, wanted: int, size: int) -> Iterator[range]:
        """The places by so many, where one of the first `wanted` has no voice once those before it are settled."""
        parts = (range(start, start + size) for start in range(0, _BATCH, size))
        return (part for part in parts if any(place < wanted and place not in self.found for place in part))

    def settle(self, places: range, wanted: int, random: np.random.Generator) -> Counter[str]:
        """Make candidates for these places and find as many of the first `wanted` a voice as there are good ones.

        Gives why the other candidates are out.
        """
        choices = self.wish.choices
        own = slice(places.start * choices, places.stop * choices)
        labels, may_be_noise, given = self.labels[own], self.may_be_noise[own], self.given[own]
        candidates = _candidates(self.model, self.wish, labels, self.ways[own], random)
        odds = self.model.critic.realness(generated_voices(candidates, labels)).clip(-_MOST_ODDS, _MOST_ODDS)
        # The largest of these is each with the chance of its odds (Gumbel's trick).
        keys = odds + random.gumbel(size=len(odds))
        reasons = np.full(len(candidates), "", dtype=object)
        reasons[is_inaudible(candidates)] = SILENT
        if self.apart >= 0:
            reasons[distances_to_closest(candidates, self.others) <= self.apart] = CLOSE
        if self.rules:
            found = rejection_reasons(candidates, self.rules, False, may_be_noise)
            reasons = np.where(reasons == "", found, reasons)
        reasons[given] = ""
        while chosen := self._chosen(places, wanted, candidates, keys, reasons):
            rows = np.array(list(chosen.values()))
            if self.by_ear and self.rules:
                found = rejection_reasons(candidates[rows], self.rules, True, may_be_noise[rows])
                reasons[rows] = np.where(given[rows], "", found)
            self.found |= {place: candidates[row] for place, row in chosen.items() if not reasons[row]}
        return Counter(reason for reason in reasons.tolist() if reason)

    def _chosen(
        self, places: range, wanted: int, candidates: UInt8Array, keys: Float64Array, reasons: Reasons
    ) -> dict[int, int]:
        """The best candidate for each place without a voice, if it has one; those too close to others are marked.

        A place gives way to those before it, and to no other: what comes later changes nothing.
        """
        chosen: dict[int, int] = {}
        taken: list[UInt8Array] = []  # at the places before
        for place in range(wanted):
            if place in self.found and chosen and self._close(self.found[place], taken):
                del self.found[place]
            if place in self.found:
                taken.append(self.found[place])
            if place in self.found or place not in places:
                continue
            own = (place - places.start) * self.wish.choices + np.arange(self.wish.choices)
            for row in own[np.argsort(-keys[own], kind="stable")].tolist():
                if not reasons[row] and self._close(candidates[row], taken):
                    reasons[row] = CLOSE
                if not reasons[row]:
                    chosen[place] = row
                    taken.append(candidates[row])
                    break
        return chosen

    def _close(self, voice: UInt8Array, others: list[UInt8Array]) -> bool:
        return bool(others) and bool((voice != np.array(others)).sum(axis=1).min() <= self.apart)


def _labels(model: VoiceModel, count: int, seed: int, wish: SamplingRequest) -> Int64Array:
    """The label of each voice, where one is asked for, or as the training voices of the algorithm have them."""
    if wish.label is not None:
        return np.full(count, model.labels.index(wish.label))
    given = [voice for voice in (wish.like, *(wish.between or ())) if voice is not None]
    if given:
        unlike = np.count_nonzero(model.voices.parameters != given[0], axis=1)
        return np.full(count, model.voices.labels[unlike.argmin()])
    of_algorithm = model.voices.parameters[:, INDEX["algorithm"]] + 1 == wish.algorithm
    among = model.voices.labels[of_algorithm] if of_algorithm.any() else model.voices.labels
    batches = range(0, count, _BATCH)  # so that the first voices are the same however many are asked for
    drawn = [np.random.default_rng([seed, first]).choice(among, size=_BATCH) for first in batches]
    return np.concatenate(drawn)[:count]


def _candidates(
    model: VoiceModel, wish: SamplingRequest, labels: Int64Array, ways: Float64Array, random: np.random.Generator
) -> UInt8Array:
    """A candidate for each of these labels, `uint8[m, 145]`. ways: from 0 to 1, how far between two voices."""
    if wish.between is not None:
        parents = _between(*wish.between, ways)
        parent_labels, differing = labels, np.full(len(labels), _TOUCHED_UP)
    elif wish.like is not None:
        parents = np.repeat(wish.like[None], len(labels), axis=0)
        unlike = max(round(wish.strength * len(PARAMETERS)), MAX_DIFFERING + 1 if wish.avoid_copies else 1)
        parent_labels, differing = labels, np.full(len(labels), unlike)
    else:
        rows, differing = _draw_parents(model, wish, labels, random)
        parents, parent_labels = model.voices.parameters[rows], model.voices.labels[rows]
        if np.isinf(wish.novelty):
            differing = np.full(len(rows), -1)
        else:
            differing = np.rint(differing * wish.novelty).clip(1, len(PARAMETERS)).astype(np.int64)
    wishes = Conditions(
        torch.from_numpy(to_sequence(parents)),
        torch.from_numpy(differing),
        torch.from_numpy(labels),
        torch.from_numpy(parent_labels),
        torch.zeros(len(labels), dtype=torch.bool),
    )
    algorithms = None if wish.algorithm is None else torch.full((len(labels),), wish.algorithm - 1)
    voices = from_sequence(write_voices(model.writer, wishes, random, wish.temperature, algorithms).numpy())
    if wish.between is not None:  # both ends are as they were given
        voices[ways == 0], voices[ways == 1] = wish.between
    return voices


def _draw_parents(
    model: VoiceModel, wish: SamplingRequest, labels: Int64Array, random: np.random.Generator
) -> tuple[Int64Array, Int64Array]:
    """Parents, as rows, and in how many parameters to differ from them: of voices of the algorithm, where there are."""
    if wish.algorithm is None:
        return draw_parents(model.voices.labels, model.parents, labels, random)
    (of_algorithm,) = np.nonzero(model.voices.parameters[:, INDEX["algorithm"]] + 1 == wish.algorithm)
    own = of_algorithm if len(of_algorithm) else np.arange(len(model.voices))
    among = Parents(model.parents.rows[own], model.parents.differing[own], model.parents.slack)
    return draw_parents(model.voices.labels[own], among, labels, random)


def _between(one: UInt8Array, other: UInt8Array, ways: Float64Array) -> UInt8Array:
    """Voices on the way, `uint8[n, 145]`: amounts go along evenly, and what has no order changes half way."""
    along = np.rint(one + ways[:, None] * (other.astype(np.float64) - one)).astype(np.uint8)
    kinds = np.array([parameter.categorical for parameter in PARAMETERS])
    return np.where(kinds, np.where(ways[:, None] < 0.5, one, other), along)
