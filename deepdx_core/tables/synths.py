"""The tables of the other Yamahas: messages, voices made DX7 voices, supplements of DX7II voices, and performances."""

import dataframely as dy
import polars as pl

from deepdx_core.synths.dx7ii.parameters import ACED
from deepdx_core.synths.kinds import KINDS, PERFORMANCE_KINDS
from deepdx_core.tables.columns import description, one_of, parameters, sha256, sound_id, voice_name
from deepdx_core.tables.decoding import parameters_agree_with_sound

_SYNTHS = dict.fromkeys(kind.synth for kind in KINDS)
_LOSSES = dy.List(dy.String(), metadata=description("everything that a DX7 does not have of it, in words"))


class SynthMessages(dy.Schema):
    """A message of another Yamaha (SY77, four operators, DX7II and kin) in a distinct file."""

    sha256 = sha256("SHA-256 of the file", primary_key=True)
    offset = dy.UInt64(primary_key=True, metadata=description("byte offset of the message in the file"))
    length = dy.UInt64(min=1, metadata=description("length in bytes, frame included"))
    kind = one_of((kind.id for kind in KINDS), "kind of message")
    synth = one_of(_SYNTHS, "synth, or the first of its kin")
    what = dy.String(metadata=description("content, in words"))
    findings = dy.List(dy.String(), metadata=description("everything wrong about it, in words"))
    voices = dy.UInt32(metadata=description("number of voices"))
    payload = dy.Binary(metadata=description("the message as found"))


class ConvertedVoices(dy.Schema):
    """A voice of another Yamaha as a DX7 voice, with what was lost on the way.

    The sound_id and the parameters are null if it has no counterpart, or values out of range; `losses` say so.
    """

    sha256 = sha256("SHA-256 of the file", primary_key=True)
    offset = dy.UInt64(primary_key=True, metadata=description("byte offset of the message in the file"))
    slot = dy.UInt16(primary_key=True, min=1, metadata=description("slot in the message, from 1"))
    synth = one_of(_SYNTHS, "synth that it was made for, or the first of its kin")
    name = voice_name("name, with U+FFFD for characters that cannot be printed")
    sound_id = sound_id(nullable=True)
    losses = _LOSSES
    locals().update(parameters(nullable=True))

    @dy.rule()
    def parameters_with_a_sound(cls) -> pl.Expr:
        return parameters_agree_with_sound()

    @dy.rule()
    def a_sound_or_a_reason(cls) -> pl.Expr:
        return pl.col("sound_id").is_not_null() | (pl.col("losses").list.len() > 0)


class Supplements(dy.Schema):
    """What a DX7II has of a voice beside the voice: the supplement (ACED or AMEM) before its dump.

    The key is that of the voice in `decoded_voices`.
    """

    sha256 = sha256("SHA-256 of the file", primary_key=True)
    offset = dy.UInt64(primary_key=True, metadata=description("byte offset of the dump of the voice in the file"))
    slot = dy.UInt16(primary_key=True, min=1, metadata=description("slot in the dump, from 1"))
    losses = _LOSSES
    locals().update(
        {
            field.name: dy.UInt8(metadata=description(f"{field.description}; legal range 0 to {field.maximum}"))
            for field in ACED.fields
        }
    )


class Performances(dy.Schema):
    """A performance of DX7II, TX802, TX7, DX1 or DX5: which voices it plays, and how."""

    sha256 = sha256("SHA-256 of the file", primary_key=True)
    offset = dy.UInt64(primary_key=True, metadata=description("byte offset of the message in the file"))
    number = dy.UInt16(primary_key=True, min=1, metadata=description("number in the message, from 1"))
    kind = one_of((kind.id for kind in PERFORMANCE_KINDS), "kind of message")
    name = dy.String(metadata=description("name, with U+FFFD for characters that cannot be printed"))
    values = dy.List(dy.UInt8(), metadata=description("its parameters; a view for each synth names them"))
