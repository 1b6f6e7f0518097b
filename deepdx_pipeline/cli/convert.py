"""Command on files of voices: convert."""

import re
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from deepdx_pipeline.cli.console import err, numbered, out, plain

if TYPE_CHECKING:
    import polars as pl


class Target(StrEnum):
    """What is written."""

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
_ENDINGS = {
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
_MAX_WITHOUT = 20  # files without voices that are told one by one


def convert(
    inputs: Annotated[
        list[Path], typer.Argument(metavar="IN...", help="Banks, archives, folders, and tables of voices.")
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="What to write; its ending says how.")],
    to: Annotated[
        Target | None, typer.Option(help="How to write, where the ending does not say: vced, volca, dx7ii are singles.")
    ] = None,
    slots: Annotated[str | None, typer.Option(metavar="1,5,7-9", help="Only these slots of each dump.")] = None,
    name: Annotated[str | None, typer.Option(metavar="GLOB", help="Only voices of such names: `*piano*`.")] = None,
    unique: Annotated[bool, typer.Option("--unique", help="Each sound once, under its first name.")] = False,
    clamp: Annotated[bool, typer.Option("--clamp", help="Set parameters out of range to their maximum.")] = False,
    one_file: Annotated[bool, typer.Option("--one-file", help="Several banks in one file.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Overwrite what is there.")] = False,
) -> None:
    """Write voices anew: as banks, singles, MIDI files or tables, with right headers and checksums."""
    target = _target(output, to)
    ranges = None if slots is None else parse_slots(slots)

    from deepdx_core.display import counted, printable
    from deepdx_core.errors import DeepDXError
    from deepdx_core.exchange.conversion import collect_voices, make_writable, select_voices
    from deepdx_core.files import OutputError, write_outputs

    gathered = collect_voices(inputs)
    writable = make_writable(select_voices(gathered.voices, ranges, name), clamp, unique)
    report(gathered.refused, gathered.without, writable.skipped, writable.mended)
    if writable.voices.is_empty():
        raise DeepDXError("no voices to write")
    files = _files(writable.voices, target, output, one_file)
    if files[0][0].parent == output and not output.exists():
        try:
            output.mkdir()  # for singles; it alone is made
        except OSError as error:
            raise OutputError(output, f"cannot be made: {error.strerror}") from error
    write_outputs(dict(files), force)
    count = counted(len(writable.voices), "voice")
    first, last = (printable(str(path)) for path, _ in (files[0], files[-1]))
    where = f"{count} in {len(files):,} files: {first} to {last}" if len(files) > 1 else f"{count}: {first}"
    out.print(plain(where), soft_wrap=True)
    if gathered.refused or writable.skipped:
        raise typer.Exit(1)


def report(refused: list[str], without: list[str], skipped: list[str], mended: list[str]) -> None:
    """Say on stderr what was not taken, and what was taken otherwise than it was."""
    for line in refused + skipped:
        err.print(plain(line), style="red", soft_wrap=True)
    for line in without[:_MAX_WITHOUT] + mended:
        err.print(plain(line), style="yellow", soft_wrap=True)
    if len(without) > _MAX_WITHOUT:
        err.print(f"... and {len(without) - _MAX_WITHOUT:,} more files without voices")


def parse_slots(text: str) -> list[tuple[int, int]]:
    """Ranges of slots, both ends included, of `1,5,7-9`."""
    ranges = []
    for part in text.split(","):
        match = re.fullmatch(r"\s*([1-9]\d{0,5})\s*(?:-\s*([1-9]\d{0,5})\s*)?", part)
        if match is None or int(match[2] or match[1]) < int(match[1]):
            raise typer.BadParameter(f"{part!r} is neither a slot, from 1, nor a range as 7-9", param_hint="--slots")
        ranges.append((int(match[1]), int(match[2] or match[1])))
    return ranges


def _target(output: Path, to: Target | None) -> Target:
    from deepdx_core.display import printable
    from deepdx_core.intake.contents import is_folder

    ending, shown = _ENDINGS.get(output.suffix.lower()), printable(str(output))
    if to is None and ending is None:
        raise typer.BadParameter(f"{shown} does not end in {', '.join(_ENDINGS)}: give --to", param_hint="--output")
    if to is not None and ending not in (None, to) and not (to in _SINGLES and ending is Target.SYX):
        raise typer.BadParameter(f"{to} does not go into a {printable(output.suffix)} file", param_hint="--to")
    target = to or ending
    assert target is not None
    if is_folder(output) and target not in _SINGLES:
        raise typer.BadParameter(f"{shown} is a folder", param_hint="--output")
    return target


def _files(voices: "pl.DataFrame", target: Target, output: Path, one_file: bool) -> list[tuple[Path, bytes]]:
    from deepdx_core.codec import writer
    from deepdx_core.codec.transmission import write_midi_file
    from deepdx_core.display import counted
    from deepdx_core.exchange.conversion import to_arrays
    from deepdx_core.exchange.table_files import TableFormat, write_table

    if target.value in list(TableFormat):
        return [(output, write_table(voices, TableFormat(target.value)))]
    lost = voices["name"].str.contains("\ufffd", literal=True).sum()
    if lost:
        err.print(f"{counted(int(lost), 'name')} with what cannot be written in it; it becomes `?`", style="yellow")
    parameters, names = to_arrays(voices)
    if target in _SINGLES:
        write = {
            Target.VCED: writer.write_singles,
            Target.VOLCA: writer.write_volca_singles,
            Target.DX7II: writer.write_dx7ii_singles,
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
    return list(zip(numbered(output, len(banks)), banks, strict=True))


def _single_paths(folder: Path, names: list[str]) -> list[Path]:
    digits = max(2, len(str(len(names))))
    # Names of voices may hold what no file system takes; the number tells equal ones apart.
    safe = (re.sub(r"[^A-Za-z0-9 _-]", "_", name).strip() for name in names)
    return [folder / (f"{number:0{digits}} {name}".strip() + ".syx") for number, name in enumerate(safe, 1)]
