"""The verdict on each sound, with the findings that decided: the rules', and over them the user's own."""

import polars as pl

from deepdx_core.codec.packing import MAXIMA
from deepdx_core.curation.rules import SEVERITIES, Rule, RulesError
from deepdx_core.tables.schemas import Verdicts
from deepdx_core.voice.parameters import PARAMETER_NAMES

_FINDING = pl.struct("rule", "severity", "parameter", "value")
_DECIDING = [severity for severity in SEVERITIES if severity != "note"]


def judge(measured: pl.DataFrame, rules: tuple[Rule, ...], said_by_user: pl.DataFrame) -> pl.DataFrame:
    """The verdict on each sound, as rows of the table `verdicts`, sorted by key.

    measured: what `measures.measures` gives. said_by_user: `sound_id`, `verdict`, `why`; their word counts over rules.
    Raises RulesError naming the rule whose expression cannot be answered.
    """
    asked = [rule for rule in rules if rule.enabled and rule.each != "slot"]
    out_of_range = _out_of_range(measured)
    found = pl.concat(
        [_NO_FINDINGS, *(_found(rule, measured if rule.each == "sound" else out_of_range) for rule in asked)]
    )
    by_sound = (
        found.with_columns(rank=pl.col("severity").replace_strict(_RANK, return_dtype=pl.UInt8))
        .sort("sound_id", "rank", maintain_order=True)
        .group_by("sound_id", maintain_order=True)
        .agg(findings=_FINDING, worst=pl.col("severity").first())
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
    if rule.each == "parameter":
        parameter, value = pl.col("parameter"), pl.col("value")
    elif rule.shows:
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
        raise RulesError(f"rule {rule.id}: {rule.when!r} cannot be answered: {error}") from error


def _out_of_range(measured: pl.DataFrame) -> pl.DataFrame:
    """A row for each parameter out of its range, with all columns of its sound."""
    maxima = pl.DataFrame({"parameter": PARAMETER_NAMES, "maximum": MAXIMA})
    return (
        measured.filter(pl.col("faults") > 0)
        .select("sound_id", *PARAMETER_NAMES)
        .unpivot(index="sound_id", variable_name="parameter")
        .join(maxima, on="parameter", maintain_order="left")
        .filter(pl.col("value") > pl.col("maximum"))
        .with_columns(excess=pl.col("value") - pl.col("maximum"))
        .join(measured, on="sound_id", maintain_order="left")
    )
