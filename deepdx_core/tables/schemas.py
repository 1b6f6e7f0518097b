"""The schema of each table: columns, keys and rules, with the words that describe them in SQL and in Dagster.

A class's docstring describes its table; a column's `metadata["description"]` describes the column.
"""

from typing import Any

import dataframely as dy
import polars as pl

from deepdx_core.codec.segments import Checksum, Format, Kind
from deepdx_core.voice.parameters import NAME_LENGTH, PARAMETER_NAMES, PARAMETERS

STATUSES = ("voices", "no voices", "archive", "refused")
SPLITS = ("train", "validation", "test")


def _about(description: str) -> dict[str, Any]:
    return {"description": description}


def _one_of(values: Any, description: str, **options: Any) -> dy.String:
    known = [str(value) for value in values]
    about = f"{description}: {', '.join(known)}"
    return dy.String(check=lambda column: column.is_in(known), metadata=_about(about), **options)


def _sha256() -> dict[str, Any]:
    return {"regex": "^[0-9a-f]{64}$"}


def _sound_id(**options: Any) -> dy.String:
    about = _about("the sound: first 20 hexadecimal digits of the SHA-256 of its 145 parameter bytes in VCED order")
    return dy.String(regex="^[0-9a-f]{20}$", metadata=about, **options)


def _parameters(**options: Any) -> dict[str, dy.Column]:
    return {p.name: dy.UInt8(metadata=_about(f"{p.description}; 0 to {p.maximum}"), **options) for p in PARAMETERS}


def _name(description: str) -> dy.String:
    return dy.String(check=lambda column: column.str.len_chars() <= NAME_LENGTH, metadata=_about(description))


def _findings() -> dy.List:
    finding = dy.Struct({"rule": dy.String(), "parameter": dy.String(nullable=True), "value": dy.UInt8(nullable=True)})
    return dy.List(finding, metadata=_about("what was found wrong: rule, parameter and value"))


class RawFiles(dy.Schema):
    """A path in the inbox, and inside its archive: what it was taken for, and why it gave no voices."""

    path = dy.String(metadata=_about("path in the inbox, with / between folders"))
    member = dy.String(nullable=True, metadata=_about("path inside an archive"))
    size = dy.UInt64(nullable=True, metadata=_about("bytes; null where it could not be read"))
    sha256 = dy.String(nullable=True, metadata=_about("SHA-256 of the content"), **_sha256())
    status = _one_of(STATUSES, "what became of it")
    taken_for = dy.String(nullable=True, metadata=_about("what it holds, in words"))
    voices = dy.UInt32(metadata=_about("voice slots in it"))
    reason = dy.String(nullable=True, metadata=_about("why it gave no voices"))

    @dy.rule()
    def one_row_a_path(cls) -> pl.Expr:
        return pl.struct("path", "member").is_unique()

    @dy.rule()
    def voices_or_a_reason(cls) -> pl.Expr:
        without = pl.col("status").is_in(["no voices", "refused"])
        return (pl.col("reason").is_not_null() == without) & ((pl.col("voices") > 0) == (pl.col("status") == "voices"))

    @dy.rule()
    def content_known_unless_refused(cls) -> pl.Expr:
        return pl.col("sha256").is_not_null() | (pl.col("status") == "refused")


class Dumps(dy.Schema):
    """A stretch of a distinct file: a dump of voices, another message, or junk. Together they cover the file."""

    sha256 = dy.String(primary_key=True, metadata=_about("SHA-256 of the file"), **_sha256())
    offset = dy.UInt64(primary_key=True, metadata=_about("where it begins in the file, in bytes"))
    length = dy.UInt64(min=1, metadata=_about("bytes, frame included"))
    kind = _one_of(Kind, "what it holds")
    what = dy.String(metadata=_about("what it is, in words"))
    note = dy.String(nullable=True, metadata=_about("what is wrong or unusual about it"))
    format = _one_of(Format, "how its voices are stored", nullable=True)
    channel = dy.UInt8(nullable=True, max=15, metadata=_about("MIDI channel of the dump, counted from 0"))
    checksum = _one_of(Checksum, "whether the checksum fits", nullable=True)
    voices = dy.UInt32(metadata=_about("whole voice records in it"))
    payload = dy.Binary(nullable=True, metadata=_about("the bytes of the voice records as found"))

    @dy.rule()
    def voices_have_a_payload(cls) -> pl.Expr:
        holds_voices = pl.col("kind") == Kind.VOICES.value
        return (pl.col("payload").is_not_null() == holds_voices) & ((pl.col("voices") > 0) == holds_voices)


class DecodedVoices(dy.Schema):
    """One slot of one dump of one distinct file: the voice as found, sound or not."""

    sha256 = dy.String(primary_key=True, metadata=_about("SHA-256 of the file"), **_sha256())
    offset = dy.UInt64(primary_key=True, metadata=_about("where its dump begins in the file, in bytes"))
    slot = dy.UInt16(primary_key=True, min=1, metadata=_about("place in the dump, counted from 1 as on the panel"))
    format = _one_of(Format, "how it was stored")
    channel = dy.UInt8(nullable=True, max=15, metadata=_about("MIDI channel of the dump, counted from 0"))
    checksum = _one_of(Checksum, "whether the dump's checksum fits", nullable=True)
    name = _name("its name; U+FFFD for what is not printable")
    sound_id = _sound_id(nullable=True)
    valid = dy.Bool(metadata=_about("no finding speaks against it"))
    findings = _findings()
    locals().update(_parameters(nullable=True))

    @dy.rule()
    def valid_without_findings(cls) -> pl.Expr:
        return pl.col("valid") == (pl.col("findings").list.len() == 0)

    @dy.rule()
    def parameters_with_a_sound(cls) -> pl.Expr:
        unreadable = pl.all_horizontal(pl.col(PARAMETER_NAMES).is_null())
        readable = pl.all_horizontal(pl.col(PARAMETER_NAMES).is_not_null())
        return pl.when(pl.col("sound_id").is_null()).then(unreadable).otherwise(readable)


class UniqueVoices(dy.Schema):
    """A sound: exact duplicates (names and unused bits apart) are one row that keeps every name."""

    sound_id = _sound_id(primary_key=True)
    name = _name("the name most files give it")
    names = dy.List(dy.String(), min_length=1, metadata=_about("every name it was found under, the commonest first"))
    name_counts = dy.List(dy.UInt32(), metadata=_about("distinct files that give it each of these names"))
    slots = dy.UInt32(min=1, metadata=_about("slots of distinct files that hold it"))
    files = dy.UInt32(min=1, metadata=_about("distinct files that hold it"))
    valid = dy.Bool(metadata=_about("no finding speaks against it"))
    findings = _findings()
    carriers = dy.List(dy.UInt8(), metadata=_about("the operators that are heard, by its algorithm"))
    carrier_levels_4 = dy.List(
        dy.UInt8(), metadata=_about("envelope level 4 of each carrier: over 0, it may sound without a key")
    )
    locals().update(_parameters())

    @dy.rule()
    def valid_in_range(cls) -> pl.Expr:
        in_range = pl.all_horizontal(pl.col(p.name) <= p.maximum for p in PARAMETERS)
        return ~pl.col("valid") | in_range

    @dy.rule()
    def a_count_for_each_name(cls) -> pl.Expr:
        return pl.col("names").list.len() == pl.col("name_counts").list.len()


class LabeledVoices(dy.Schema):
    """A valid sound with its labels and what decided them."""

    sound_id = _sound_id(primary_key=True)
    category = dy.String(metadata=_about("fine category, such as electric-piano"))
    label = dy.String(metadata=_about("training label, such as Pianos"))
    algorithm_label = dy.UInt8(min=1, max=32, metadata=_about("algorithm as on the panel, 1 to 32"))
    confidence = dy.Float32(min=0, max=1, metadata=_about("how sure the category is, 0 to 1"))
    evidence = dy.String(nullable=True, metadata=_about("what decided the category, in words"))


class TrainingSplits(dy.Schema):
    """Which sounds the models train on, are chosen on, and are judged on."""

    sound_id = _sound_id(primary_key=True)
    split = _one_of(SPLITS, "the part it belongs to")


TABLES: dict[str, type[dy.Schema]] = {
    "raw_files": RawFiles,
    "dumps": Dumps,
    "decoded_voices": DecodedVoices,
    "unique_voices": UniqueVoices,
    "labeled_voices": LabeledVoices,
    "training_splits": TrainingSplits,
}
"""Every table's schema by the table's name, in the order in which the data flows."""


def describe(table: str) -> str:
    """What a row of a table is."""
    return (TABLES[table].__doc__ or "").strip()


def describe_columns(table: str) -> dict[str, str]:
    """What each column of a table is."""
    return {name: (column.metadata or {})["description"] for name, column in TABLES[table].columns().items()}
