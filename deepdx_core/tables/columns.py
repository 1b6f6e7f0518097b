"""Kinds of columns that schemas of several rooms have."""

from typing import Any

import dataframely as dy

SPLITS = ("train", "validation", "test")


def about(description: str) -> dict[str, Any]:
    """What a column is, as its metadata."""
    return {"description": description}


def one_of(values: Any, description: str, **options: Any) -> dy.String:
    """Text that is one of some values."""
    known = [str(value) for value in values]
    text = f"{description}: {', '.join(known)}"
    return dy.String(check=lambda column: column.is_in(known), metadata=about(text), **options)


def sound_id(**options: Any) -> dy.String:
    """The key of a sound."""
    text = "the sound: first 20 hexadecimal digits of the SHA-256 of its 145 parameter bytes in VCED order"
    return dy.String(regex="^[0-9a-f]{20}$", metadata=about(text), **options)


def number(description: str, **options: Any) -> dy.Float64:
    """A number of 0 or more."""
    return dy.Float64(min=0, metadata=about(description), **options)


def estimate(name: str, description: str, **options: Any) -> dict[str, dy.Column]:
    """A measure with its standard error, both null where there was too little to tell."""
    return {
        name: number(description, nullable=True, **options),
        f"{name}_error": number(f"standard error of {name}", nullable=True),
    }
