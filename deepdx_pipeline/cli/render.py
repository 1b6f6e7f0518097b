"""Commands that make voices audible: render, play."""

import os
import re
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from deepdx_pipeline.cli.console import print_line, progress_bar
from deepdx_pipeline.cli.convert import parse_slots, print_problems

if TYPE_CHECKING:
    import polars as pl

    from deepdx_core.arrays import Float32Array, UInt8Array
    from deepdx_core.progress import Report
    from deepdx_core.sound.phrases import Phrase


class Format(StrEnum):
    """Format of audio files."""

    WAV = "wav"
    FLAC = "flac"
    MP3 = "mp3"
    OGG = "ogg"


class Level(StrEnum):
    """Level of clips."""

    MATCHED = "matched"
    ORIGINAL = "original"


class PhraseName(StrEnum):
    """Phrases by name; auto suits the kind of sound."""

    AUTO = "auto"
    ARPEGGIO = "arpeggio"
    CHORD = "chord"


_MAX_NOTES = 12  # so that a bank in one WAV file stays below the format's limit of 4 GB
_MAX_SECONDS = 60
_BANK = 32  # voices in one file

_Inputs = Annotated[
    list[str],
    typer.Argument(
        metavar="FILE[:SLOTS]...",
        help="Banks, archives, folders or tables of voices; slots such as `bank.syx:1,5-8`, counted from 1.",
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
    typer.Option(help="Render a phrase; auto suits the name of the voice, or its envelopes.", show_default="auto"),
]
_Velocity = Annotated[int, typer.Option(min=1, max=127, help="MIDI velocity.")]


def render(
    inputs: _Inputs,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="Folder; a folder in it per bank.")],
    notes: _Notes = None,
    phrase: _Phrase = None,
    velocity: _Velocity = 100,
    seconds: Annotated[
        float | None,
        typer.Option(
            min=0.1, max=_MAX_SECONDS, help="Length of each clip; keys go up at 2/3.", show_default="3, or 6 with --sfz"
        ),
    ] = None,
    audio_format: Annotated[Format, typer.Option("--format", help="Format of the files.")] = Format.WAV,
    one_file: Annotated[
        bool,
        typer.Option("--one-file", help="One file per bank, with a text file of labels for Audacity beside it."),
    ] = False,
    level: Annotated[
        Level, typer.Option(help="The same loudness for all clips, or their own levels with one gain for all.")
    ] = Level.MATCHED,
    sfz: Annotated[
        bool,
        typer.Option("--sfz", help="Sample each voice over the keyboard instead, with an SFZ file for samplers."),
    ] = False,
    every: Annotated[int, typer.Option(min=1, max=24, help="Semitones between the samples of --sfz.")] = 3,
    velocities: Annotated[
        int, typer.Option(min=1, max=8, help="Velocity layers of --sfz, for voices that are sensitive to velocity.")
    ] = 4,
    force: Annotated[bool, typer.Option("--force", help="Overwrite existing files.")] = False,
) -> None:
    """Render voices to audio files.

    Voices that are out of range are skipped.
    """
    parsed_notes = _parse_notes(notes, phrase)
    if sfz and (notes or phrase or one_file or audio_format in (Format.MP3, Format.OGG)):
        raise typer.BadParameter("excludes --notes, --phrase, --one-file, mp3 and ogg", param_hint="--sfz")
    voices, complete = _collect_voices(inputs)
    with progress_bar() as report:
        if sfz:
            _write_multisamples(voices, output, (every, velocities), seconds or 6.0, audio_format, force, report)
        else:
            banks = _plan_banks(voices, parsed_notes, phrase, _BANK if one_file else None)
            clips = _Clips(banks, velocity, seconds or 3.0, level, report)
            write = _write_one_files if one_file else _write_folders
            write(clips, output, audio_format, force)
    if not complete:
        raise typer.Exit(1)


def play(
    inputs: _Inputs,
    notes: _Notes = None,
    phrase: _Phrase = None,
    velocity: _Velocity = 100,
    seconds: Annotated[
        float, typer.Option(min=0.1, max=_MAX_SECONDS, help="Length of each clip; keys go up at 2/3.")
    ] = 3.0,
) -> None:
    """Play voices one after another; Ctrl-C stops."""
    parsed_notes = _parse_notes(notes, phrase)

    from deepdx_core.sound.loudness import match_loudness
    from deepdx_core.sound.phrases import render_phrases
    from deepdx_core.sound.playback import load_player
    from deepdx_core.sound.playback import play as play_clip

    player = load_player()
    voices, complete = _collect_voices(inputs)
    try:
        for bank in _plan_banks(voices, parsed_notes, phrase):
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


@dataclass(frozen=True)
class _Bank:
    """The clips of one bank. `name` and `names` are safe as names of files."""

    name: str
    names: list[str]
    parameters: "UInt8Array"
    phrases: "list[Phrase]"


def _plan_banks(
    voices: "pl.DataFrame", notes: list[int], phrase: PhraseName | None, most: int | None = None
) -> list[_Bank]:
    """Plan the clips of each file, or of `most` voices of a file: one per note, or one with a phrase."""
    from deepdx_core.exchange.conversion import to_arrays
    from deepdx_core.files import safe_name, unique_names
    from deepdx_core.sound.phrases import PHRASES, note_name, single_note

    parts: list[tuple[str, pl.DataFrame]] = []
    for file in voices.partition_by("path", "member", maintain_order=True):
        title = safe_name(Path(file["member"][0] or file["path"][0]).stem)
        slices = list(file.iter_slices(most or len(file)))
        parts += [(f"{title}-{i:02}" if len(slices) > 1 else title, part) for i, part in enumerate(slices, 1)]
    banks = []
    for name, (_, part) in zip(unique_names(title for title, _ in parts), parts, strict=True):
        parameters, _ = to_arrays(part)
        digits = max(2, len(str(part["number"].max())))
        titles = [f"{number:0{digits}} {safe_name(name)}" for number, name in part.select("number", "name").iter_rows()]
        if notes:
            names = [f"{title} {note_name(note)}" for title in titles for note in notes]
            phrases = [single_note(note) for note in notes] * len(part)
            parameters = parameters.repeat(len(notes), axis=0)
        elif phrase in (None, PhraseName.AUTO):
            names, phrases = titles, _choose_phrases(part["name"], parameters)
        else:
            names, phrases = titles, [PHRASES[str(phrase)]] * len(part)
        banks.append(_Bank(name, unique_names(names), parameters, phrases))
    return banks


def _choose_phrases(names: "pl.Series", parameters: "UInt8Array") -> "list[Phrase]":
    """Choose the phrase of the label that the name of a voice indicates, or else its envelopes."""
    from deepdx_core.home import find_home
    from deepdx_core.labels.names import categories_of_names
    from deepdx_core.labels.taxonomy import OTHER, find_taxonomy
    from deepdx_core.sound.phrases import LABEL_PHRASES, guess_labels

    taxonomy = find_taxonomy(find_home().taxonomy)
    categories = categories_of_names(names, taxonomy)["category"]
    # The user's taxonomy may have labels of its own.
    return [
        LABEL_PHRASES[
            guess if category == OTHER or (label := taxonomy.label_of[category]) not in LABEL_PHRASES else label
        ]
        for category, guess in zip(categories, guess_labels(parameters), strict=True)
    ]


class _Clips:
    """Rendered clips of banks at the requested level."""

    def __init__(self, banks: list[_Bank], velocity: int, seconds: float, level: Level, report: "Report") -> None:
        from deepdx_core.sound.loudness import common_gain, find_peaks

        self.banks = banks
        self.seconds = seconds
        self._velocity = velocity
        self._report = report
        self._gain: float | None = None
        if level is Level.ORIGINAL:
            rendered = (clips for bank in banks for _, clips in self._render("measuring", bank))
            self._gain = common_gain(max(float(find_peaks(clips).max()) for clips in rendered))

    def render(self, bank: _Bank) -> "Iterator[tuple[list[str], Float32Array]]":
        """Yield the names and samples of a bank's clips, in batches."""
        from deepdx_core.sound.loudness import match_loudness

        for names, clips in self._render("rendering", bank):
            yield names, match_loudness(clips) if self._gain is None else clips * self._gain

    def _render(self, what: str, bank: _Bank) -> "Iterator[tuple[list[str], Float32Array]]":
        from deepdx_core.sound.phrases import render_in_batches

        before = sum(len(other.names) for other in self.banks[: self.banks.index(bank)])
        total = sum(len(other.names) for other in self.banks)
        self._report(what, before, total)
        for first, clips in render_in_batches(bank.parameters, bank.phrases, self._velocity, self.seconds):
            yield bank.names[first : first + len(clips)], clips
            self._report(what, before + first + len(clips), total)


def _write_folders(clips: _Clips, output: Path, audio_format: Format, force: bool) -> None:
    """Write a folder for each bank, with a file for each clip."""
    from deepdx_core.display import counted, printable
    from deepdx_core.files import write_outputs
    from deepdx_core.sound.audio_files import encode

    files = (output / bank.name / f"{name}.{audio_format}" for bank in clips.banks for name in bank.names)
    _require_free(files, force)
    with ThreadPoolExecutor() as pool:
        for bank in clips.banks:
            folder = _make_folder(output, bank.name)
            for names, audio in clips.render(bank):
                encoded = pool.map(partial(encode, audio_format=audio_format), audio)
                paths = (folder / f"{name}.{audio_format}" for name in names)
                write_outputs(dict(zip(paths, encoded, strict=True)), force)
            print_line(f"{printable(str(folder))}: {counted(len(bank.names), 'clip')}")


def _write_one_files(clips: _Clips, output: Path, audio_format: Format, force: bool) -> None:
    """Write a file for each bank, with its clips one after another, and a file of labels beside it."""
    from deepdx_core.display import counted, printable
    from deepdx_core.files import output_target, write_outputs, written_whole
    from deepdx_core.sound.audio_files import write_audio, write_labels

    files = [(output / f"{bank.name}.{audio_format}", output / f"{bank.name}.txt") for bank in clips.banks]
    _require_free(chain(*files), force)
    _make_folder(output)
    for bank, (path, labels) in zip(clips.banks, files, strict=True):
        with written_whole(output_target(path, force)) as temporary, temporary.open("w+b") as file:
            write_audio(file, (clip for _, batch in clips.render(bank) for clip in batch), audio_format)
        write_outputs({labels: write_labels(bank.names, clips.seconds)}, force)
        print_line(f"{printable(str(path))}: {counted(len(bank.names), 'clip')}")


def _write_multisamples(
    voices: "pl.DataFrame",
    output: Path,
    plan: "tuple[int, int]",
    seconds: float,
    audio_format: Format,
    force: bool,
    report: "Report",
) -> None:
    """Write an SFZ file for each voice, and a folder of its samples. `plan`: semitones, and layers of velocity."""
    from deepdx_core.display import counted, printable
    from deepdx_core.exchange.conversion import to_arrays
    from deepdx_core.files import safe_name, unique_names, write_outputs
    from deepdx_core.sound.audio_files import add_sampler_chunk, encode
    from deepdx_core.sound.loudness import common_gain
    from deepdx_core.sound.multisamples import Sample, find_peak, format_region, plan_zones, render_zones, write_sfz

    def encode_sample(sample: Sample) -> bytes:
        data = encode(sample.audio * gain, audio_format)
        return add_sampler_chunk(data, sample.zone.note, sample.loop) if audio_format is Format.WAV else data

    titles = unique_names(map(safe_name, voices["name"]))
    parameters, _ = to_arrays(voices)
    zones = [plan_zones(voice, *plan) for voice in parameters]
    for title, planned in zip(titles, zones, strict=True):
        samples = (output / title / f"{zone.name}.{audio_format}" for zone in planned)
        _require_free([output / f"{title}.sfz", *samples], force)
    done, total = 0, sum(map(len, zones))
    rows = voices.select("path", "slot", "name").iter_rows()
    for voice, (path, slot, name), title, planned in zip(parameters, rows, titles, zones, strict=True):
        report(f"sampling {printable(name)}", done, total)
        folder = _make_folder(output, title)
        gain = common_gain(find_peak(voice, planned, seconds))
        regions: list[str] = []
        loops = 0
        for batch in render_zones(voice, planned, seconds):
            write_outputs({folder / f"{s.zone.name}.{audio_format}": encode_sample(s) for s in batch}, force)
            regions += [format_region(s, f"{title}/{s.zone.name}.{audio_format}") for s in batch]
            loops += sum(s.loop is not None for s in batch)
            report(f"sampling {printable(name)}", done := done + len(batch), total)
        sfz = output / f"{title}.sfz"
        write_outputs(
            {sfz: write_sfz(f"{name}, slot {slot} of {Path(path).name}, rendered by Deep DX", regions)}, force
        )
        print_line(f"{printable(str(sfz))}: {counted(len(planned), 'sample')}, {loops:,} with a loop")


def _require_free(paths: Iterable[Path], force: bool) -> None:
    """Raise OutputError, before anything is rendered, if a file must not be written."""
    from deepdx_core.files import output_target

    for path in paths:
        if path.parent.is_dir():
            output_target(path, force)


def _make_folder(output: Path, name: str = "") -> Path:
    """Create the output folder, whose parents must exist, and a folder in it."""
    from deepdx_core.files import OutputError

    folder = output / name
    for path in (output, folder):
        try:
            path.mkdir(exist_ok=True)
        except OSError as error:
            raise OutputError(path, f"cannot be created: {error.strerror}") from error
    return folder
