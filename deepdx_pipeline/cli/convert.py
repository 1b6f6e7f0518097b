"""The command that converts files of voices: convert."""

import re
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from deepdx_pipeline.cli.console import err, numbered_paths, print_line

if TYPE_CHECKING:
    import polars as pl


class Target(StrEnum):
    """Output format."""

    SYX = "syx"
    MID = "mid"
    VCED = "vced"
    VOLCA = "volca"
    DX7II = "dx7ii"
    CSV = "csv"
    JSON = "json"
    JSONL = "jsonl"
    PARQUET = "parquet"


_SINGLES = (Target.VCED, Target.VOLCA, Target.DX7II)
_EXTENSIONS = {
    ".syx": Target.SYX,
    ".sysex": Target.SYX,
    ".mid": Target.MID,
    ".midi": Target.MID,
    ".csv": Target.CSV,
    ".json": Target.JSON,
    ".jsonl": Target.JSONL,
    ".ndjson": Target.JSONL,
    ".parquet": Target.PARQUET,
}
_MAX_WITHOUT_VOICES = 20  # files that are listed one by one


def convert(
    inputs: Annotated[
        list[Path], typer.Argument(metavar="IN...", help="Banks, archives, folders or tables of voices.")
    ],
    output: Annotated[
        Path,
        typer.Option(
            "--output", "-o", help="File to write, in the format of its extension; or a folder for single voices."
        ),
    ],
    to: Annotated[
        Target | None,
        typer.Option(help="Output format; vced, volca and dx7ii are single voices.", show_default="by extension"),
    ] = None,
    slots: Annotated[
        str | None, typer.Option(metavar="1,5,7-9", help="Take only these slots of each dump, counted from 1.")
    ] = None,
    name: Annotated[
        str | None,
        typer.Option(metavar="GLOB", help="Take only voices whose name matches, such as `*piano*`; case is ignored."),
    ] = None,
    unique: Annotated[bool, typer.Option("--unique", help="Write each sound once, under its first name.")] = False,
    clamp: Annotated[
        bool,
        typer.Option("--clamp", help="Set out-of-range parameters to their maximum instead of skipping the voice."),
    ] = False,
    one_file: Annotated[
        bool, typer.Option("--one-file", help="Write several banks to one file instead of numbered files.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Overwrite existing files.")] = False,
) -> None:
    """Convert voices to banks, single voices, MIDI files or tables.

    Headers and checksums are written correctly, whatever they are in the input.
    """
    target = _choose_target(output, to)
    ranges = None if slots is None else parse_slots(slots)

    from deepdx_core.display import counted, printable
    from deepdx_core.errors import DeepDXError
    from deepdx_core.exchange.conversion import collect_voices, make_writable, select_voices
    from deepdx_core.files import OutputError, write_outputs

    collected = collect_voices(inputs)
    writable = make_writable(select_voices(collected.voices, ranges, name), clamp, unique)
    print_problems(collected.refused, collected.without_voices, writable.skipped, writable.clamped)
    if writable.voices.is_empty():
        raise DeepDXError("no voices to write")
    files = _build_files(writable.voices, target, output, one_file)
    if files[0][0].parent == output and not output.exists():
        try:
            output.mkdir()  # for single voices; its parents are not created
        except OSError as error:
            raise OutputError(output, f"cannot be created: {error.strerror}") from error
    write_outputs(dict(files), force)
    count = counted(len(writable.voices), "voice")
    first, last = (printable(str(path)) for path, _ in (files[0], files[-1]))
    print_line(f"{count} in {len(files):,} files: {first} to {last}" if len(files) > 1 else f"{count}: {first}")
    if collected.refused or writable.skipped:
        raise typer.Exit(1)


def print_problems(refused: list[str], without_voices: list[str], skipped: list[str], changed: list[str]) -> None:
    """Print on stderr which files were refused or have no voices, and which voices were skipped or changed."""
    for line in refused + skipped:
        print_line(line, "red", err)
    for line in without_voices[:_MAX_WITHOUT_VOICES] + changed:
        print_line(line, "yellow", err)
    if (more := len(without_voices) - _MAX_WITHOUT_VOICES) > 0:
        print_line(f"... and {more:,} more files without voices", console=err)


def parse_slots(text: str, option: str = "--slots") -> list[tuple[int, int]]:
    """Parse a selection such as `1,5,7-9` into ranges of slots, both ends included."""
    ranges = []
    for part in text.split(","):
        match = re.fullmatch(r"\s*([1-9]\d{0,5})\s*(?:-\s*([1-9]\d{0,5})\s*)?", part)
        if match is None or int(match[2] or match[1]) < int(match[1]):
            raise typer.BadParameter(
                f"{part!r} is neither a slot, counted from 1, nor a range such as 7-9", param_hint=option
            )
        ranges.append((int(match[1]), int(match[2] or match[1])))
    return ranges


def _choose_target(output: Path, to: Target | None) -> Target:
    from deepdx_core.display import printable
    from deepdx_core.intake.local_files import is_folder

    by_extension, shown = _EXTENSIONS.get(output.suffix.lower()), printable(str(output))
    if to is None and by_extension is None:
        raise typer.BadParameter(f"{shown} does not end in {', '.join(_EXTENSIONS)}: use --to", param_hint="--output")
    if to is not None and by_extension not in (None, to) and not (to in _SINGLES and by_extension is Target.SYX):
        raise typer.BadParameter(f"{to} cannot be written to a {printable(output.suffix)} file", param_hint="--to")
    target = to or by_extension
    assert target is not None
    if is_folder(output) and target not in _SINGLES:
        raise typer.BadParameter(f"{shown} is a folder", param_hint="--output")
    return target


def _build_files(voices: "pl.DataFrame", target: Target, output: Path, one_file: bool) -> list[tuple[Path, bytes]]:
    from deepdx_core.codec import writer
    from deepdx_core.codec.transmission import write_midi_file
    from deepdx_core.display import counted
    from deepdx_core.exchange.conversion import to_arrays
    from deepdx_core.exchange.table_files import TableFormat, write_table
    from deepdx_core.synths.dx7ii.writer import write_dx7ii_singles

    if target.value in list(TableFormat):
        return [(output, write_table(voices, TableFormat(target.value)))]
    lossy = voices["name"].str.contains("\ufffd", literal=True).sum()
    if lossy:
        print_line(
            f"{counted(int(lossy), 'name')} with characters other than printable ASCII, written as `?`", "yellow", err
        )
    parameters, names = to_arrays(voices)
    if target in _SINGLES:
        write = {
            Target.VCED: writer.write_singles,
            Target.VOLCA: writer.write_volca_singles,
            Target.DX7II: write_dx7ii_singles,
        }[target]
        singles = write(parameters, names)
        if output.suffix and not output.is_dir():
            return [(output, b"".join(singles))]
        return list(zip(_single_paths(output, voices["name"].to_list()), singles, strict=True))
    banks = writer.write_banks(parameters, names)
    if target is Target.MID:
        return [(output, write_midi_file(banks))]
    if one_file or len(banks) == 1:
        return [(output, b"".join(banks))]
    return list(zip(numbered_paths(output, len(banks)), banks, strict=True))


def _single_paths(folder: Path, names: list[str]) -> list[Path]:
    digits = max(2, len(str(len(names))))
    # Names of voices may contain characters that no file system accepts. The number keeps equal names apart.
    safe = (re.sub(r"[^A-Za-z0-9 _-]", "_", name).strip() for name in names)
    return [folder / (f"{number:0{digits}} {name}".strip() + ".syx") for number, name in enumerate(safe, 1)]
