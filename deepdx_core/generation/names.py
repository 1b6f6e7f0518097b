"""Names for generated voices in the style of real ones: fitted to a corpus, stored, and drawn."""

import re
from collections import Counter
from collections.abc import Container, Iterable, Sequence
from itertools import chain, count, product
from typing import Annotated, Any, Self

import numpy as np
import numpy.typing as npt
import polars as pl
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from deepdx_core.arrays import BoolArray, Float64Array, UInt8Array
from deepdx_core.generation.vocabulary import SHORT_WORDS, WORDS_BY_LABEL, LabelWords, is_fit, is_offensive, name_key
from deepdx_core.labels.names import pieces
from deepdx_core.voice.parameters import NAME_LENGTH

_WORD = r"(?:[A-Z]\.)?[A-Z]{2,}"  # E.PIANO is one word
_LAST_RESORT = "DX"  # numbered, once no other name is left
_MAX_LABELS, _MAX_WORDS, _MAX_WEIGHT, _MAX_NAMES = 256, 100, 1_000_000_000, 1_000_000

# A word is learned if enough families use it: more of them in a large corpus, which has more oddities.
_MIN_FAMILIES, _FAMILIES_PER_WORD = 3, 1400
_MIN_PARTNERS = 2  # words of a label that follow a word, before it begins names of this label
_MIN_ALONE = 3  # families whose whole name is a word, before it ends names
_PAIRS_PER_SINGLE = 4  # names of two words for each name of one word
_NO_WORDS = LabelWords()


def _require_printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("must be printable")
    return text


PrintableStr = Annotated[str, AfterValidator(_require_printable)]
"""A string without control characters, line ends and lone surrogates."""

_First = Annotated[str, Field(pattern=f"^(?:{_WORD})?$", max_length=NAME_LENGTH - 1)]
_Last = Annotated[str, Field(pattern=f"^{_WORD}$", max_length=NAME_LENGTH - 1)]
_Digit = Annotated[str, Field(pattern="^[1-9]?$")]
_NameKey = Annotated[str, Field(pattern=f"^[A-Z0-9]{{1,{NAME_LENGTH}}}$")]
_Weight = Annotated[int, Field(ge=1, le=_MAX_WEIGHT)]
_PER_WORD = Field(min_length=1, max_length=_MAX_WORDS)
_PER_LABEL = Field(min_length=1, max_length=_MAX_LABELS)


class NameModel(BaseModel):
    """Weighted parts of names.

    firsts, lasts: for each label, the words that begin and end its names; an empty first gives names of one word.
    numbers: the digit that may follow, mostly none. taken: keys of the real names that these parts could make.

    Raises ValueError if a part has no place in a name. The order of keys counts: draws depend on it.
    """

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    firsts: Annotated[dict[PrintableStr, Annotated[dict[_First, _Weight], _PER_WORD]], _PER_LABEL]
    lasts: Annotated[dict[PrintableStr, Annotated[dict[_Last, _Weight], _PER_WORD]], _PER_LABEL]
    numbers: Annotated[dict[_Digit, _Weight], _PER_WORD]
    taken: list[_NameKey] = Field(max_length=_MAX_NAMES, fail_fast=True)

    @model_validator(mode="after")
    def _require_same_labels(self) -> Self:
        if self.firsts.keys() != self.lasts.keys():
            raise ValueError("firsts and lasts must have the same labels")
        return self

    def draw(
        self,
        voices: UInt8Array,
        labels: Sequence[str],
        seed: int,
        taken: Iterable[str] = (),
        parents: Sequence[tuple[UInt8Array, str]] = (),
    ) -> list[str]:
        """Draw a name for each voice, `uint8[n, 145]`: at most ten characters, all different, none of a real voice.

        A name depends on the seed and the voice, and on earlier voices only if one of them has the same name. A label
        that the model does not know takes names of all others.

        taken: real names, in addition to those that the model knows. parents: real voices, with their names, that the
        voices are variations of or lie between. A parent among the voices keeps its name; every other voice is named
        after its nearest parent.
        """
        used = {*self.taken, *map(name_key, taken), *(name_key(name) for _, name in parents)}
        stems = {label: _Stems(*self._list_stems(label)) for label in set(labels)}
        numbers = list(self.numbers)
        chances = np.array(list(self.numbers.values()), dtype=np.float64)
        chances /= chances.sum()
        kept = list(parents)
        names = []
        for voice, label in zip(voices, labels, strict=True):
            itself = next((i for i, (parent, _) in enumerate(kept) if (parent == voice).all()), None)
            if itself is not None:
                names.append(kept.pop(itself)[1])
                continue
            random = np.random.default_rng([seed, *voice.tolist()])
            nearest = min(parents, key=lambda parent: np.count_nonzero(parent[0] != voice), default=None)
            name = None if nearest is None else _draw_child(nearest[1], random, used)
            names.append(name or stems[label].draw(random, str(random.choice(numbers, p=chances)), used))
            used.add(name_key(names[-1]))
        return names

    def _list_stems(self, label: str) -> tuple[list[str], Float64Array]:
        """Return all names that the words of a label make, without numbers, and their log-weights."""
        weights = {
            f"{first} {last}".strip(): weight * other
            for known in ([label] if label in self.firsts else self.firsts)
            for (first, weight), (last, other) in product(self.firsts[known].items(), self.lasts[known].items())
            if len(first) + len(last) < NAME_LENGTH and not _abbreviates(first, last)
        }
        fit = {name: weight for name, weight in weights.items() if is_fit(name)}
        return list(fit), np.log(np.array(list(fit.values()), dtype=np.float64))


class _Stems:
    """Stems of names with their log-weights. Each is given once with each number."""

    def __init__(self, stems: list[str], scores: Float64Array) -> None:
        self._stems, self._scores = stems, scores
        self._lengths = np.array([len(stem) for stem in stems], dtype=np.int64)
        self._left: dict[str, BoolArray] = {}  # by number

    def draw(self, random: np.random.Generator, number: str, used: Container[str]) -> str:
        """Draw an unused name by weight, with this number, or with 2, 3, ... once no name with this number is left."""
        drawn = self._scores + random.gumbel(size=len(self._scores))  # the highest is a draw by weight
        for tail in chain([number], map(str, count(2))):
            room = NAME_LENGTH - len(f" {tail}".rstrip())
            left = self._left.setdefault(tail, self._lengths <= room)
            while left.any():
                best = int(np.where(left, drawn, -np.inf).argmax())
                left[best] = False
                name = f"{self._stems[best]} {tail}".rstrip()
                if name_key(name) not in used:
                    return name
            if not (self._lengths <= room).any() and name_key(last := f"{_LAST_RESORT} {tail}".rstrip()) not in used:
                return last
        raise AssertionError("numbers never end")


def fit_names(
    names: Sequence[str], labels: Sequence[str], families: Sequence[int] | Sequence[str] | npt.NDArray[Any]
) -> NameModel:
    """Fit a name model to real names, each given with the label and the family of its voice.

    A sound with several names may appear once with each. Only words that several families use are learned: others may
    be one author's own. The words of names.toml are added, so that a small corpus has enough.
    """
    voices = (
        pl.DataFrame({"name": names, "label": labels, "family": families})
        .cast({"name": pl.String, "label": pl.String})
        .with_columns(pieces=pieces(pl.col("name")))
        .with_columns(
            words=pl.col("pieces").str.replace_all(r"\b([A-Z]) ([A-Z]{2})", "${1}.${2}").str.extract_all(_WORD)
        )
    )
    used = voices.select("label", "family", word="words").explode("word").drop_nulls().unique()
    spread = used.group_by("word").agg(pl.col("family").n_unique())
    least = max(_MIN_FAMILIES, voices["family"].n_unique() // _FAMILIES_PER_WORD)
    known = [
        word
        for word in spread.filter(pl.col("family") >= least)["word"].sort()
        if len(word) <= NAME_LENGTH - 2 and (len(word) > 2 or word in SHORT_WORDS) and is_fit(word)
    ]
    # The label with more than half of a word's uses, if every label had the same number of names.
    main_label = dict(
        used.group_by("label", "word")
        .agg(share=pl.len())
        .with_columns(pl.col("share") / pl.col("share").sum().over("label"))
        .filter(pl.col("share") > pl.col("share").sum().over("word") / 2)
        .select("word", "label")
        .iter_rows()
    )
    first, last = (pl.col("words").list.get(-place, null_on_oob=True) for place in (2, 1))
    ends = voices.select("label", "family", first=first, last=last).drop_nulls("last").unique()
    as_first, as_last = Counter(ends["first"].to_list()), Counter(ends["last"].to_list())
    alone = Counter(ends.filter(pl.col("first").is_null())["last"].to_list())
    as_last_of = Counter(ends.select("label", "last").iter_rows())
    # Words that end names and are names on their own: not the LO of STRINGS LO.
    nouns = [
        word
        for word in sorted(main_label.keys() & set(known))
        if as_last[word] > as_first[word] and as_last_of[main_label[word], word] >= least
        if alone[word] >= _MIN_ALONE or word in WORDS_BY_LABEL.get(main_label[word], _NO_WORDS).last
    ]
    pairs = ends.filter(pl.col("first").is_in(known), pl.col("last").is_in(nouns))
    partners = Counter(pairs.select("label", "first", "last").unique().select("label", "first").iter_rows())

    firsts, lasts = {}, {}
    for label in sorted({*WORDS_BY_LABEL, *voices["label"].drop_nulls()}):
        own = WORDS_BY_LABEL.get(label, _NO_WORDS)
        # The weight of a first is the number of words that follow it: a frequent STEEL DRUM gives STEEL no weight.
        beginning = Counter(own.first) + Counter(
            {
                word: partners[label, word]
                for word in known
                if as_first[word] >= as_last[word] and partners[label, word] >= _MIN_PARTNERS
                if main_label.get(word, label) == label or word in own.first
            }
        )
        # The square root, or nearly every bass would be a BASS.
        ending = Counter(own.last) + Counter(
            {word: round(as_last_of[label, word] ** 0.5) for word in nouns if main_label[word] == label}
        )
        if beginning and ending:
            beginning[""] = -(-beginning.total() // _PAIRS_PER_SINGLE)
            firsts[label] = dict(beginning.most_common(_MAX_WORDS))
            lasts[label] = dict(ending.most_common(_MAX_WORDS))
    numbers = Counter(voices["pieces"].str.extract(r"[A-Z] ([1-9])$").fill_null("").to_list() or [""])
    parts = "|".join(sorted({_LAST_RESORT, *map(name_key, chain(*firsts.values(), *lasts.values()))} - {""}))
    keys = voices["pieces"].str.replace_all(" ", "", literal=True).unique().sort()
    possible = keys.str.contains(f"^(?:{parts}){{1,2}}[0-9]*$") & (keys.str.len_chars() <= NAME_LENGTH)
    return NameModel(
        firsts=firsts, lasts=lasts, numbers=dict(sorted(numbers.items())), taken=keys.filter(possible).to_list()
    )


def _draw_child(parent: str, random: np.random.Generator, used: Container[str]) -> str | None:
    """Draw an unused name: the parent's words with another number. None if the words are unusable or used up."""
    stem = re.sub(r"\W*\d*\W*$", "", parent)
    if not re.search("[A-Za-z]", stem) or is_offensive(stem):
        return None
    for number in chain(random.permutation(np.arange(2, 100)), random.permutation(np.arange(100, 10_000))):
        tail = f" {number}" if len(f"{stem} {number}") <= NAME_LENGTH else str(number)
        name = stem[: NAME_LENGTH - len(tail)].rstrip() + tail
        if name_key(name) not in used:
            return name
    return None


def _abbreviates(first: str, last: str) -> bool:
    """Return whether one word equals or abbreviates the other: the letters of GTR are in GUITAR, in this order."""
    shorter, longer = sorted((first, last), key=len)
    letters = iter(longer)
    return bool(first) and all(letter in letters for letter in shorter)
