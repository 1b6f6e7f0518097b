"""The tables of files, dumps and decoded voices."""

import dataframely as dy
import polars as pl

from deepdx_core.codec.segments import Checksum, Format, Kind
from deepdx_core.tables.columns import MAX_FINDINGS, description, one_of, parameters, sha256, sound_id, voice_name
from deepdx_core.voice.parameters import PARAMETER_NAMES

STATUSES = ("voices", "no voices", "archive", "refused")


def parameters_agree_with_sound() -> pl.Expr:
    """Return whether a row has all parameters if it has a sound_id, else none."""
    none = pl.all_horizontal(pl.col(PARAMETER_NAMES).is_null())
    every = pl.all_horizontal(pl.col(PARAMETER_NAMES).is_not_null())
    return pl.when(pl.col("sound_id").is_null()).then(none).otherwise(every)


class RawFiles(dy.Schema):
    """A file of the inbox, or a member of an archive in it: its content, or why it has no voices."""

    path = dy.String(metadata=description("path in the inbox, with / between folders"))
    member = dy.String(nullable=True, metadata=description("path in the archive; null for a file of the inbox itself"))
    size = dy.UInt64(nullable=True, metadata=description("size in bytes; null if refused"))
    sha256 = sha256("SHA-256 of the content; null if refused", nullable=True)
    status = one_of(STATUSES, "result of reading it")
    taken_for = dy.String(nullable=True, metadata=description("detected content, in words; null if refused"))
    voices = dy.UInt32(metadata=description("number of voice slots"))
    reason = dy.String(nullable=True, metadata=description("why it has no voices; null for voices and archives"))

    @dy.rule()
    def one_row_per_path_and_member(cls) -> pl.Expr:
        return pl.struct("path", "member").is_unique()

    @dy.rule()
    def voices_or_a_reason(cls) -> pl.Expr:
        without = pl.col("status").is_in(["no voices", "refused"])
        return (pl.col("reason").is_not_null() == without) & ((pl.col("voices") > 0) == (pl.col("status") == "voices"))

    @dy.rule()
    def content_known_unless_refused(cls) -> pl.Expr:
        return pl.col("sha256").is_not_null() | (pl.col("status") == "refused")


class Dumps(dy.Schema):
    """A segment of a distinct file: a dump of voices, another message, or junk. The segments of a file cover it."""

    sha256 = sha256("SHA-256 of the file", primary_key=True)
    offset = dy.UInt64(primary_key=True, metadata=description("byte offset of the segment in the file"))
    length = dy.UInt64(min=1, metadata=description("length in bytes, frame included"))
    kind = one_of(Kind, "kind of content")
    what = dy.String(metadata=description("content, in words"))
    note = dy.String(nullable=True, metadata=description("what is wrong or unusual, in words; null if nothing is"))
    format = one_of(Format, "format of the voices, null for other kinds", nullable=True)
    channel = dy.UInt8(nullable=True, max=15, metadata=description("MIDI channel, 0 to 15; null if it has none"))
    checksum = one_of(Checksum, "state of the checksum, null if the format has none", nullable=True)
    voices = dy.UInt32(metadata=description("number of complete voice records"))
    payload = dy.Binary(nullable=True, metadata=description("voice records as found; null for other kinds"))

    @dy.rule()
    def voices_have_a_payload(cls) -> pl.Expr:
        holds_voices = pl.col("kind") == Kind.VOICES.value
        return (pl.col("payload").is_not_null() == holds_voices) & ((pl.col("voices") > 0) == holds_voices)


class DecodedVoices(dy.Schema):
    """A slot of a dump in a distinct file, with the voice as found: parameters, name and findings.

    The sound_id and the parameters are null if the voice is unreadable, because of a byte over 127.
    """

    sha256 = sha256("SHA-256 of the file", primary_key=True)
    offset = dy.UInt64(primary_key=True, metadata=description("byte offset of the dump in the file"))
    slot = dy.UInt16(primary_key=True, min=1, metadata=description("slot in the dump, from 1 as on the panel"))
    format = one_of(Format, "format of the dump")
    channel = dy.UInt8(nullable=True, max=15, metadata=description("MIDI channel, 0 to 15; null if the dump has none"))
    checksum = one_of(Checksum, "state of the dump's checksum, null if the format has none", nullable=True)
    name = voice_name("name, with U+FFFD for characters that cannot be printed")
    sound_id = sound_id(nullable=True)
    valid = dy.Bool(metadata=description("true if there are no findings"))
    findings = dy.List(
        dy.Struct({"rule": dy.String(), "parameter": dy.String(nullable=True), "value": dy.UInt8(nullable=True)}),
        metadata=description(
            f"faults: rule, parameter and value (both null if all parameters are concerned); {MAX_FINDINGS} at most"
        ),
    )
    locals().update(parameters(nullable=True))

    @dy.rule()
    def valid_without_findings(cls) -> pl.Expr:
        return pl.col("valid") == (pl.col("findings").list.len() == 0)

    @dy.rule()
    def parameters_with_a_sound(cls) -> pl.Expr:
        return parameters_agree_with_sound()
