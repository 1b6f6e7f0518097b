"""New names for voices, by patterns of their old ones."""

import re
from collections.abc import Iterable

import polars as pl

from deepdx_core.codec.names import NO_CHARACTER
from deepdx_core.display import shown
from deepdx_core.errors import DeepDXError
from deepdx_core.exchange.conversion import format_slot
from deepdx_core.voice.parameters import NAME_LENGTH

_MAX_LENGTH = 100  # of a rename: polars bounds the size of a pattern


class RenameError(DeepDXError):
    """Voices cannot be renamed as asked. The message names the rename or the voice, and the reason."""


def rename_voices(voices: pl.DataFrame, renames: Iterable[str]) -> pl.DataFrame:
    """Return voices with new names. Each voice takes the first of the renames that matches its name.

    renames: `OLD=NEW`. A `*` in OLD is any text; in NEW, the text at that place of OLD. Case is ignored in OLD. Raises
    RenameError for a rename that is none, or that no voice takes; and for a name that no dump can hold: longer than ten
    characters, or with others than those of a DX7.
    """
    old, new, taken = pl.col("name"), pl.col("name"), pl.lit(False)
    for rename in renames:
        pattern, replacement = _parse(rename)
        takes = old.str.contains(pattern) & ~taken
        if not voices.select(takes.any()).item():
            raise RenameError(f"{shown(rename)}: no voice has such a name")
        new, taken = pl.when(takes).then(old.str.replace(pattern, replacement)).otherwise(new), taken | takes
    renamed = voices.with_columns(new.str.strip_chars_end(" ").alias("name"), old=old, taken=taken)
    too_long = pl.col("name").str.len_chars() > NAME_LENGTH
    for row in renamed.filter("taken", too_long | pl.col("name").str.contains(NO_CHARACTER)).iter_rows(named=True):
        where = format_slot(row | {"name": row["old"]})
        raise RenameError(f"{where}: {shown(row['name'])} is not a name: up to {NAME_LENGTH} characters of a DX7")
    return renamed.drop("old", "taken")


def _parse(rename: str) -> tuple[str, str]:
    """Return the pattern and the replacement of a rename, as polars takes them."""
    old, equals, new = rename.partition("=")
    if not equals or not old or len(rename) > _MAX_LENGTH:
        raise RenameError(f"{shown(rename)} is not OLD=NEW")
    if new.count("*") > old.count("*"):
        raise RenameError(f"{shown(rename)}: NEW has more * than OLD")
    pattern = "(.*)".join(map(re.escape, old.split("*")))
    first, *rest = new.replace("$", "$$").split("*")
    return f"(?is)^{pattern}$", first + "".join(f"${{{number}}}{text}" for number, text in enumerate(rest, 1))
