"""The rules by which voices are judged, read from `rules.toml` and the file that a user may put over it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from importlib import resources
from pathlib import Path
from typing import Any

import polars as pl

from deepdx_core.dedup.repair import RepairSettings
from deepdx_core.display import printable
from deepdx_core.documents import parse_toml, read_toml, shown
from deepdx_core.errors import DeepDXError

SEVERITIES = ("empty", "corrupt", "silent", "repairable", "note")
"""What a finding may mean; where there are several, the first of these in this order decides."""

_EACH = ("sound", "parameter", "slot")
_FIXED = ("out-of-range", "repairable")
"""Together they keep every voice out that no DX7 plays: with one of them changed, such a voice could be valid."""

# What polars' SQL parser and evaluation bear: a chain of operators overflows their stack from some 1,300 characters on
# (`a || b || ...`), and the time for brackets within brackets doubles with each.
_LONGEST_EXPRESSION = 1000
_DEEPEST_EXPRESSION = 20


class RulesError(DeepDXError):
    """A file of rules cannot be taken; the message names the file, the rule and the reason."""


@dataclass(frozen=True)
class Rule:
    """Something to find in a voice; `rules.toml` says what the keys mean.

    `file` is the file in which it stands, and changed last.
    """

    id: str
    file: str
    verdict: str
    reason: str
    source: str
    when: str = ""
    shows: str = ""
    each: str = "sound"
    enabled: bool = True


@dataclass(frozen=True)
class Rules:
    """All rules, and how much is put right."""

    rules: tuple[Rule, ...]
    repair: RepairSettings


def load_rules(user_file: Path | None = None) -> Rules:
    """The rules that come with the package, changed by a user's file where there is one.

    Raises RulesError where a file is not one of rules. Whether a rule's expression can be answered shows once it is
    asked: see `verdicts.judge`.
    """
    own = resources.files(__package__) / "rules.toml"
    document = parse_toml(own.read_text(encoding="utf-8"))
    file_of = dict.fromkeys(document["rule"], str(own))
    if user_file is None:
        return _rules(document, file_of)
    try:
        changes = read_toml(user_file) or {}
        for key, value in changes.items():
            if key not in document or not isinstance(value, dict):
                raise ValueError(f"{key}: there may be the tables [repair] and [rule.ID], nothing else")
        document["repair"] |= changes.get("repair", {})
        for id_, table in changes.get("rule", {}).items():
            if not isinstance(table, dict):
                raise ValueError(f"rule.{id_}: must be a table")
            if id_ in _FIXED or "slot" in (document["rule"].get(id_, {}).get("each"), table.get("each")):
                raise ValueError(f"rule.{id_}: it cannot be changed: it keeps out what no DX7 plays")
            document["rule"][id_] = document["rule"].get(id_, {"source": user_file.name}) | table
            file_of[id_] = str(user_file)
        return _rules(document, file_of)
    except ValueError as error:
        raise RulesError(f"{printable(str(user_file))}: {error}") from error


def _rules(document: Mapping[str, Any], file_of: Mapping[str, str]) -> Rules:
    return Rules(
        rules=tuple(_rule(id_, file_of[id_], table) for id_, table in document["rule"].items()),
        repair=_repair(document["repair"]),
    )


def _rule(id_: str, file: str, table: Mapping[str, Any]) -> Rule:
    place = f"rule.{id_}"
    keys = [field.name for field in fields(Rule) if field.name not in ("id", "file")]
    known = {key: bool if key == "enabled" else str for key in keys}
    for key, value in table.items():
        if key not in known:
            raise ValueError(f"{place}.{key}: means nothing here; known are {', '.join(known)}")
        if type(value) is not known[key]:
            raise ValueError(f"{place}.{key}: must be {'true or false' if known[key] is bool else 'a text'}")
    for key in ("verdict", "reason"):
        if not table.get(key):
            raise ValueError(f"{place}.{key}: must be there")
    rule = Rule(id=id_, file=file, **table)
    if rule.verdict not in SEVERITIES:
        raise ValueError(f"{place}.verdict: {shown(rule.verdict)} is none of {', '.join(SEVERITIES)}")
    if rule.each not in _EACH:
        raise ValueError(f"{place}.each: {shown(rule.each)} is none of {', '.join(_EACH)}")
    if (rule.each == "slot") != (rule.when == ""):
        raise ValueError(f"{place}.when: must be there")
    if rule.when:
        _require_sql(rule.when, f"{place}.when")
    return rule


def _require_sql(expression: str, place: str) -> None:
    if len(expression) > _LONGEST_EXPRESSION:
        raise ValueError(f"{place}: is longer than {_LONGEST_EXPRESSION:,} characters; make several rules of it")
    depth = 0
    for bracket in re.findall(r"[(\[{)\]}]", expression):
        depth += 1 if bracket in "([{" else -1
        if depth > _DEEPEST_EXPRESSION:
            raise ValueError(f"{place}: has brackets more than {_DEEPEST_EXPRESSION} deep")
    try:
        pl.sql_expr(expression)
    except pl.exceptions.PolarsError as error:
        raise ValueError(f"{place}: {first_line(error)}") from error


def first_line(error: pl.exceptions.PolarsError) -> str:
    """What an error of polars says, without all columns that there are and what it was resolving; printable."""
    return printable(str(error).partition("\n")[0].partition("; valid columns")[0])


def _repair(table: Mapping[str, Any]) -> RepairSettings:
    for key, value in table.items():
        if key not in {field.name for field in fields(RepairSettings)}:
            raise ValueError(f"repair.{key}: means nothing here")
        if type(value) is not int or not 0 <= value <= 145:
            raise ValueError(f"repair.{key}: must be a whole number from 0 to 145, not {shown(value)}")
    return RepairSettings(**table)
