"""The rules by which voices are judged, read from `rules.toml` and the file that a user may put over it."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from importlib import resources
from pathlib import Path
from typing import Any

import polars as pl

from deepdx_core.curation.repair import RepairSettings
from deepdx_core.errors import DeepDXError

SEVERITIES = ("empty", "corrupt", "silent", "repairable", "note")
"""What a finding may mean; where there are several, the first of these in this order decides."""

_EACH = ("sound", "parameter", "slot")


class RulesError(DeepDXError):
    """A file of rules cannot be taken; the message names the file, the rule and the reason."""


@dataclass(frozen=True)
class Rule:
    """Something to find in a voice; `rules.toml` says what the keys mean."""

    id: str
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
    document = tomllib.loads(own.read_text(encoding="utf-8"))
    if user_file is None or not user_file.is_file():
        return _rules(document, str(own))
    try:
        changes = tomllib.loads(user_file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RulesError(f"{user_file}: {error}") from error
    for key, value in changes.items():
        if key not in document or not isinstance(value, dict):
            raise RulesError(f"{user_file}: {key}: there may be the tables [repair] and [rule.ID], nothing else")
    document["repair"] |= changes.get("repair", {})
    for id_, table in changes.get("rule", {}).items():
        if not isinstance(table, dict):
            raise RulesError(f"{user_file}: rule.{id_}: must be a table")
        if document["rule"].get(id_, {}).get("each") == "slot":
            raise RulesError(f"{user_file}: rule.{id_}: it is found while reading, and cannot be changed")
        document["rule"][id_] = document["rule"].get(id_, {"source": str(user_file.name)}) | table
    return _rules(document, str(user_file))


def _rules(document: Mapping[str, Any], file: str) -> Rules:
    try:
        return Rules(
            rules=tuple(_rule(id_, table) for id_, table in document["rule"].items()),
            repair=_repair(document["repair"]),
        )
    except ValueError as error:
        raise RulesError(f"{file}: {error}") from error


def _rule(id_: str, table: Mapping[str, Any]) -> Rule:
    place = f"rule.{id_}"
    known = {field.name: bool if field.name == "enabled" else str for field in fields(Rule) if field.name != "id"}
    for key, value in table.items():
        if key not in known:
            raise ValueError(f"{place}.{key}: means nothing here; known are {', '.join(known)}")
        if type(value) is not known[key]:
            raise ValueError(f"{place}.{key}: must be {'true or false' if known[key] is bool else 'a text'}")
    for key in ("verdict", "reason"):
        if not table.get(key):
            raise ValueError(f"{place}.{key}: must be there")
    rule = Rule(id=id_, **table)
    if rule.verdict not in SEVERITIES:
        raise ValueError(f"{place}.verdict: {rule.verdict!r} is none of {', '.join(SEVERITIES)}")
    if rule.each not in _EACH:
        raise ValueError(f"{place}.each: {rule.each!r} is none of {', '.join(_EACH)}")
    if (rule.each == "slot") != (rule.when == ""):
        raise ValueError(f"{place}.when: must be there")
    if rule.when:
        try:
            pl.sql_expr(rule.when)
        except pl.exceptions.PolarsError as error:
            raise ValueError(f"{place}.when: {error}") from error
    return rule


def _repair(table: Mapping[str, Any]) -> RepairSettings:
    for key, value in table.items():
        if key not in {field.name for field in fields(RepairSettings)}:
            raise ValueError(f"repair.{key}: means nothing here")
        if type(value) is not int or not 0 <= value <= 145:
            raise ValueError(f"repair.{key}: must be a whole number from 0 to 145, not {value!r}")
    return RepairSettings(**table)
