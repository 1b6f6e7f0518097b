"""The command that finds voices by name: find."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from deepdx_core.home import Home, find_home
from deepdx_pipeline.cli.console import err, print_line
from deepdx_pipeline.cli.rows import RowFormat, print_rows

if TYPE_CHECKING:
    import polars as pl

    from deepdx_core.conversions.collection import Source

_COLUMNS = ("path", "member", "offset", "slot", "name")


def find(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Part of the name; case is ignored.")],
    inputs: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[IN]...", help="Banks, archives or folders; - is standard input.", show_default="the corpus"
        ),
    ] = None,
    format: Annotated[RowFormat, typer.Option("--format", "-f", help="Output format.")] = RowFormat.TABLE,
) -> None:
    """Find voices by a part of their name, in files and folders or in the corpus: file, place and slot.

    In files, voices of other Yamahas are found, too. The exit status is 1 if no voice is found.
    """
    from deepdx_core.display import printable
    from deepdx_core.errors import DeepDXError

    if not name.strip():
        raise typer.BadParameter("is empty", param_hint="NAME")
    voices, refused = _voices_in_files(inputs) if inputs else (_voices_of_corpus(find_home()), [])
    for line in refused:
        print_line(line, "red", err)
    found = voices.filter(voices["name"].str.to_lowercase().str.contains(name.lower(), literal=True))
    if found.is_empty():
        raise DeepDXError(f"no voice has {printable(name)} in its name")
    print_rows(found, format)
    if refused:
        raise typer.Exit(1)


def _voices_in_files(inputs: list[Path]) -> "tuple[pl.DataFrame, list[str]]":
    """Return the names of all voices in files with their places, in order, and messages about files not read."""
    import polars as pl

    from deepdx_core.conversions.collection import MessageCollector
    from deepdx_core.exchange.inspection import inspect_files
    from deepdx_core.intake.survey import format_location

    collector = MessageCollector()
    files, voices = inspect_files(inputs, collector)
    dx7 = voices.select(*_COLUMNS, synth=pl.lit("DX7"))
    order = files.select("path", "member").unique(maintain_order=True).with_row_index("file")
    found = (
        pl.concat([dx7, _voices_in_messages(collector.sources(files))])
        .join(order, on=["path", "member"], nulls_equal=True, maintain_order="left")
        .sort("file", "offset", "slot", maintain_order=True)
        .drop("file")
    )
    refused = [
        f"{format_location(row)}: {row['reason']}" for row in files.filter(status="refused").iter_rows(named=True)
    ]
    return found, refused


def _voices_in_messages(sources: "list[Source]") -> "pl.DataFrame":
    import polars as pl

    from deepdx_core.codec.names import names_to_text

    rows = [
        (source.path, source.member, message.offset, slot, name, message.kind.synth)
        for source in sources
        for message in source.messages
        if message.kind.voices
        for slot, name in enumerate(names_to_text(message.names).tolist(), 1)
    ]
    schema = {"path": pl.String, "member": pl.String, "offset": pl.UInt64, "slot": pl.UInt16, "name": pl.String}
    return pl.DataFrame(rows, schema | {"synth": pl.String}, orient="row")


def _voices_of_corpus(home: Home) -> "pl.DataFrame":
    """Return the names of all voices in the corpus of a home, with their places in its inbox."""
    from deepdx_core.tables.storage import Tables

    tables = Tables(home)
    files = tables.read("raw_files", ["path", "member", "sha256"])
    slots = tables.read("decoded_voices", ["sha256", "offset", "slot", "name", "sound_id"])
    return files.join(slots, on="sha256").select(*_COLUMNS, "sound_id").sort("path", "member", "offset", "slot")
