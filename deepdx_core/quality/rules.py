"""The rules behind verdicts, read from `rules.toml` and a user's file that changes it; also the choice of judges."""

import re
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import polars as pl
from pydantic import Field, ValidationInfo, field_validator

from deepdx_core.dedup.repair import RepairSettings
from deepdx_core.display import printable
from deepdx_core.documents import StrictModel, first_error, parse_toml, read_toml
from deepdx_core.errors import DeepDXError

Severity = Literal["empty", "corrupt", "silent", "repairable", "note"]
SEVERITIES: tuple[Severity, ...] = get_args(Severity)
"""Effects of a finding on the verdict. Of several findings, the one that comes first in this order decides."""

_FIXED = ("out-of-range", "repairable")
"""Rules that together reject every voice that no DX7 plays. If one were changed, such a voice could be valid."""

# The limits of polars' SQL parser and evaluation: a chain of operators (`a || b || ...`) overflows their stack from
# some 1,300 characters on, and each level of nested brackets doubles the time.
_MAX_EXPRESSION_LENGTH = 1000
_MAX_EXPRESSION_DEPTH = 20

_RENAMED_COLUMNS = {
    "oddness": "corruption_score",
    "oddness_around": "neighbor_corruption",
    "oddness_model": "corruption_model",
    "neighbourhoods": "neighborhoods",
}
"""Columns under the names that files of rules for earlier versions may use."""


class RulesError(DeepDXError):
    """A file of rules is not valid; the message names the file, the rule and the reason."""


class RuleKeys(StrictModel):
    """The keys of a rule; `rules.toml` explains them."""

    verdict: Severity
    reason: Annotated[str, Field(min_length=1)]
    source: str
    shows: str = ""
    each: Literal["sound", "parameter", "slot"] = "sound"
    when: Annotated[str, Field(validate_default=True)] = ""  # after `each`, which decides if it is required
    enabled: bool = True

    @field_validator("shows")
    @classmethod
    def _require_current_name(cls, column: str) -> str:
        if column in _RENAMED_COLUMNS:
            raise ValueError(f"`{column}` is now `{_RENAMED_COLUMNS[column]}`")
        return column

    @field_validator("when")
    @classmethod
    def _require_sql(cls, when: str, others: ValidationInfo) -> str:
        if others.data.get("each") == "slot":
            return when
        if not when:
            raise ValueError("is missing")
        if len(when) > _MAX_EXPRESSION_LENGTH:
            raise ValueError(f"is longer than {_MAX_EXPRESSION_LENGTH:,} characters; split it into several rules")
        depth = 0
        for bracket in re.findall(r"[(\[{)\]}]", when):
            depth += 1 if bracket in "([{" else -1
            if depth > _MAX_EXPRESSION_DEPTH:
                raise ValueError(f"has brackets more than {_MAX_EXPRESSION_DEPTH} deep")
        try:
            pl.sql_expr(when)
        except pl.exceptions.PolarsError as error:
            raise ValueError(reason_of(error)) from error
        return when


class Rule(RuleKeys):
    """A rule with its id and the file that set its keys last."""

    id: str
    file: str


class JudgeChoice(StrictModel):
    """The judges of corruption and labels: "package", or the version of one's own."""

    corruption: str
    labels: str


class Rules(StrictModel):
    """All rules, the limits of repair, and the judges."""

    rules: tuple[Rule, ...]
    repair: RepairSettings
    judges: JudgeChoice


class _Document(StrictModel):
    repair: RepairSettings
    judges: JudgeChoice
    rule: dict[str, RuleKeys]


class _Changes(StrictModel):
    """A user's file before it is merged with the rules of the package."""

    repair: dict[str, Any] = Field(default_factory=dict)
    judges: dict[str, Any] = Field(default_factory=dict)
    rule: dict[str, dict[str, Any]] = Field(default_factory=dict)


def load_rules(user_file: Path | None = None) -> Rules:
    """Return the rules of the package, changed by a user's file if there is one.

    Raises RulesError if the file is not valid. Expressions are parsed here but evaluated in `verdicts.decide_verdicts`,
    which raises RulesError for those that do not fit the columns.
    """
    package_file = resources.files(__package__) / "rules.toml"
    document = parse_toml(package_file.read_text(encoding="utf-8"))
    files = dict.fromkeys(document["rule"], str(package_file))
    if user_file is None:
        return _rules(document, files)
    try:
        changes = _Changes.model_validate(read_toml(user_file) or {})
        document["repair"] |= changes.repair
        document["judges"] |= changes.judges
        for id_, keys in changes.rule.items():
            before = document["rule"].get(id_, {"source": user_file.name})
            if id_ in _FIXED or before.get("each") == "slot":
                raise ValueError(f"rule.{id_}: cannot be changed: it rejects voices that no DX7 plays")
            if keys.get("each") == "slot":
                raise ValueError(f"rule.{id_}.each: 'slot' is reserved for rules of the package")
            document["rule"][id_] = before | keys
            files[id_] = str(user_file)
        return _rules(document, files)
    except ValueError as error:
        raise RulesError(f"{printable(str(user_file))}: {first_error(error)}") from error


def _rules(document: dict[str, Any], files: dict[str, str]) -> Rules:
    checked = _Document.model_validate(document)
    rules = (Rule(id=id_, file=files[id_], **dict(keys)) for id_, keys in checked.rule.items())
    return Rules(rules=tuple(rules), repair=checked.repair, judges=checked.judges)


def reason_of(error: pl.exceptions.PolarsError) -> str:
    """Return the reason of a polars error as one printable line, without the list of valid columns."""
    reason = printable(str(error).partition("\n")[0].partition("; valid columns")[0])
    renamed = [f"`{old}` is now `{new}`" for old, new in _RENAMED_COLUMNS.items() if f'"{old}"' in reason]
    return "; ".join([reason, *renamed])
