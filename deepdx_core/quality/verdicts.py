"""The verdict on each sound with its findings: by the rules, unless a user's override decides."""

import numpy as np
import polars as pl
import polars.selectors as cs

from deepdx_core.codec.packing import MAXIMA
from deepdx_core.display import printable, shown
from deepdx_core.overrides import OverridesError
from deepdx_core.quality.rules import SEVERITIES, Rule, RulesError, reason_of
from deepdx_core.tables.columns import MAX_FINDINGS
from deepdx_core.tables.curation import Verdicts
from deepdx_core.voice.parameters import PARAMETER_NAMES

_BATCH = 1 << 10  # sounds; each may have a hundred findings, with all measures of the sound during evaluation
_FINDING = pl.struct("rule", "severity", "parameter", "value")
_DECIDING = [severity for severity in SEVERITIES if severity != "note"]


def decide_verdicts(measured: pl.DataFrame, rules: tuple[Rule, ...], overrides: pl.DataFrame) -> pl.DataFrame:
    """Return the verdict on each sound, as rows of the table `verdicts`, sorted by key.

    measured: from `measures.measure_sounds`. overrides: from `overrides.read_overrides`; they win over every rule.
    Raises RulesError with the rule if an expression cannot be evaluated, and OverridesError from `require_consistent`.
    """
    require_consistent(overrides, measured.select("sound_id", in_range=pl.col("faults") == 0))
    active = [rule for rule in rules if rule.enabled and rule.each != "slot"]
    batches = list(measured.sort("sound_id").iter_slices(_BATCH)) or [measured]
    return pl.concat([_decide_batch(batch, active, overrides) for batch in batches])


def _decide_batch(measured: pl.DataFrame, rules: list[Rule], overrides: pl.DataFrame) -> pl.DataFrame:
    # Parameters have 8 bits, in which the arithmetic of rules would overflow.
    measured = measured.with_columns(cs.integer().cast(pl.Int64))
    out_of_range = _out_of_range(measured)
    found = pl.concat(
        [_NO_FINDINGS, *(_find(rule, measured if rule.each == "sound" else out_of_range) for rule in rules)]
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
        .join(overrides.select("sound_id", "why", override="verdict"), on="sound_id", how="left")
        .with_columns(
            pl.col("findings").fill_null([]),
            verdict=pl.coalesce("override", by_rules),
            decided_by=pl.when(pl.col("override").is_not_null()).then(pl.lit("user")).otherwise(pl.lit("rules")),
            heard=pl.col("heard_silent").is_not_null(),
        )
        .sort("sound_id")
        .select(pl.col(name).cast(dtype) for name, dtype in Verdicts.create_empty().schema.items())
    )


_CONTRADICTIONS = {
    ("valid", False): "it has parameters out of range, which no DX7 plays; a repaired copy is a sound of its own",
    ("repairable", True): "all its parameters are in range, there is nothing to repair",
}
"""Reasons why a sound cannot have a verdict in any corpus, by (verdict, in range)."""


def contradiction(verdict: str, in_range: bool) -> str:
    """Return the reason why a sound cannot have a verdict; "" if it can."""
    return _CONTRADICTIONS.get((verdict, in_range), "")


def require_consistent(overrides: pl.DataFrame, sounds: pl.DataFrame) -> None:
    """Raise OverridesError, with the place, if a user's verdict contradicts its sound.

    overrides: as for `decide_verdicts`. sounds: `sound_id`, `in_range`. A verdict on an unknown sound is kept: the
    sound may return.
    """
    known = overrides.join(sounds, on="sound_id", maintain_order="left")
    for (verdict, in_range), reason in _CONTRADICTIONS.items():
        for row in known.filter(verdict=verdict, in_range=in_range).head(1).iter_rows(named=True):
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


def _find(rule: Rule, frame: pl.DataFrame) -> pl.DataFrame:
    """Return the findings of a rule, one row per sound or per parameter."""
    place = f"{printable(rule.file)}: rule.{rule.id}"
    if rule.each == "parameter":
        parameter, value = pl.col("parameter"), pl.col("value")
    elif rule.shows:
        if not (frame.schema.get(rule.shows, pl.Null()).is_numeric() or frame.schema.get(rule.shows) == pl.Boolean):
            raise RulesError(f"{place}.shows: {shown(rule.shows)} is not a column of numbers")
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
        raise RulesError(f"{place}.when: {shown(rule.when)} cannot be evaluated: {reason_of(error)}") from error


def _out_of_range(measured: pl.DataFrame) -> pl.DataFrame:
    """Return a row for each parameter out of range, with all columns of its sound."""
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
