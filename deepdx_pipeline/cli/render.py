"""Commands that make voices audible: render, play."""

import os
import re
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from deepdx_core.voice.parameters import VMEM_VOICES
from deepdx_pipeline.cli.clips import (
    Clips,
    Format,
    PhraseName,
    plan_banks,
    write_folders,
    write_multisamples,
    write_one_files,
)
from deepdx_pipeline.cli.console import announce_compilation, print_line, progress_bar
from deepdx_pipeline.cli.convert import parse_slots, print_problems

if TYPE_CHECKING:
    import polars as pl


class Level(StrEnum):
    """Level of clips."""

    MATCHED = "matched"
    ORIGINAL = "original"


_MAX_NOTES = 12  # so that a bank in one WAV file stays below the format's limit of 4 GB
_MAX_SECONDS = 60
_SECONDS_HELP = "Length of each clip; keys go up after two thirds."

_Inputs = Annotated[
    list[str],
    typer.Argument(
        metavar="FILE[:SLOTS]...",
        help="Banks, archives, folders, tables of voices, - for standard input; slots like `bank.syx:1,5-8`, from 1.",
    ),
]
_Notes = Annotated[
    str | None,
    typer.Option(
        metavar="C2,C4,C6", help="Render these notes: names or MIDI numbers. Middle C is C4, 60; Yamaha calls it C3."
    ),
]
_Phrase = Annotated[
    PhraseName | None,
    typer.Option(help="Render a phrase; auto chooses by the name of a voice, or its envelopes.", show_default="auto"),
]
_Velocity = Annotated[int, typer.Option(min=1, max=127, help="MIDI velocity.")]


def render(
    inputs: _Inputs,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="Folder to write to.")],
    notes: _Notes = None,
    phrase: _Phrase = None,
    velocity: _Velocity = 100,
    seconds: Annotated[
        float | None,
        typer.Option(min=0.1, max=_MAX_SECONDS, help=_SECONDS_HELP, show_default="3, or 6 with --sfz"),
    ] = None,
    audio_format: Annotated[Format, typer.Option("--format", help="Format of the files.")] = Format.WAV,
    one_file: Annotated[
        bool,
        typer.Option("--one-file", help="One file per bank, with a text file of labels for Audacity beside it."),
    ] = False,
    level: Annotated[
        Level,
        typer.Option(help="Make all clips equally loud, or keep their own levels, with one gain for all."),
    ] = Level.MATCHED,
    sfz: Annotated[
        bool,
        typer.Option(
            "--sfz",
            help="Sample each voice over the keyboard, for samplers. Ignores --velocity and --level.",
        ),
    ] = False,
    every: Annotated[int, typer.Option(min=1, max=24, help="Semitones between samples, with --sfz.")] = 3,
    velocities: Annotated[
        int, typer.Option(min=1, max=8, help="Velocity layers, with --sfz, of voices that are sensitive to velocity.")
    ] = 4,
    force: Annotated[bool, typer.Option("--force", help="Overwrite existing files.")] = False,
) -> None:
    """Render voices to audio files.

    Each bank gets a folder with a file per voice. Voices with a parameter out of range are skipped.
    """
    parsed_notes = _parse_notes(notes, phrase)
    if sfz and (notes or phrase or one_file or audio_format in (Format.MP3, Format.OGG)):
        raise typer.BadParameter("excludes --notes, --phrase, --one-file, mp3 and ogg", param_hint="--sfz")
    voices, complete = _collect_voices(inputs)
    announce_compilation()
    with progress_bar() as report:
        if sfz:
            write_multisamples(voices, output, (every, velocities), seconds or 6.0, audio_format, force, report)
        else:
            banks = plan_banks(voices, parsed_notes, phrase, VMEM_VOICES if one_file else None)
            clips = Clips(banks, velocity, seconds or 3.0, level is Level.MATCHED, report)
            write = write_one_files if one_file else write_folders
            write(clips, output, audio_format, force)
    if not complete:
        raise typer.Exit(1)


def play(
    inputs: _Inputs,
    notes: _Notes = None,
    phrase: _Phrase = None,
    velocity: _Velocity = 100,
    seconds: Annotated[float, typer.Option(min=0.1, max=_MAX_SECONDS, help=_SECONDS_HELP)] = 3.0,
) -> None:
    """Play voices one after another; Ctrl-C stops."""
    parsed_notes = _parse_notes(notes, phrase)

    from deepdx_core.sound.loudness import match_loudness
    from deepdx_core.sound.phrases import render_phrases
    from deepdx_core.sound.playback import load_player
    from deepdx_core.sound.playback import play as play_clip

    player = load_player()
    announce_compilation()
    voices, complete = _collect_voices(inputs)
    try:
        for bank in plan_banks(voices, parsed_notes, phrase):
            for i, name in enumerate(bank.names):
                print_line(name)
                clip = render_phrases(bank.parameters[[i]], bank.phrases[i : i + 1], velocity, seconds)
                play_clip(player, match_loudness(clip)[0])
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
    if not complete:
        raise typer.Exit(1)


def _parse_notes(notes: str | None, phrase: PhraseName | None) -> list[int]:
    """Return the notes of `--notes`, each once; none if the option is not given."""
    if notes is None:
        return []
    if phrase is not None:
        raise typer.BadParameter("cannot be combined with --notes", param_hint="--phrase")

    from deepdx_core.sound.phrases import parse_note

    try:
        parsed = list(dict.fromkeys(parse_note(text.strip()) for text in notes.split(",")))
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--notes") from error
    if len(parsed) > _MAX_NOTES:
        raise typer.BadParameter(f"{len(parsed)} notes; the most are {_MAX_NOTES}", param_hint="--notes")
    return parsed


def _parse_input(text: str) -> tuple[Path, str | None]:
    """Split `FILE:SLOTS`. A file whose own name ends like that comes first."""
    match = re.fullmatch(r"(.+):([0-9,\s-]+)", text, re.DOTALL)
    if match is None or os.path.lexists(text):
        return Path(text), None
    return Path(match[1]), match[2]


def _collect_voices(inputs: list[str]) -> "tuple[pl.DataFrame, bool]":
    """Return the voices at `FILE[:SLOTS]...` that can be rendered, with their `number` in their file.

    Prints which files and voices are left out. The second value is False if a file was refused or a voice left out.
    """
    import polars as pl

    from deepdx_core.display import printable
    from deepdx_core.errors import DeepDXError
    from deepdx_core.exchange.conversion import collect_voices, make_writable, select_voices

    groups: list[tuple[list[Path], str | None]] = []  # files without slots are read together
    for path, slots in map(_parse_input, inputs):
        if slots is None and groups and groups[-1][1] is None:
            groups[-1][0].append(path)
        else:
            groups.append(([path], slots))
    parts, complete = [], True
    for paths, slots in groups:
        collected = collect_voices(paths)
        voices = collected.voices.with_columns(number=pl.int_range(1, pl.len() + 1).over("path", "member"))
        selected = voices if slots is None else select_voices(voices, parse_slots(slots, "FILE:SLOTS"))
        refused = collected.refused
        if selected.is_empty() and not voices.is_empty():
            refused.append(f"{printable(str(paths[0]))}: no slot {slots}")
        legal = make_writable(selected, left_out_as="not rendered")
        print_problems(refused, collected.without_voices, legal.skipped, [])
        complete = complete and not refused and not legal.skipped
        parts.append(legal.voices)
    found = pl.concat(parts)
    if found.is_empty():
        raise DeepDXError("no voices to render")
    return found, complete
