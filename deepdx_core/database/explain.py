"""The whole story of a sound: where it was found, under what names, what was found in it, its kin, label and split."""

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
class Story:
    """What is known of a sound; frames are in the order in which people read them."""

    sound_id: str
    name: str
    names: pl.DataFrame
    """name, files."""
    places: pl.DataFrame
    """path, member, offset, slot, format, checksum, name: every place where it was found."""
    verdict: dict[str, object]
    """The row of `verdicts`."""
    findings: pl.DataFrame
    """rule, severity, parameter, value, reason, source."""
    repaired_from: pl.DataFrame
    """sound_id, name, repair: the sounds that a repair made into this one."""
    repair: tuple[str, str] | None
    """How this sound was put right, and the id of what that made."""
    family: pl.DataFrame
    """sound_id, name, files, differing (parameters), same (functionally): its kin, the nearest first."""
    label: dict[str, object] | None
    """The row of `labeled_voices`."""
    split: dict[str, object] | None
    """The row of `training_splits`."""
    realness: dict[str, object] | None
    """The row of `realness`."""


def find_sounds(corpus: Snapshot, asked: str) -> pl.DataFrame:
    """The sounds that an id, the beginning of one, or a name means: sound_id, name, files, verdict; most files first.

    A name means every sound that ever had it, case aside. Raises DeepDXError where there is none.
    """
    sounds = corpus.read("unique_voices", ["sound_id", "name", "names", "files"])
    found = sounds.clear()
    if _ID.fullmatch(asked):
        found = sounds.filter(pl.col("sound_id").str.starts_with(asked))
    if found.is_empty():
        wanted = asked.strip().lower()
        alike = pl.element().str.strip_chars().str.to_lowercase() == wanted
        found = sounds.filter(pl.col("names").list.eval(alike).list.any())
    if found.is_empty():
        raise DeepDXError(f"no sound has the id or name {asked!r}{_unreadable(corpus, asked)}")
    verdicts = corpus.read("verdicts", ["sound_id", "verdict"])
    return (
        found.drop("names")
        .join(verdicts, on="sound_id", how="left")
        .sort("files", "sound_id", descending=[True, False])
    )


def find_one(corpus: Snapshot, asked: str) -> tuple[str, str]:
    """The id and name of the one sound that is meant. Raises DeepDXError where there is none, or several."""
    found = find_sounds(corpus, asked)
    if len(found) > 1:
        lines = [f"{id_} {name}, {files} files, {verdict}" for id_, name, files, verdict in found.head(12).iter_rows()]
        raise DeepDXError(f"{asked!r} means {len(found):,} sounds: give the id of one\n  " + "\n  ".join(lines))
    return found["sound_id"][0], found["name"][0]


def _unreadable(corpus: Snapshot, asked: str) -> str:
    slots = corpus.read("decoded_voices", ["sha256", "slot", "name", "sound_id"]).filter(
        pl.col("sound_id").is_null(), pl.col("name").str.strip_chars().str.to_lowercase() == asked.strip().lower()
    )
    if slots.is_empty():
        return ""
    files = slots.join(corpus.read("raw_files", ["path", "member", "sha256"]), on="sha256")
    where = ", ".join(
        f"slot {found['slot']} of {format_location(found)}"
        for found in files.select("slot", "path", "member").head(5).iter_rows(named=True)
    )
    return f"; unreadable, with a byte over 127: {where}"


def explain(corpus: Snapshot, rules: Rules, sound_id: str) -> Story:
    """The story of a sound by its whole id."""
    sounds = corpus.read("unique_voices")
    row = sounds.row(by_predicate=pl.col("sound_id") == sound_id, named=True)
    verdict = corpus.read("verdicts").row(by_predicate=pl.col("sound_id") == sound_id, named=True)
    about = pl.DataFrame(
        [(rule.id, rule.reason, rule.source) for rule in rules.rules],
        schema={"rule": pl.String, "reason": pl.String, "source": pl.String},
        orient="row",
    )
    findings = pl.DataFrame(
        verdict["findings"],
        schema={"rule": pl.String, "severity": pl.String, "parameter": pl.String, "value": pl.Float64},
    )
    return Story(
        sound_id=sound_id,
        name=row["name"],
        names=pl.DataFrame({"name": row["names"], "files": row["name_counts"]}),
        places=_places(corpus, sound_id),
        verdict=verdict,
        findings=findings.join(about, on="rule", how="left", maintain_order="left"),
        repaired_from=sounds.filter(pl.col("repaired_id") == sound_id).select("sound_id", "name", "repair"),
        repair=None if row["repair"] is None else (row["repair"], row["repaired_id"]),
        family=_family(corpus, sounds, sound_id),
        label=_row(corpus, "labeled_voices", sound_id),
        split=_row(corpus, "training_splits", sound_id),
        realness=_row(corpus, "realness", sound_id),
    )


def _places(corpus: Snapshot, sound_id: str) -> pl.DataFrame:
    slots = corpus.read(
        "decoded_voices", ["sha256", "offset", "slot", "format", "checksum", "name", "sound_id"]
    ).filter(pl.col("sound_id") == sound_id)
    files = corpus.read("raw_files", ["path", "member", "sha256"])
    return (
        slots.join(files, on="sha256")
        .select("path", "member", "offset", "slot", "format", "checksum", "name")
        .sort("path", "member", "offset", "slot")
    )


def _family(corpus: Snapshot, sounds: pl.DataFrame, sound_id: str) -> pl.DataFrame:
    families = corpus.read("families", ["sound_id", "family_id", "functional_id"])
    own = families.filter(pl.col("sound_id") == sound_id)
    kin = families.join(own.select("family_id", own_function="functional_id"), on="family_id").filter(
        pl.col("sound_id") != sound_id
    )
    values = dict(
        zip(PARAMETER_NAMES, sounds.filter(pl.col("sound_id") == sound_id).select(PARAMETER_NAMES).row(0), strict=True)
    )
    return (
        sounds.join(kin, on="sound_id")
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
