"""Explain a sound: its names and places, the findings behind its verdict, its family, label and split."""

import re
from dataclasses import dataclass

import polars as pl

from deepdx_core.database.snapshot import Snapshot
from deepdx_core.errors import DeepDXError
from deepdx_core.intake.survey import format_location
from deepdx_core.quality.rules import Rules
from deepdx_core.voice.parameters import PARAMETER_NAMES

_ID = re.compile(r"[0-9a-f]{6,20}")


@dataclass(frozen=True)
class Explanation:
    """Everything known about a sound. Data frames are sorted for display."""

    sound_id: str
    name: str
    converted: bool
    """It was found only as a voice of another synth."""
    names: pl.DataFrame
    """name, files; the most frequent first."""
    places: pl.DataFrame
    """path, member, offset, slot, format, checksum, name, sha256 (of the file), and for a voice converted from another
    synth also synth and losses: every slot that contains it."""
    verdict: dict[str, object]
    """The row of `verdicts`."""
    findings: pl.DataFrame
    """rule, severity, parameter, value, reason, source."""
    repaired_from: pl.DataFrame
    """sound_id, name, repair: the sounds whose repair resulted in this one."""
    repair: tuple[str, str] | None
    """How this sound was repaired, and the id of the repaired sound. None without a repair."""
    family: pl.DataFrame
    """sound_id, name, files, differing (number of parameters), same (functionally): other sounds, the nearest first."""
    label: dict[str, object] | None
    """The row of `labeled_voices`, if it has one."""
    split: dict[str, object] | None
    """The row of `training_splits`, if it has one."""
    realness: dict[str, object] | None
    """The row of `realness`, if it has one."""


def find_sounds(corpus: Snapshot, query: str) -> pl.DataFrame:
    """Find sounds by id, by the beginning of an id, or by name.

    A name matches every sound that has it in some file, ignoring case. Return sound_id, name, files, verdict; the sound
    in the most files first. Raises DeepDXError if nothing matches.
    """
    sounds = corpus.read("unique_voices", ["sound_id", "name", "names", "files"])
    found = sounds.clear()
    if _ID.fullmatch(query):
        found = sounds.filter(pl.col("sound_id").str.starts_with(query))
    if found.is_empty():
        matches = pl.element().str.strip_chars().str.to_lowercase() == query.strip().lower()
        found = sounds.filter(pl.col("names").list.eval(matches).list.any())
    if found.is_empty():
        raise DeepDXError(f"no sound has the id or name {query!r}{_describe_soundless(corpus, query)}")
    verdicts = corpus.read("verdicts", ["sound_id", "verdict"])
    return (
        found.drop("names")
        .join(verdicts, on="sound_id", how="left")
        .sort("files", "sound_id", descending=[True, False])
    )


def find_sound(corpus: Snapshot, query: str) -> tuple[str, str]:
    """Find the id and name of exactly one sound. Raises DeepDXError if none or several match; see `find_sounds`."""
    found = find_sounds(corpus, query)
    if len(found) > 1:
        lines = [f"{id_} {name}, {files} files, {verdict}" for id_, name, files, verdict in found.head(12).iter_rows()]
        raise DeepDXError(f"{query!r} matches {len(found):,} sounds: give the id of one\n  " + "\n  ".join(lines))
    return found["sound_id"][0], found["name"][0]


def _describe_soundless(corpus: Snapshot, name: str) -> str:
    """Return the places of slots with this name and without a sound, for an error message; "" if there are none."""
    described = ""
    for table, why in (
        ("decoded_voices", "unreadable, with a byte over 127"),
        ("converted_voices", "voices of other synths that make no DX7 sound, see the view losses"),
    ):
        slots = corpus.read(table, ["sha256", "slot", "name", "sound_id"]).filter(
            pl.col("sound_id").is_null(), pl.col("name").str.strip_chars().str.to_lowercase() == name.strip().lower()
        )
        files = slots.join(corpus.read("raw_files", ["path", "member", "sha256"]), on="sha256")
        where = ", ".join(
            f"slot {found['slot']} of {format_location(found)}"
            for found in files.select("slot", "path", "member").head(5).iter_rows(named=True)
        )
        described += f"; {why}: {where}" if where else ""
    return described


def explain(corpus: Snapshot, rules: Rules, sound_id: str) -> Explanation:
    """Explain the sound with the given full id."""
    sounds = corpus.read("unique_voices")
    row = sounds.row(by_predicate=pl.col("sound_id") == sound_id, named=True)
    verdict = corpus.read("verdicts").row(by_predicate=pl.col("sound_id") == sound_id, named=True)
    reasons = pl.DataFrame(
        [(rule.id, rule.reason, rule.source) for rule in rules.rules],
        schema={"rule": pl.String, "reason": pl.String, "source": pl.String},
        orient="row",
    )
    findings = pl.DataFrame(
        verdict["findings"],
        schema={"rule": pl.String, "severity": pl.String, "parameter": pl.String, "value": pl.Float64},
    )
    return Explanation(
        sound_id=sound_id,
        name=row["name"],
        converted=row["converted"],
        names=pl.DataFrame({"name": row["names"], "files": row["name_counts"]}),
        places=_places(corpus, sound_id),
        verdict=verdict,
        findings=findings.join(reasons, on="rule", how="left", maintain_order="left"),
        repaired_from=sounds.filter(pl.col("repaired_id") == sound_id).select("sound_id", "name", "repair"),
        repair=None if row["repair"] is None else (row["repair"], row["repaired_id"]),
        family=_family(corpus, sounds, sound_id),
        label=_row(corpus, "labeled_voices", sound_id),
        split=_row(corpus, "training_splits", sound_id),
        realness=_row(corpus, "realness", sound_id),
    )


def _places(corpus: Snapshot, sound_id: str) -> pl.DataFrame:
    shared = ["sha256", "offset", "slot", "name", "sound_id"]
    decoded = corpus.read("decoded_voices", [*shared, "format", "checksum"])
    converted = corpus.read("converted_voices", [*shared, "synth", "losses"])
    slots = pl.concat([decoded, converted], how="diagonal").filter(pl.col("sound_id") == sound_id)
    files = corpus.read("raw_files", ["path", "member", "sha256"])
    return (
        slots.join(files, on="sha256")
        .select("path", "member", "offset", "slot", "format", "checksum", "name", "sha256", "synth", "losses")
        .sort("path", "member", "offset", "slot")
    )


def _family(corpus: Snapshot, sounds: pl.DataFrame, sound_id: str) -> pl.DataFrame:
    families = corpus.read("families", ["sound_id", "family_id", "functional_id"])
    own = families.filter(pl.col("sound_id") == sound_id)
    others = families.join(own.select("family_id", own_function="functional_id"), on="family_id").filter(
        pl.col("sound_id") != sound_id
    )
    values = dict(
        zip(PARAMETER_NAMES, sounds.filter(pl.col("sound_id") == sound_id).select(PARAMETER_NAMES).row(0), strict=True)
    )
    return (
        sounds.join(others, on="sound_id")
        .select(
            "sound_id",
            "name",
            "files",
            differing=pl.sum_horizontal(pl.col(name) != value for name, value in values.items()),
            same=pl.col("functional_id") == pl.col("own_function"),
        )
        .sort("differing", "sound_id")
    )


def _row(corpus: Snapshot, table: str, sound_id: str) -> dict[str, object] | None:
    found = corpus.read(table).filter(pl.col("sound_id") == sound_id)
    return found.row(0, named=True) if len(found) else None
