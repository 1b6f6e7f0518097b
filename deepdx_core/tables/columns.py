"""Columns that several schemas share. Every column has a description in its metadata."""

from typing import Any

import dataframely as dy

from deepdx_core.voice.parameters import NAME_LENGTH, PARAMETERS

MAX_FINDINGS = 32
"""Findings kept per voice. Data that is not a voice may have a hundred, and a file of it half a million."""


def description(text: str) -> dict[str, Any]:
    """Return the description of a column as its metadata."""
    return {"description": text}


def one_of(values: Any, text: str, **options: Any) -> dy.String:
    """A string column that allows only the given values. Its description lists them."""
    known = [str(value) for value in values]
    listed = description(f"{text}: {', '.join(known)}")
    return dy.String(check=lambda column: column.is_in(known), metadata=listed, **options)


def number(text: str, **options: Any) -> dy.Float64:
    """A column of numbers of at least 0."""
    return dy.Float64(min=0, metadata=description(text), **options)


def estimate(name: str, text: str, **options: Any) -> dict[str, dy.Column]:
    """Two columns: a measure and its standard error, both null if there were too few voices to compute them."""
    return {
        name: number(text, nullable=True, **options),
        f"{name}_error": number(f"standard error of {name}", nullable=True),
    }


def sound_id(**options: Any) -> dy.String:
    """The key of a sound."""
    text = "key of the sound: first 20 hexadecimal digits of the SHA-256 of its 145 parameter bytes in VCED order"
    return dy.String(regex="^[0-9a-f]{20}$", metadata=description(text), **options)


def sha256(text: str, **options: Any) -> dy.String:
    """A SHA-256 in 64 hexadecimal digits."""
    return dy.String(regex="^[0-9a-f]{64}$", metadata=description(text), **options)


def voice_name(text: str) -> dy.String:
    """A name of a voice, of at most 10 characters."""
    return dy.String(check=lambda column: column.str.len_chars() <= NAME_LENGTH, metadata=description(text))


def parameters(**options: Any) -> dict[str, dy.Column]:
    """The 145 parameters, in VCED order. Values may be out of range."""
    return {
        p.name: dy.UInt8(metadata=description(f"{p.description}; legal range 0 to {p.maximum}"), **options)
        for p in PARAMETERS
    }
