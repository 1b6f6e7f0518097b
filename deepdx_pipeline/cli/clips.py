"""Clips and multisamples of voices: planned, rendered, and written to files. For the commands in `render`."""

import re
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING

from deepdx_pipeline.cli.console import print_line

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


class PhraseName(StrEnum):
    """Phrases by name; auto suits the kind of sound."""

    AUTO = "auto"
    ARPEGGIO = "arpeggio"
    CHORD = "chord"


@dataclass(frozen=True)
class Bank:
    """The clips of one bank. `name` and `names` are safe as names of files."""

    name: str
    names: list[str]
    parameters: "UInt8Array"
    phrases: "list[Phrase]"


def plan_banks(
    voices: "pl.DataFrame", notes: list[int], phrase: PhraseName | None, most: int | None = None
) -> list[Bank]:
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
        banks.append(Bank(name, unique_names(names), parameters, phrases))
    return banks


def _choose_phrases(names: "pl.Series", parameters: "UInt8Array") -> "list[Phrase]":
    """Choose the phrase of the label that the name of a voice indicates, or else its envelopes."""
    from deepdx_core.home import find_home
    from deepdx_core.labels.names import categories_of_names
    from deepdx_core.labels.taxonomy import OTHER, find_taxonomy
    from deepdx_core.sound.phrases import LABEL_PHRASES, guess_labels

    taxonomy = find_taxonomy(find_home().taxonomy)
    categories = categories_of_names(names, taxonomy)["category"]
    labels = [None if category == OTHER else taxonomy.label_of[category] for category in categories]
    # The user's taxonomy may have labels without a phrase.
    return [
        LABEL_PHRASES[label if label in LABEL_PHRASES else guess]
        for label, guess in zip(labels, guess_labels(parameters), strict=True)
    ]


class Clips:
    """Rendered clips of banks: at the same loudness if `matched`, or else at their own levels with one gain for all."""

    def __init__(self, banks: list[Bank], velocity: int, seconds: float, matched: bool, report: "Report") -> None:
        self.banks = banks
        self.seconds = seconds
        self._velocity = velocity
        self._matched = matched
        self._report = report

    def __iter__(self) -> "Iterator[tuple[Bank, Iterator[Float32Array]]]":
        """Iterate over the banks, each with batches of its clips, `float32[n, samples]`, in order."""
        from deepdx_core.sound.loudness import common_gain, find_peaks, match_loudness

        if self._matched:
            for bank, batches in self._render("rendering"):
                yield bank, map(match_loudness, batches)
        else:
            # Rendered twice, since all clips of a command may be larger than memory.
            rendered = (clips for _, batches in self._render("measuring") for clips in batches)
            gain = common_gain(max(float(find_peaks(clips).max()) for clips in rendered))
            for bank, batches in self._render("rendering"):
                yield bank, (clips * gain for clips in batches)

    def _render(self, what: str) -> "Iterator[tuple[Bank, Iterator[Float32Array]]]":
        from deepdx_core.sound.phrases import render_in_batches

        done, total = 0, sum(len(bank.names) for bank in self.banks)

        def render_bank(bank: Bank) -> "Iterator[Float32Array]":
            nonlocal done
            for clips in render_in_batches(bank.parameters, bank.phrases, self._velocity, self.seconds):
                self._report(what, done, total)
                yield clips
                done += len(clips)

        for bank in self.banks:
            yield bank, render_bank(bank)


def write_folders(clips: Clips, output: Path, audio_format: Format, force: bool) -> None:
    """Write a folder for each bank, with a file for each clip."""
    from deepdx_core.display import counted, printable
    from deepdx_core.files import write_outputs
    from deepdx_core.sound.audio_files import encode

    files = (output / bank.name / f"{name}.{audio_format}" for bank in clips.banks for name in bank.names)
    _require_free(files, force)
    with ThreadPoolExecutor() as pool:
        for bank, batches in clips:
            folder = _make_folder(output, bank.name)
            paths = (folder / f"{name}.{audio_format}" for name in bank.names)
            for audio in batches:
                encoded = list(pool.map(partial(encode, audio_format=audio_format), audio))
                write_outputs(dict(zip(islice(paths, len(encoded)), encoded, strict=True)), force)
            print_line(f"{printable(str(folder))}: {counted(len(bank.names), 'clip')}")


def write_one_files(clips: Clips, output: Path, audio_format: Format, force: bool) -> None:
    """Write a file for each bank, with its clips one after another, and a file of labels beside it."""
    from deepdx_core.display import counted, printable
    from deepdx_core.files import OutputError, output_target, write_outputs, written_whole
    from deepdx_core.sound.audio_files import format_labels, write_audio

    files = [(output / f"{bank.name}.{audio_format}", output / f"{bank.name}.txt") for bank in clips.banks]
    _require_free(chain(*files), force)
    _make_folder(output)
    for (bank, batches), (path, labels) in zip(clips, files, strict=True):
        target = output_target(path, force)
        try:
            with written_whole(target) as temporary:
                write_audio(temporary, chain.from_iterable(batches), audio_format)
        except OSError as error:
            raise OutputError(path, f"cannot be written: {error.strerror}") from error
        write_outputs({labels: format_labels(bank.names, clips.seconds)}, force)
        print_line(f"{printable(str(path))}: {counted(len(bank.names), 'clip')}")


def write_multisamples(
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
    from deepdx_core.sound.multisamples import Sample, find_peak, format_region, format_sfz, plan_zones, render_zones

    def encode_sample(sample: Sample) -> bytes:
        data = encode(sample.audio * gain, audio_format)
        return add_sampler_chunk(data, sample.zone.note, sample.loop) if audio_format is Format.WAV else data

    # The folder of a voice "a.sfz" would be in the place of the file of a voice "a".
    titles = unique_names(re.sub(r"\.(?=sfz$)", "_", safe_name(name), flags=re.IGNORECASE) for name in voices["name"])
    parameters, _ = to_arrays(voices)
    zones = [plan_zones(voice, *plan) for voice in parameters]
    for title, planned in zip(titles, zones, strict=True):
        samples = (output / title / f"{zone.name}.{audio_format}" for zone in planned)
        _require_free([output / f"{title}.sfz", *samples], force)
    done, total = 0, sum(map(len, zones))
    rows = voices.select("path", "slot", "name").iter_rows()
    with ThreadPoolExecutor() as pool:  # in the main thread, libsndfile's callbacks would swallow Ctrl-C
        for voice, (path, slot, name), title, planned in zip(parameters, rows, titles, zones, strict=True):
            report(f"sampling {printable(name)}", done, total)
            folder = _make_folder(output, title)
            gain = common_gain(find_peak(voice, planned, seconds))
            regions: list[str] = []
            loops = 0
            for batch in render_zones(voice, planned, seconds):
                names = [f"{sample.zone.name}.{audio_format}" for sample in batch]
                encoded = pool.map(encode_sample, batch)
                write_outputs({folder / file: data for file, data in zip(names, encoded, strict=True)}, force)
                regions += [format_region(s, f"{title}/{file}") for s, file in zip(batch, names, strict=True)]
                loops += sum(s.loop is not None for s in batch)
                report(f"sampling {printable(name)}", done := done + len(batch), total)
            sfz = output / f"{title}.sfz"
            write_outputs(
                {sfz: format_sfz(f"{name}, slot {slot} of {Path(path).name}, rendered by Deep DX", regions)}, force
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
    from deepdx_core.files import make_output_folder

    make_output_folder(output)
    make_output_folder(output / name)
    return output / name
