"""The taxonomy: training labels, the fine categories behind them, and the words in names that indicate a category."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, field_validator

from deepdx_core.display import printable, shown
from deepdx_core.documents import StrictModel, first_error, parse_toml, read_toml
from deepdx_core.errors import DeepDXError

OTHER = "other"
"""The category of sounds without enough evidence; every taxonomy has it."""

EVIDENCE = ("names", "model", "family", "folders")
"""The kinds of evidence, each with a weight."""

_WORD = re.compile(r"\*?[A-Za-z0-9]+(?:[ .-]+[A-Za-z0-9]+)*\*?")
_MIN_CATEGORIES = 3
_MIN_INNER_LENGTH = 3  # letters; nearly any name contains shorter abbreviations
_MAX_WORD_LENGTH = 40
_MAX_LETTERS = 50_000  # of all words, which become one regular expression; at twice as many it may be too large


class TaxonomyError(DeepDXError, ValueError):
    """A file is not a valid taxonomy; the message names the file, the place in it and the reason."""


@dataclass(frozen=True)
class WordRule:
    """A word in names and the category it indicates.

    `pieces` are the parts of the word after a name is split; gaps between them are optional. A rule without a category
    only hides shorter words within it.
    """

    pieces: tuple[str, ...]
    open_left: bool
    open_right: bool
    category: str | None
    hint: bool

    @property
    def key(self) -> str:
        """Letters and digits of the word, unique within a taxonomy."""
        return "".join(self.pieces)


@dataclass(frozen=True)
class Taxonomy:
    """Labels and categories in file order, rules for names, and weights of evidence; `taxonomy.toml` explains each.

    reliability: trust in words, hints, family and folders, in percent. weight: weight of each kind of evidence.
    least_confidence: a voice below this probability is "other". also_from: a voice has several categories if others
    reach this probability. least_examples: a category with fewer confidently named voices is too small to learn.
    """

    labels: tuple[str, ...]
    categories: tuple[str, ...]
    label_of: dict[str, str]
    category_of: dict[str, str]
    """Category by name or alias, as `normalize` leaves it."""
    rules: tuple[WordRule, ...]
    reliability: dict[str, int]
    weight: dict[str, float]
    least_confidence: float
    also_from: float
    least_examples: int

    @property
    def learnable(self) -> tuple[str, ...]:
        """All categories but "other", the ones that evidence can support."""
        return tuple(category for category in self.categories if category != OTHER)

    @property
    def number(self) -> dict[str, int]:
        """Index of each learnable category."""
        return {category: number for number, category in enumerate(self.learnable)}


_Texts = Annotated[tuple[str, ...], Field(strict=False, fail_fast=True)]  # a file may have a million errors
_Percent = Annotated[int, Field(ge=1, le=99)]
_Weight = Annotated[int, Field(ge=0, le=1000)]


class _Category(StrictModel):
    label: str
    aliases: _Texts = ()
    words: _Texts = ()
    hints: _Texts = ()


class _Reliability(StrictModel):
    words: _Percent
    hints: _Percent
    family: _Percent
    folders: _Percent


class _Weights(StrictModel):
    names: _Weight
    model: _Weight
    family: _Weight
    folders: _Weight


class _Decision(StrictModel):
    least_confidence: Annotated[int, Field(ge=0, le=100)]
    also_from: Annotated[int, Field(ge=1, le=100)]
    least_examples: Annotated[int, Field(ge=1, le=1_000_000)]


class _Phrase(StrictModel):
    category: str
    first: _Texts = ()
    then: _Texts = ()


class _Document(StrictModel):
    labels: _Texts
    category: dict[str, _Category]
    silent: _Texts = ()
    reliability: _Reliability
    weight: _Weights
    decision: _Decision
    phrase: Annotated[tuple[_Phrase, ...], Field(strict=False, fail_fast=True)] = ()

    @field_validator("labels")
    @classmethod
    def _require_distinct(cls, labels: tuple[str, ...]) -> tuple[str, ...]:
        if not labels or len(set(labels)) < len(labels):
            raise ValueError("there must be at least one, each listed once")
        for label in labels:
            if not label.strip() or not label.isprintable() or len(label) > _MAX_WORD_LENGTH:
                raise ValueError(f"{shown(label)} is not 1 to {_MAX_WORD_LENGTH} printable characters")
        return labels

    @field_validator("category")
    @classmethod
    def _require_other(cls, categories: dict[str, _Category]) -> dict[str, _Category]:
        if OTHER not in categories:
            raise ValueError(f"there must be one named {OTHER!r}, for voices that no word describes")
        if len(categories) < _MIN_CATEGORIES:
            raise ValueError(f"there must be at least two besides {OTHER!r}")
        return categories


def find_taxonomy(user_file: Path) -> Taxonomy:
    """Return the taxonomy of a user's file if it exists, else that of the package. Raises TaxonomyError."""
    return load_taxonomy(user_file) if os.path.lexists(user_file) else load_taxonomy()


def load_taxonomy(path: Path | None = None) -> Taxonomy:
    """Return the taxonomy of a TOML file, or of the package.

    Raises TaxonomyError with the file, the place in it and the reason if the file is not a valid taxonomy.
    """
    if path is None:
        return _taxonomy(parse_toml((resources.files(__package__) / "taxonomy.toml").read_text(encoding="utf-8")))
    try:
        return _taxonomy(read_toml(path) or {})
    except ValueError as error:
        raise TaxonomyError(f"{printable(str(path))}: {first_error(error)}") from error


def _taxonomy(tables: dict[str, Any]) -> Taxonomy:
    document = _Document.model_validate(tables)
    for name, category in document.category.items():
        if category.label not in document.labels:
            known = ", ".join(document.labels)
            raise ValueError(f"category.{name}.label: {shown(category.label)} is not one of the labels {known}")
    return Taxonomy(
        labels=document.labels,
        categories=tuple(document.category),
        label_of={name: category.label for name, category in document.category.items()},
        category_of=_category_of(document.category),
        rules=_word_rules(document),
        reliability=dict(document.reliability),
        weight={kind: percent / 100 for kind, percent in document.weight},
        least_confidence=document.decision.least_confidence / 100,
        also_from=document.decision.also_from / 100,
        least_examples=document.decision.least_examples,
    )


def normalize(text: str) -> str:
    """Reduce a name or alias of a category or label to its letters and digits, in lower case."""
    return "".join(filter(str.isalnum, text)).casefold()


def _category_of(categories: dict[str, _Category]) -> dict[str, str]:
    """Return the category of each name and alias. Names come first: an alias never takes the name of a category."""
    names = [(name, name, f"category.{name}") for name in categories]
    names += [(a, name, f"category.{name}.aliases") for name, category in categories.items() for a in category.aliases]
    category_of: dict[str, str] = {}
    for text, category, place in names:
        key = normalize(text)
        if not key:
            raise ValueError(f"{place}: {shown(text)} has neither letters nor digits")
        if category_of.setdefault(key, category) != category:
            raise ValueError(f"{place}: {shown(text)} already means {category_of[key]}")
    return category_of


def _word_rules(document: _Document) -> tuple[WordRule, ...]:
    rules: dict[str, tuple[WordRule, str]] = {}
    letters = 0
    for word, place, category, hint in _words(document):
        if category == OTHER:
            raise ValueError(f"{place}: no word can indicate {OTHER!r}; words without a meaning belong in `silent`")
        rule = _word_rule(word, place, category, hint)
        if rule.key in rules:
            raise ValueError(f"{place}: {shown(word)} is already in {rules[rule.key][1]}")
        rules[rule.key] = rule, place
        letters += len(rule.key)
        if letters > _MAX_LETTERS:
            raise ValueError(f"{place}: all words together have over {_MAX_LETTERS:,} letters")
    return tuple(rule for rule, _ in rules.values())


def _words(document: _Document) -> Iterator[tuple[str, str, str | None, bool]]:
    """Yield every word with its place in the file, its category, and whether it is only a hint."""
    for word in document.silent:
        yield word, "silent", None, False
    for name, category in document.category.items():
        yield from ((word, f"category.{name}.words", name, False) for word in category.words)
        yield from ((word, f"category.{name}.hints", name, True) for word in category.hints)
    for number, phrase in enumerate(document.phrase, 1):
        if phrase.category not in document.category:
            raise ValueError(f"phrase {number}.category: there is no category {shown(phrase.category)}")
        for first in phrase.first:
            for then in phrase.then:
                yield f"{first} {then}", f"phrase {number}", phrase.category, False


def _word_rule(word: str, place: str, category: str | None, hint: bool) -> WordRule:
    if len(word) > _MAX_WORD_LENGTH or not _WORD.fullmatch(word):
        limits = f"letters A to Z and digits, stars at the ends only, {_MAX_WORD_LENGTH} characters at most"
        raise ValueError(f"{place}: {shown(word)} is not a word: {limits}")
    rule = WordRule(
        pieces=tuple(re.findall(r"[A-Z]+|[0-9]+", word.upper())),
        open_left=word.startswith("*"),
        open_right=word.endswith("*"),
        category=category,
        hint=hint,
    )
    if rule.open_left and len(rule.key) < _MIN_INNER_LENGTH:
        raise ValueError(f"{place}: {shown(word)} is too short to match inside other words")
    return rule
