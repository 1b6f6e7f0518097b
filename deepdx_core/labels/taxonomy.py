"""The taxonomy: training labels, the fine categories that make them up, and the words that say so."""

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from types import MappingProxyType
from typing import Any

from deepdx_core.display import printable
from deepdx_core.documents import parse_toml, read_toml, shown
from deepdx_core.errors import DeepDXError

OTHER = "other"
"""The category of what nothing says enough about; every taxonomy has it."""

EVIDENCE = ("names", "model", "family", "folders")
"""The kinds of evidence that are weighed."""

_STRENGTHS = ("words", "hints")
_RELIABILITIES = (*_STRENGTHS, "family", "folders")
_WORD = re.compile(r"\*?[A-Za-z0-9]+(?:[ .-]+[A-Za-z0-9]+)*\*?")
_FEWEST_CATEGORIES = 3
_SHORTEST_INSIDE = 3  # letters; shorter abbreviations stand inside almost anything
_LONGEST_WORD = 40
_MOST_LETTERS = 50_000  # of all words, which become one regular expression; from twice as many on it may be too large


@dataclass(frozen=True)
class WordRule:
    """A word and what it says.

    `pieces` are the word's parts as they stand in a name that was cut into pieces; gaps between them may be missing.
    A rule without a category says nothing: it only hides shorter words within it.
    """

    pieces: tuple[str, ...]
    open_left: bool
    open_right: bool
    category: str | None
    hint: bool

    @property
    def key(self) -> str:
        """The letters and digits of the word; no two rules of a taxonomy share them."""
        return "".join(self.pieces)


@dataclass(frozen=True)
class Taxonomy:
    """Labels and categories in the order of their file, the rules for names, and how evidence is weighed.

    `reliability` says, in percent, how far each kind of statement is trusted; `weight` how much each kind of evidence
    counts beside the others. Under `least_confidence`, a share of 1, a voice is "other"; a category over
    `also_from` stands among the several that a voice may have. A category with fewer confidently named voices than
    `least_examples` is too small to be learned. The taxonomy's file explains each.
    """

    labels: tuple[str, ...]
    categories: tuple[str, ...]
    label_of: Mapping[str, str]
    category_of: Mapping[str, str]
    """The category that each name of one, or alias, means, by what `called` leaves of it."""
    rules: tuple[WordRule, ...]
    reliability: Mapping[str, int]
    weight: Mapping[str, float]
    least_confidence: float
    also_from: float
    least_examples: int

    @property
    def learnable(self) -> tuple[str, ...]:
        """The categories that something can speak for: all but "other"."""
        return tuple(category for category in self.categories if category != OTHER)

    @property
    def number(self) -> dict[str, int]:
        """The place of each of these."""
        return {category: number for number, category in enumerate(self.learnable)}


class TaxonomyError(DeepDXError, ValueError):
    """A file is not a taxonomy; the message names the file, the place in it and the reason."""


def find_taxonomy(own: Path) -> Taxonomy:
    """The taxonomy in a user's own file where there is one, else the one that comes with the package."""
    return load_taxonomy(own) if os.path.lexists(own) else load_taxonomy()


def load_taxonomy(path: Path | None = None) -> Taxonomy:
    """The taxonomy in a TOML file, or the one that comes with the package.

    Raises TaxonomyError naming the file, the place in it and the reason where the file is not a taxonomy.
    """
    if path is None:
        return _taxonomy(parse_toml((resources.files(__package__) / "taxonomy.toml").read_text(encoding="utf-8")))
    try:
        return _taxonomy(read_toml(path) or {})
    except ValueError as error:
        raise TaxonomyError(f"{printable(str(path))}: {error}") from error


def _taxonomy(document: dict[str, Any]) -> Taxonomy:
    _only(document, "the file", {"labels", "silent", "reliability", "weight", "decision", "category", "phrase"})
    labels = _strings(document, "labels", "the file")
    if not labels or len(set(labels)) < len(labels):
        raise ValueError("labels: there must be some, each once")
    for name in labels:
        if not name.strip() or not name.isprintable() or len(name) > _LONGEST_WORD:
            raise ValueError(f"labels: {shown(name)} is not 1 to {_LONGEST_WORD} printable characters")
    tables = _table(document, "category", "the file")
    if OTHER not in tables:
        raise ValueError(f"category: there must be one named {OTHER!r}, for what no word says anything about")
    if len(tables) < _FEWEST_CATEGORIES:
        raise ValueError(f"category: there must be two at least beside {OTHER!r}")
    label_of = {}
    for category in tables:
        place = f"category.{category}"
        table = _table(tables, category, "category")
        _only(table, place, {"label", "aliases", *_STRENGTHS})
        label = table.get("label")
        if label not in labels:
            raise ValueError(f"{place}.label: {shown(label)} is not among the labels {', '.join(labels)}")
        label_of[category] = label
    reliability = _table(document, "reliability", "the file")
    _only(reliability, "reliability", set(_RELIABILITIES))
    weight = _table(document, "weight", "the file")
    _only(weight, "weight", set(EVIDENCE))
    decision = _table(document, "decision", "the file")
    _only(decision, "decision", {"least_confidence", "also_from", "least_examples"})
    return Taxonomy(
        labels=labels,
        categories=tuple(tables),
        label_of=MappingProxyType(label_of),
        category_of=MappingProxyType(_names(tables)),
        rules=_rules(document),
        reliability=MappingProxyType({key: _whole(reliability, key, "reliability", 1, 99) for key in _RELIABILITIES}),
        weight=MappingProxyType({key: _whole(weight, key, "weight", 0, 1000) / 100 for key in EVIDENCE}),
        least_confidence=_whole(decision, "least_confidence", "decision", 0, 100) / 100,
        also_from=_whole(decision, "also_from", "decision", 1, 100) / 100,
        least_examples=_whole(decision, "least_examples", "decision", 1, 1_000_000),
    )


def called(text: str) -> str:
    """What is compared of a category, alias or label and what a user calls it: letters and digits, case aside."""
    return "".join(filter(str.isalnum, text)).casefold()


def _names(tables: dict[str, Any]) -> dict[str, str]:
    """The category that each name means, by what is compared of it."""
    category_of: dict[str, str] = {}
    names = [(category, category, f"category.{category}") for category in tables]
    for category, table in tables.items():
        place = f"category.{category}.aliases"
        names += [(alias, category, place) for alias in _strings(table, "aliases", f"category.{category}")]
    for name, category, place in names:
        if not called(name):
            raise ValueError(f"{place}: {shown(name)} has neither letters nor digits")
        if category_of.setdefault(called(name), category) != category:
            raise ValueError(f"{place}: {shown(name)} means {category_of[called(name)]} already")
    return category_of


def _rules(document: dict[str, Any]) -> tuple[WordRule, ...]:
    rules: dict[str, tuple[WordRule, str]] = {}
    letters = 0
    for word, place, category, hint in _words(document):
        if category == OTHER:
            raise ValueError(f"{place}: nothing speaks for {OTHER!r}; words that say nothing belong to silent")
        rule = _rule(word, place, category, hint)
        if rule.key in rules:
            raise ValueError(f"{place}: {shown(word)} stands in {rules[rule.key][1]} already")
        rules[rule.key] = rule, place
        letters += len(rule.key)
        if letters > _MOST_LETTERS:
            raise ValueError(f"{place}: all words together have over {_MOST_LETTERS:,} letters")
    return tuple(rule for rule, _ in rules.values())


def _words(document: dict[str, Any]) -> Iterator[tuple[str, str, str | None, bool]]:
    """Every word with the place it stands in, what it says, and whether it only hints at it."""
    for word in _strings(document, "silent", "the file"):
        yield word, "silent", None, False
    for category, table in document["category"].items():
        for strength in _STRENGTHS:
            place = f"category.{category}.{strength}"
            for word in _strings(table, strength, f"category.{category}"):
                yield word, place, category, strength == "hints"
    phrases = document.get("phrase", [])
    if not isinstance(phrases, list):
        raise ValueError("phrase: must be a list of tables, [[phrase]]")
    for number, phrase in enumerate(phrases, 1):
        place = f"phrase {number}"
        if not isinstance(phrase, dict):
            raise ValueError(f"{place}: must be a table")
        _only(phrase, place, {"category", "first", "then"})
        category = phrase.get("category")
        if category not in tuple(document["category"]):
            raise ValueError(f"{place}.category: there is no category {shown(category)}")
        for first in _strings(phrase, "first", place):
            for then in _strings(phrase, "then", place):
                yield f"{first} {then}", place, category, False


def _rule(word: str, place: str, category: str | None, hint: bool) -> WordRule:
    if len(word) > _LONGEST_WORD or not _WORD.fullmatch(word):
        limits = f"letters A to Z and digits, stars at the ends only, {_LONGEST_WORD} characters at most"
        raise ValueError(f"{place}: {shown(word)} is not a word: {limits}")
    rule = WordRule(
        pieces=tuple(re.findall(r"[A-Z]+|[0-9]+", word.upper())),
        open_left=word.startswith("*"),
        open_right=word.endswith("*"),
        category=category,
        hint=hint,
    )
    if rule.open_left and len(rule.key) < _SHORTEST_INSIDE:
        raise ValueError(f"{place}: {shown(word)} is too short to be looked for inside others")
    return rule


def _table(parent: dict[str, Any], key: str, place: str) -> dict[str, Any]:
    value = parent.get(key)
    if not isinstance(value, dict):
        raise ValueError(f"{place}: {key!r} must be a table")
    return value


def _strings(table: dict[str, Any], key: str, place: str) -> tuple[str, ...]:
    value = table.get(key, [])
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ValueError(f"{place}: {key!r} must be a list of texts")
    return tuple(value)


def _whole(table: dict[str, Any], key: str, place: str, least: int, most: int) -> int:
    value = table.get(key)
    if type(value) is not int or not least <= value <= most:
        raise ValueError(f"{place}.{key}: must be a whole number from {least} to {most}, not {shown(value)}")
    return value


def _only(table: dict[str, Any], place: str, known: set[str]) -> None:
    for key in table:
        if key not in known:
            raise ValueError(f"{place}: {key!r} means nothing here; known are {', '.join(sorted(known))}")
