"""Names for generated voices, in the manner of real ones: how they are learned from a corpus, stored and drawn."""

import json
import re
import tomllib
from collections import Counter
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib import resources
from itertools import chain, count, product
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import polars as pl

from deepdx_core.arrays import Float64Array, UInt8Array
from deepdx_core.labels.names import pieces
from deepdx_core.voice.parameters import NAME_LENGTH

_DATA = tomllib.loads((resources.files(__package__) / "names.toml").read_text(encoding="utf-8"))
_OURS = {label: {place: text.split() for place, text in words.items()} for label, words in _DATA["words"].items()}
_NONE: dict[str, list[str]] = {"first": [], "last": []}
_NEVER = {kind: text.split() for kind, text in _DATA["never"].items()}
_WHOLE, _STEMS = "|".join(_NEVER["offensive"] + _NEVER["people"] + _NEVER["filler"]), "|".join(_NEVER["makers"])
_UNFIT = re.compile(rf"\b(?:{_WHOLE})S?\b|\b(?:{_STEMS})")
_UNFIT_INSIDE = re.compile("|".join(_NEVER["inside"]))
_OFFENSIVE = re.compile(rf"\b(?:{'|'.join(_NEVER['offensive'])})S?\b")

_WORD = r"(?:[A-Z]\.)?[A-Z]{2,}"  # E.PIANO is one word
_LAST_RESORT = "DX"  # numbered, where nothing else is left
_MOST_LABELS, _MOST_WORDS, _MOST_WEIGHT = 256, 100, 1_000_000_000
_MOST_NAMES, _MOST_CHARACTERS = 1_000_000, 16_000_000

# How common a word must be, in families, to be one of the field: more so in a large corpus, which has more oddities.
_FEWEST_FAMILIES, _FAMILIES_A_WORD = 3, 1400
_COMPANY = 2  # words of a label that one must have stood before, to begin names of it
_ALONE = 3  # families that have it for their whole name, of a word that ends names
_SINGLE = 4  # words there are before another for each name of one word


@dataclass(frozen=True)
class NameModel:
    """What names are made of.

    `firsts` and `lasts` weigh, for each label, the words that begin and end its names; an empty one begins names of one
    word. `numbers` weighs the digit that may follow, mostly none. `taken` are the real names that could be made, their
    letters and digits only. Raises ValueError where any of it is not so.
    """

    firsts: Mapping[str, Mapping[str, int]]
    lasts: Mapping[str, Mapping[str, int]]
    numbers: Mapping[str, int]
    taken: list[str]

    def __post_init__(self) -> None:
        for place, table in ("firsts", self.firsts), ("lasts", self.lasts):
            if not isinstance(table, Mapping) or not 0 < len(table) <= _MOST_LABELS:
                raise ValueError(f"{place}: must have 1 to {_MOST_LABELS} labels")
            for label, weights in table.items():
                if not isinstance(label, str) or not label.isprintable():
                    raise ValueError(f"{place}: a label cannot be printed")
                _check(weights, f"(?:{_WORD})?" if place == "firsts" else _WORD, f"{place} of {label}")
        if self.firsts.keys() != self.lasts.keys():
            raise ValueError("firsts and lasts: must have the same labels")
        _check(self.numbers, "[1-9]?", "numbers")
        if not isinstance(self.taken, list) or len(self.taken) > _MOST_NAMES:
            raise ValueError(f"taken: must be a list of at most {_MOST_NAMES} names")
        real = re.compile(f"[A-Z0-9]{{1,{NAME_LENGTH}}}")
        if not all(isinstance(name, str) and real.fullmatch(name) for name in self.taken):
            raise ValueError(f"taken: must be of letters and digits, {NAME_LENGTH} at most")

    def names(
        self,
        voices: UInt8Array,
        labels: Sequence[str],
        seed: int,
        taken: Iterable[str] = (),
        parents: Sequence[tuple[UInt8Array, str]] = (),
    ) -> list[str]:
        """A name for each voice, `uint8[n, 145]`, of these labels: ten characters at most, no two alike, none real.

        A name hangs on the seed and on the voice, and on others only where one before it has the same. A label that
        was not taught is given names of all others. taken: real names, beside those that the model knows of.
        parents: real voices with their names, that voices were made after or between. Each keeps its name where it is
        among the voices; the others take after the nearest one.
        """
        used = {*self.taken, *map(_key, taken), *(_key(name) for _, name in parents)}
        words = {label: _Words(*self._stems(label)) for label in set(labels)}
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
            name = None if nearest is None else _child(nearest[1], random, used)
            names.append(name or words[label].draw(random, str(random.choice(numbers, p=chances)), used))
            used.add(_key(names[-1]))
        return names

    def _stems(self, label: str) -> tuple[list[str], Float64Array]:
        """All that the words of a label make, and the logarithm of how likely each is."""
        pairs = {
            f"{first} {last}".strip(): weight * other
            for home in ([label] if label in self.firsts else self.firsts)
            for (first, weight), (last, other) in product(self.firsts[home].items(), self.lasts[home].items())
            if len(first) + len(last) < NAME_LENGTH and not _short_for(first, last)
        }
        fitting = {name: weight for name, weight in pairs.items() if _fits(name)}
        return list(fitting), np.log(np.array(list(fitting.values()), dtype=np.float64))

    def to_json(self) -> str:
        """All of it as JSON, for `from_json`."""
        return json.dumps(asdict(self), separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """A model from JSON of whatever origin; raises ValueError where it is not one."""
        if len(text) > _MOST_CHARACTERS:
            raise ValueError(f"must have at most {_MOST_CHARACTERS} characters")
        try:
            document = json.loads(text)
        except RecursionError as error:
            raise ValueError("nested too deep") from error
        if not isinstance(document, dict) or document.keys() != cls.__annotations__.keys():
            raise ValueError(f"must be a table of {', '.join(cls.__annotations__)}")
        return cls(**document)


class _Words:
    """Names that words make, each given once with each number behind it, and which are left.

    names, scores: what the words make, and the logarithm of how likely each is.
    """

    def __init__(self, names: list[str], scores: Float64Array) -> None:
        self._names, self._scores = names, scores
        self._lengths = np.array([len(name) for name in names], dtype=np.int64)
        self._left: dict[str, npt.NDArray[np.bool_]] = {}

    def draw(self, random: np.random.Generator, number: str, used: Container[str]) -> str:
        """A name that is not used, drawn by how likely it is: with this number, and once there is none, with others."""
        drawn = self._scores + random.gumbel(size=len(self._scores))  # the highest is drawn by weight
        for tail in chain([number], map(str, count(2))):
            room = NAME_LENGTH - len(f" {tail}".rstrip())
            left = self._left.setdefault(tail, self._lengths <= room)
            while left.any():
                best = int(np.where(left, drawn, -np.inf).argmax())
                left[best] = False
                name = f"{self._names[best]} {tail}".rstrip()
                if _key(name) not in used:
                    return name
            if not (self._lengths <= room).any() and _key(last := f"{_LAST_RESORT} {tail}".rstrip()) not in used:
                return last
        raise AssertionError("numbers never end")


def fit_names(
    names: Sequence[str], labels: Sequence[str], families: Sequence[int] | Sequence[str] | npt.NDArray[Any]
) -> NameModel:
    """What names are made of, learned from real ones, each with the label and the family of its voice.

    A sound of several names may be given with each. Only words that several families have are learned: people's own are
    not. Words of ours are put beside them, so that a small corpus has enough.
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
    least = max(_FEWEST_FAMILIES, voices["family"].n_unique() // _FAMILIES_A_WORD)
    known = [
        word
        for word in spread.filter(pl.col("family") >= least)["word"].sort()
        if len(word) <= NAME_LENGTH - 2 and (len(word) > 2 or word in _DATA["short"]) and _fits(word)
    ]
    # The label that has more than half of a word's use, were all labels named equally often.
    home = dict(
        used.group_by("label", "word")
        .agg(share=pl.len())
        .with_columns(pl.col("share") / pl.col("share").sum().over("label"))
        .filter(pl.col("share") > pl.col("share").sum().over("word") / 2)
        .select("word", "label")
        .iter_rows()
    )
    first, last = (pl.col("words").list.get(-place, null_on_oob=True) for place in (2, 1))
    ends = voices.select("label", "family", first=first, last=last).drop_nulls("last").unique()
    begun, ended = Counter(ends["first"].to_list()), Counter(ends["last"].to_list())
    alone = Counter(ends.filter(pl.col("first").is_null())["last"].to_list())
    ended_in = Counter(ends.select("label", "last").iter_rows())
    # What ends names and is one by itself: not the LO of STRINGS LO.
    nouns = [
        word
        for word in sorted(home.keys() & set(known))
        if ended[word] > begun[word] and ended_in[home[word], word] >= least
        if alone[word] >= _ALONE or word in _OURS.get(home[word], _NONE)["last"]
    ]
    pairs = ends.filter(pl.col("first").is_in(known), pl.col("last").is_in(nouns))
    company = Counter(pairs.select("label", "first", "last").unique().select("label", "first").iter_rows())

    firsts, lasts = {}, {}
    for label in sorted({*_OURS, *voices["label"].drop_nulls()}):
        ours = _OURS.get(label, _NONE)
        # A word counts by how many others it stands before: STEEL of STEEL DRUM is no better for being common.
        beginning = Counter(ours["first"]) + Counter(
            {
                word: company[label, word]
                for word in known
                if begun[word] >= ended[word] and company[label, word] >= _COMPANY
                if home.get(word, label) == label or word in ours["first"]
            }
        )
        ending = Counter(ours["last"]) + Counter(
            {word: round(ended_in[label, word] ** 0.5) for word in nouns if home[word] == label}  # else all were a BASS
        )
        if beginning and ending:
            beginning[""] = -(-beginning.total() // _SINGLE)
            firsts[label] = dict(beginning.most_common(_MOST_WORDS))
            lasts[label] = dict(ending.most_common(_MOST_WORDS))
    numbers = Counter(voices["pieces"].str.extract(r"[A-Z] ([1-9])$").fill_null("").to_list() or [""])
    chosen = "|".join(sorted({_LAST_RESORT, *map(_key, chain(*firsts.values(), *lasts.values()))} - {""}))
    keys = voices["pieces"].str.replace_all(" ", "", literal=True).unique().sort()
    made = keys.str.contains(f"^(?:{chosen}){{1,2}}[0-9]*$") & (keys.str.len_chars() <= NAME_LENGTH)
    return NameModel(firsts, lasts, dict(sorted(numbers.items())), keys.filter(made).to_list())


def _check(weights: object, pattern: str, place: str) -> None:
    if not isinstance(weights, Mapping) or not 0 < len(weights) <= _MOST_WORDS:
        raise ValueError(f"{place}: must weigh 1 to {_MOST_WORDS}")
    for text, weight in weights.items():
        if not isinstance(text, str) or len(text) >= NAME_LENGTH or not re.fullmatch(pattern, text):
            raise ValueError(f"{place}: {text!r} is no part of a name")
        if type(weight) is not int or not 0 < weight <= _MOST_WEIGHT:
            raise ValueError(f"{place}: the weight of {text!r} must be a whole number from 1 to {_MOST_WEIGHT}")


def _fits(name: str) -> bool:
    """Whether it offends nobody, and speaks of the sound."""
    return not (_UNFIT.search(name) or _UNFIT_INSIDE.search(_key(name)))


def _key(name: str) -> str:
    return re.sub("[^A-Z0-9]", "", name.upper())


def _child(parent: str, random: np.random.Generator, used: Container[str]) -> str | None:
    """A name that is not used, of a parent's words and another number; None where its words say or leave nothing."""
    stem = re.sub(r"\W*\d*\W*$", "", parent)
    if not re.search("[A-Za-z]", stem) or _OFFENSIVE.search(stem.upper()) or _UNFIT_INSIDE.search(_key(stem)):
        return None
    for number in chain(random.permutation(np.arange(2, 100)), random.permutation(np.arange(100, 10_000))):
        tail = f" {number}" if len(f"{stem} {number}") <= NAME_LENGTH else str(number)
        name = stem[: NAME_LENGTH - len(tail)].rstrip() + tail
        if _key(name) not in used:
            return name
    return None


def _short_for(first: str, last: str) -> bool:
    """Whether one is the other, or short for it: the letters of GTR are in GUITAR, in this order."""
    shorter, longer = sorted((first, last), key=len)
    letters = iter(longer)
    return bool(first) and all(letter in letters for letter in shorter)
