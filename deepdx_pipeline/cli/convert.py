"""The command that converts files of voices: convert."""

import re
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from deepdx_pipeline.cli.console import err, numbered_paths, print_line
from deepdx_pipeline.cli.other_synths import (
    dx7ii_banks,
    minidexed_files,
    print_losses,
    print_own_losses,
    print_supplement_losses,
)

if TYPE_CHECKING:
    import polars as pl

    from deepdx_core.conversions.collection import Source


class Target(StrEnum):
    """Output format."""

    SYX = "syx"
    MID = "mid"
    VCED = "vced"
    VOLCA = "volca"
    DX7II = "dx7ii"
    DX7 = "dx7"
    DX7II_BANK = "dx7ii-bank"
    SY77 = "sy77"
    DELUGE = "deluge"
    FM1 = "fm1"
    MINIDEXED = "minidexed"
    CSV = "csv"
    JSON = "json"
    JSONL = "jsonl"
    PARQUET = "parquet"


_SINGLES = (Target.VCED, Target.VOLCA, Target.DX7II)
_FOLDERS = (*_SINGLES, Target.DELUGE, Target.FM1, Target.MINIDEXED)
"""Targets that are folders of files; singles may be one file instead."""
_WITH_MESSAGES = (Target.DX7, Target.DX7II, Target.DX7II_BANK, Target.MINIDEXED)
"""Targets for which messages beside DX7 voices count."""
_SYSEX = (*_SINGLES, Target.DX7, Target.DX7II_BANK, Target.SY77)
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
        typer.Option(
            help="Output format; vced, volca and dx7ii are single voices, dx7 banks from voices of any Yamaha.",
            show_default="by extension",
        ),
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
    other_synths: Annotated[
        bool,
        typer.Option(
            "--other-synths",
            help="Take voices of SY77, TX81Z, DX21, FB-01 and reface DX too, converted; implied by `--to dx7`.",
        ),
    ] = False,
) -> None:
    """Convert voices to banks, single voices, MIDI files, tables, or files of other synthesizers.

    Headers and checksums are written correctly, whatever they are in the input. Everything that a conversion from or to
    another synthesizer does not carry over is printed, voice by voice.
    """
    target = _choose_target(output, to)
    ranges = None if slots is None else parse_slots(slots)

    import polars as pl

    from deepdx_core.conversions.collection import convert_sources, find_messages
    from deepdx_core.display import counted, printable
    from deepdx_core.errors import DeepDXError
    from deepdx_core.exchange.conversion import COLUMNS, collect_voices, make_writable, select_voices
    from deepdx_core.files import OutputError, write_outputs
    from deepdx_core.intake.survey import format_location
    from deepdx_core.voice.parameters import PARAMETER_NAMES

    collected = collect_voices(inputs)
    voices, without_voices, impossible = collected.voices, collected.without_voices, 0
    sources = find_messages(inputs) if other_synths or target in _WITH_MESSAGES else []
    if other_synths or target is Target.DX7:
        others = select_voices(convert_sources(sources), ranges, name)
        impossible = print_losses(others)
        possible = others.filter(pl.col(PARAMETER_NAMES[0]).is_not_null())
        voices = pl.concat([voices, possible.select(COLUMNS)])
        known = {f"{format_location(row)}: no voices" for row in others.select("path", "member").unique().to_dicts()}
        without_voices = [line for line in without_voices if not line.startswith(tuple(known))]
    writable = make_writable(select_voices(voices, ranges, name), clamp, unique)
    print_problems(collected.refused, without_voices, writable.skipped, writable.clamped)
    if target is Target.DX7:
        print_supplement_losses(writable.voices, sources)
    if target is Target.MINIDEXED:
        files = minidexed_files(collected.voices, sources, output)
        if not files:
            raise DeepDXError("no performances to write")
    elif writable.voices.is_empty():
        raise DeepDXError("no voices to write")
    else:
        files = _build_files(writable.voices, target, output, one_file, sources)
    if files[0][0].parent == output and not output.exists():
        try:
            output.mkdir()  # for single voices; its parents are not created
        except OSError as error:
            raise OutputError(output, f"cannot be created: {error.strerror}") from error
    write_outputs(dict(files), force)
    performances = target is Target.MINIDEXED
    count = counted(len(files), "performance") if performances else counted(len(writable.voices), "voice")
    first, last = (printable(str(path)) for path, _ in (files[0], files[-1]))
    print_line(f"{count} in {len(files):,} files: {first} to {last}" if len(files) > 1 else f"{count}: {first}")
    if collected.refused or writable.skipped or impossible:
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
    if to is not None and by_extension not in (None, to) and not (to in _SYSEX and by_extension is Target.SYX):
        raise typer.BadParameter(f"{to} cannot be written to a {printable(output.suffix)} file", param_hint="--to")
    target = to or by_extension
    assert target is not None
    if is_folder(output) and target not in _FOLDERS:
        raise typer.BadParameter(f"{shown} is a folder", param_hint="--output")
    return target


def _build_files(
    voices: "pl.DataFrame", target: Target, output: Path, one_file: bool, sources: "list[Source]"
) -> list[tuple[Path, bytes]]:
    from deepdx_core.codec import writer
    from deepdx_core.codec.transmission import write_midi_file
    from deepdx_core.conversions.instruments import FM1_SLOTS, write_deluge_presets, write_fm1_set
    from deepdx_core.conversions.supplements import find_fractional_scalings, find_supplements, fractional_losses
    from deepdx_core.conversions.to_sy77 import BANK_VOICES, write_sy77_voices
    from deepdx_core.display import counted
    from deepdx_core.errors import DeepDXError
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
    if target is Target.SY77:
        messages, losses = write_sy77_voices(parameters, names)
        print_own_losses(voices, losses, "SY77")
        banks = [b"".join(messages[i : i + BANK_VOICES]) for i in range(0, len(messages), BANK_VOICES)]
        return _number(output, banks, one_file)
    if target is Target.DX7II_BANK:
        return _number(output, dx7ii_banks(voices, parameters, names, sources), one_file=True)
    if target is Target.FM1:
        if len(voices) > FM1_SLOTS:
            raise DeepDXError(f"a set for the FM-1 takes {FM1_SLOTS} voices, not {len(voices):,}: select some")
        return [(output / name, data) for name, data in write_fm1_set(parameters, names).items()]
    if target is Target.DELUGE:
        presets = write_deluge_presets(parameters, names)
        return list(zip(_single_paths(output, voices["name"].to_list(), ".XML"), presets, strict=True))
    if target in _SINGLES:
        if target is Target.DX7II:
            supplements = find_supplements(voices, parameters, sources)
            singles = write_dx7ii_singles(parameters, names, supplements=supplements)
            _, known = find_fractional_scalings(voices, sources)
            print_own_losses(voices, fractional_losses(supplements, known), "single voices")
        else:
            write = writer.write_singles if target is Target.VCED else writer.write_volca_singles
            singles = write(parameters, names)
        if output.suffix and not output.is_dir():
            return [(output, b"".join(singles))]
        return list(zip(_single_paths(output, voices["name"].to_list()), singles, strict=True))
    banks = writer.write_banks(parameters, names)
    if target is Target.MID:
        return [(output, write_midi_file(banks))]
    return _number(output, banks, one_file)


def _number(output: Path, banks: list[bytes], one_file: bool) -> list[tuple[Path, bytes]]:
    """Return one file of all banks, or a numbered file for each."""
    if one_file or len(banks) == 1:
        return [(output, b"".join(banks))]
    return list(zip(numbered_paths(output, len(banks)), banks, strict=True))


def _single_paths(folder: Path, names: list[str], ending: str = ".syx") -> list[Path]:
    digits = max(2, len(str(len(names))))
    # Names of voices may contain characters that no file system accepts. The number keeps equal names apart.
    safe = (re.sub(r"[^A-Za-z0-9 _-]", "_", name).strip() for name in names)
    return [folder / (f"{number:0{digits}} {name}".strip() + ending) for number, name in enumerate(safe, 1)]
