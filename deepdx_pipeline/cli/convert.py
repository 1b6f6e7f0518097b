"""The command that converts files of voices: convert."""

import re
import sys
from pathlib import Path
from typing import Annotated

import typer

from deepdx_pipeline.cli.arrange import Sort, Unwanted, arrange
from deepdx_pipeline.cli.console import err, print_line
from deepdx_pipeline.cli.other_synths import (
    converted_voices,
    minidexed_files,
    print_findings,
    print_losses,
    print_supplement_losses,
)
from deepdx_pipeline.cli.targets import WITH_MESSAGES, Target, build_files, choose_target

_MAX_WITHOUT_VOICES = 20  # files that are listed one by one


def convert(
    inputs: Annotated[
        list[Path],
        typer.Argument(metavar="IN...", help="Banks, archives, folders or tables of voices; - is standard input."),
    ],
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            help="File to write, in the format of its extension; a folder for single voices; - is standard output.",
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
    rename: Annotated[
        list[str] | None,
        typer.Option(
            metavar="OLD=NEW",
            help="Rename voices, such as `DX *=*`: `*` is any text, the same in NEW; case is ignored; repeatable.",
        ),
    ] = None,
    sort: Annotated[
        Sort,
        typer.Option(help="Order of the voices; similarity renders them, so that neighbors sound alike."),
    ] = Sort.ORIGINAL,
    without: Annotated[
        list[Unwanted] | None,
        typer.Option(
            help="Leave out `empty` (blank slots, INIT VOICE, voices without a sound) or `sounds-alike` (voices that "
            "sound like an earlier one); repeatable."
        ),
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
    target = choose_target(output, to)
    if target is Target.MINIDEXED:
        changes = {"slots": slots, "name": name, "unique": unique, "rename": rename, "without": without}
        for option, given in (changes | {"sort": sort is not Sort.ORIGINAL}).items():
            if given:
                raise typer.BadParameter("performances take the voices of a file as they are", param_hint=f"--{option}")
    ranges = None if slots is None else parse_slots(slots)

    import polars as pl

    from deepdx_core.conversions.collection import MessageCollector, convert_sources
    from deepdx_core.display import counted, printable
    from deepdx_core.errors import DeepDXError
    from deepdx_core.exchange.conversion import collect_voices, make_writable, select_voices
    from deepdx_core.exchange.renaming import rename_voices
    from deepdx_core.files import make_output_folder, write_outputs
    from deepdx_core.intake.local_files import STANDARD_STREAM
    from deepdx_core.intake.survey import format_location

    collector = MessageCollector() if other_synths or target in WITH_MESSAGES else None
    collected = collect_voices(inputs, collector)
    voices, without_voices, impossible = collected.voices, collected.without_voices, 0
    sources = collector.sources(collected.files) if collector else []
    if other_synths or target is Target.DX7:
        print_findings(sources)
        others = select_voices(convert_sources(sources), ranges, name)
        impossible = print_losses(others)
        voices = pl.concat([voices, converted_voices(others)])
        converted = {format_location(row) for row in others.select("path", "member").unique().iter_rows(named=True)}
        without_voices = {place: reason for place, reason in without_voices.items() if place not in converted}
    writable = make_writable(select_voices(voices, ranges, name), clamp, unique)
    print_problems(collected.refused, without_voices, writable.skipped, writable.clamped)
    renamed = rename_voices(writable.voices, rename) if rename else writable.voices
    voices = arrange(renamed, sort, without or [])
    if target is Target.DX7:
        print_supplement_losses(voices, sources)
    if target is Target.MINIDEXED:
        files = minidexed_files(collected.voices, sources, output)
        if not files:
            raise DeepDXError("no performances to write")
    elif voices.is_empty():
        raise DeepDXError("no voices to write")
    else:
        files = build_files(voices, target, output, one_file, sources)
    performances = target is Target.MINIDEXED
    count = counted(len(files), "performance") if performances else counted(len(voices), "voice")
    if output == STANDARD_STREAM:
        sys.stdout.buffer.write(files[0][1])
        print_line(f"{count}: standard output", console=err)
    else:
        if files[0][0].parent == output:
            make_output_folder(output)
        write_outputs(dict(files), force)
        first, last = (printable(str(path)) for path, _ in (files[0], files[-1]))
        print_line(f"{count} in {len(files):,} files: {first} to {last}" if len(files) > 1 else f"{count}: {first}")
    if collected.refused or writable.skipped or impossible:
        raise typer.Exit(1)


def print_problems(refused: list[str], without_voices: dict[str, str], skipped: list[str], changed: list[str]) -> None:
    """Print to stderr the files refused or without voices, and the voices skipped or changed.

    without_voices: reason of each file without voices, by location.
    """
    for line in refused + skipped:
        print_line(line, "red", err)
    no_voices = [f"{location}: no voices: {reason}" for location, reason in without_voices.items()]
    for line in no_voices[:_MAX_WITHOUT_VOICES] + changed:
        print_line(line, "yellow", err)
    if (more := len(no_voices) - _MAX_WITHOUT_VOICES) > 0:
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
