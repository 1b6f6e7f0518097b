"""The command that finds similar sounds: similar."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from deepdx_core.home import find_home
from deepdx_pipeline.cli.console import announce_compilation, bank_paths, err, print_line, progress_bar
from deepdx_pipeline.cli.rows import RowFormat, print_rows

if TYPE_CHECKING:
    import polars as pl

_MAX_COUNT = 200


class Measure(StrEnum):
    """What makes sounds similar."""

    EAR = "ear"
    PARAMETERS = "parameters"


def similar(
    wanted: Annotated[
        str,
        typer.Argument(
            metavar="VOICE|RECORDING",
            help="FILE:SLOT, such as bank.syx:5; or a sound_id; or a recording of a note: WAV, FLAC, MP3, Ogg, AIFF.",
        ),
    ],
    count: Annotated[int, typer.Option(min=1, max=_MAX_COUNT, help="Number of sounds.")] = 20,
    by: Annotated[
        Measure | None,
        typer.Option(help="Compare by how voices sound, or by their parameters.", show_default="ear"),
    ] = None,
    note: Annotated[
        str | None,
        typer.Option(help="The note that a recording plays: a name or MIDI number.", show_default="tries all"),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="BANK", help="Bank to write the sounds to.")
    ] = None,
    format: Annotated[RowFormat, typer.Option("--format", "-f", help="Output format.")] = RowFormat.TABLE,
    force: Annotated[bool, typer.Option("--force", help="Overwrite existing files.")] = False,
) -> None:
    """Find the sounds of the corpus that are most similar to a voice or to a recording, the nearest first."""
    from deepdx_core.display import printable
    from deepdx_core.exchange.references import read_voice
    from deepdx_core.files import write_outputs
    from deepdx_core.similarity.index import SoundIndex
    from deepdx_core.similarity.recordings import EXTENSIONS

    if output is not None:
        bank_paths(output, count, force)
    is_recording = Path(wanted).suffix.lower() in EXTENSIONS
    number = _parse_note(note)
    if is_recording and by is Measure.PARAMETERS:
        raise typer.BadParameter("a recording has no parameters", param_hint="--by")
    if number is not None and not is_recording:
        raise typer.BadParameter("only a recording plays a note", param_hint="--note")

    home = find_home()
    announce_compilation()
    index = SoundIndex.load(home)
    if is_recording:
        with progress_bar() as report:
            found = index.by_recording(Path(wanted), count, note=number, report=report)
    else:
        parameters, _ = read_voice(home, wanted)
        found = (index.by_parameters if by is Measure.PARAMETERS else index.by_ear)(parameters, count)
    described = _describe(found)
    paths = [] if output is None else bank_paths(output, len(found), force)
    if paths:
        write_outputs(dict(zip(paths, _encode(described), strict=True)), force)
    print_rows(described, format)
    for path in paths:
        print_line(printable(str(path)), console=err)


def _parse_note(note: str | None) -> int | None:
    if note is None:
        return None
    from deepdx_core.similarity.matching import HIGHEST_NOTE, LOWEST_NOTE
    from deepdx_core.sound.phrases import parse_note

    try:
        number = parse_note(note)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--note") from error
    if not LOWEST_NOTE <= number <= HIGHEST_NOTE:
        raise typer.BadParameter(
            f"{note} is not a note from C1 to C8 ({LOWEST_NOTE} to {HIGHEST_NOTE})", param_hint="--note"
        )
    return number


def _describe(found: "pl.DataFrame") -> "pl.DataFrame":
    """Return sounds that were found with their names, labels and numbers of files."""
    import polars as pl

    from deepdx_core.tables.storage import Tables

    tables = Tables(find_home())
    labels = tables.read("labeled_voices", ["sound_id", "label"])
    names = tables.read("unique_voices", ["sound_id", "name", "files"])
    described = found.join(names, on="sound_id", how="left", maintain_order="left")
    described = described.join(labels, on="sound_id", how="left", maintain_order="left")
    columns = ["distance", *(["note"] if "note" in found.columns else []), "name", "label", "files", "sound_id"]
    return described.select(columns).with_columns(pl.col("distance").cast(pl.Float64).round(2))


def _encode(described: "pl.DataFrame") -> list[bytes]:
    """Return banks of the sounds, in their order."""
    from deepdx_core.codec.writer import write_banks
    from deepdx_core.exchange.conversion import to_arrays
    from deepdx_core.tables.storage import Tables
    from deepdx_core.voice.parameters import PARAMETER_NAMES

    sounds = Tables(find_home()).read("unique_voices", ["sound_id", *PARAMETER_NAMES])
    wanted = described.select("sound_id", "name").join(sounds, on="sound_id", how="left", maintain_order="left")
    return write_banks(*to_arrays(wanted))
