"""The verdict on each sound, with the findings that decided: the rules', and over them the user's own."""

import numpy as np
import polars as pl
import polars.selectors as cs

from deepdx_core.codec.packing import MAXIMA
from deepdx_core.display import printable
from deepdx_core.documents import shown
from deepdx_core.overrides import OverridesError
from deepdx_core.quality.rules import SEVERITIES, Rule, RulesError, first_line
from deepdx_core.tables.columns import MAX_FINDINGS
from deepdx_core.tables.curation import Verdicts
from deepdx_core.voice.parameters import PARAMETER_NAMES

_BATCH = 1 << 10  # sounds; each may have a hundred findings, each with all measures of its sound while rules are asked
_FINDING = pl.struct("rule", "severity", "parameter", "value")
_DECIDING = [severity for severity in SEVERITIES if severity != "note"]


def decide_verdicts(measured: pl.DataFrame, rules: tuple[Rule, ...], said_by_user: pl.DataFrame) -> pl.DataFrame:
    """The verdict on each sound, as rows of the table `verdicts`, sorted by key.

    measured: from `measures.measure_sounds`. said_by_user: from `overrides.read_overrides`; these win over every rule.
    Raises RulesError, naming the rule whose expression cannot be evaluated, and OverridesError as `require_consistent`
    does.
    """
    require_consistent(said_by_user, measured.select("sound_id", in_range=pl.col("faults") == 0))
    asked = [rule for rule in rules if rule.enabled and rule.each != "slot"]
    batches = list(measured.sort("sound_id").iter_slices(_BATCH)) or [measured]
    return pl.concat([_judged(batch, asked, said_by_user) for batch in batches])


def _judged(measured: pl.DataFrame, asked: list[Rule], said_by_user: pl.DataFrame) -> pl.DataFrame:
    # Rules compute with the numbers: the sums of 8 bits that parameters are kept in would wrap.
    measured = measured.with_columns(cs.integer().cast(pl.Int64))
    out_of_range = _out_of_range(measured)
    found = pl.concat(
        [_NO_FINDINGS, *(_found(rule, measured if rule.each == "sound" else out_of_range) for rule in asked)]
    )
    by_sound = (
        found.with_columns(rank=pl.col("severity").replace_strict(_RANK, return_dtype=pl.UInt8))
        .sort("sound_id", "rank", maintain_order=True)
        .group_by("sound_id", maintain_order=True)
        .agg(findings=_FINDING.head(MAX_FINDINGS), worst=pl.col("severity").first())
    )
    by_rules = pl.when(pl.col("worst").is_in(_DECIDING)).then("worst").otherwise(pl.lit("valid"))
    return (
        measured.join(by_sound, on="sound_id", how="left")
        .join(said_by_user.select("sound_id", "why", said="verdict"), on="sound_id", how="left")
        .with_columns(
            pl.col("findings").fill_null([]),
            verdict=pl.coalesce("said", by_rules),
            decided_by=pl.when(pl.col("said").is_not_null()).then(pl.lit("user")).otherwise(pl.lit("rules")),
            heard=pl.col("heard_silent").is_not_null(),
        )
        .sort("sound_id")
        .select(pl.col(name).cast(dtype) for name, dtype in Verdicts.create_empty().schema.items())
    )


_NONSENSE = {
    ("valid", False): "it has parameters out of range, which no DX7 plays; what a repair makes of it is another sound",
    ("repairable", True): "all its parameters are in range, and there is nothing to repair",
}
"""Verdicts that a sound cannot have, whatever the corpus: (verdict, in range) and the reason."""


def contradiction(verdict: str, in_range: bool) -> str:
    """Why a sound cannot have a verdict; "" where it can."""
    return _NONSENSE.get((verdict, in_range), "")


def require_consistent(said_by_user: pl.DataFrame, sounds: pl.DataFrame) -> None:
    """Raise OverridesError, with the place, where a verdict of the user's is one that its sound cannot have.

    said_by_user: as for `judge`. sounds: `sound_id`, `in_range`. A verdict on a sound that is not there is kept: the
    sound may come back.
    """
    judged = said_by_user.join(sounds, on="sound_id", maintain_order="left")
    for (verdict, in_range), reason in _NONSENSE.items():
        for row in judged.filter(verdict=verdict, in_range=in_range).head(1).iter_rows(named=True):
            raise OverridesError(f"{row['place']}: {row['sound_id']} cannot be {verdict}: {reason}")


_RANK = {severity: rank for rank, severity in enumerate(SEVERITIES)}
_NO_FINDINGS = pl.DataFrame(
    schema={
        "sound_id": pl.String,
        "rule": pl.String,
        "severity": pl.String,
        "parameter": pl.String,
        "value": pl.Float64,
    }
)


def _found(rule: Rule, frame: pl.DataFrame) -> pl.DataFrame:
    """A row for each sound, or parameter of it, in which a rule finds something."""
    place = f"{printable(rule.file)}: rule.{rule.id}"
    if rule.each == "parameter":
        parameter, value = pl.col("parameter"), pl.col("value")
    elif rule.shows:
        if not (frame.schema.get(rule.shows, pl.Null()).is_numeric() or frame.schema.get(rule.shows) == pl.Boolean):
            raise RulesError(f"{place}.shows: {shown(rule.shows)} is no column of numbers")
        parameter, value = pl.lit(rule.shows), pl.col(rule.shows)
    else:
        parameter, value = pl.lit(None, pl.String), pl.lit(None)
    try:
        return frame.filter(pl.sql_expr(rule.when)).select(
            "sound_id",
            rule=pl.lit(rule.id),
            severity=pl.lit(rule.verdict),
            parameter=parameter,
            value=value.cast(pl.Float64),
        )
    except pl.exceptions.PolarsError as error:
        raise RulesError(f"{place}.when: {shown(rule.when)} cannot be answered: {first_line(error)}") from error


def _out_of_range(measured: pl.DataFrame) -> pl.DataFrame:
    """A row for each parameter out of its range, with all columns of its sound."""
    maxima = pl.DataFrame({"parameter": PARAMETER_NAMES, "maximum": MAXIMA.astype(np.int64)})
    return (
        measured.filter(pl.col("faults") > 0)
        .select("sound_id", *PARAMETER_NAMES)
        .unpivot(index="sound_id", variable_name="parameter")
        .join(maxima, on="parameter", maintain_order="left")
        .filter(pl.col("value") > pl.col("maximum"))
        .with_columns(excess=pl.col("value") - pl.col("maximum"))
        .join(measured, on="sound_id", maintain_order="left")
    )
