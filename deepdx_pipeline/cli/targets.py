"""The output formats of `convert`: which one is meant, and the files of each."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from deepdx_pipeline.cli.console import err, numbered_paths, print_line, safe_file_name
from deepdx_pipeline.cli.other_synths import dx7ii_banks, dx7ii_singles, sy77_banks

if TYPE_CHECKING:
    import polars as pl

    from deepdx_core.arrays import UInt8Array
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
WITH_MESSAGES = (Target.DX7, Target.DX7II, Target.DX7II_BANK, Target.MINIDEXED)
"""Targets for which messages beside DX7 voices count."""
_SYSEX = (*_SINGLES, Target.DX7, Target.DX7II_BANK, Target.SY77)
_TEXT = (Target.CSV, Target.JSON, Target.JSONL)
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


def choose_target(output: Path, to: Target | None) -> Target:
    """Return the target by `--to`, else by the extension of the output. Raises a usage error if they do not fit."""
    from deepdx_core.display import printable
    from deepdx_core.intake.local_files import STANDARD_STREAM, is_folder

    by_extension, shown = _EXTENSIONS.get(output.suffix.lower()), printable(str(output))
    if to is None and by_extension is None:
        raise typer.BadParameter(f"{shown} does not end in {', '.join(_EXTENSIONS)}: use --to", param_hint="--output")
    if to is not None and by_extension not in (None, to) and not (to in _SYSEX and by_extension is Target.SYX):
        raise typer.BadParameter(f"{to} cannot be written to a {printable(output.suffix)} file", param_hint="--to")
    target = to or by_extension
    assert target is not None
    if output == STANDARD_STREAM:
        if target in _FOLDERS and target not in _SINGLES:
            raise typer.BadParameter(f"{target} is a folder of files", param_hint="--output")
        if target not in _TEXT and sys.stdout.isatty():
            raise typer.BadParameter(f"{target} is binary: redirect standard output", param_hint="--output")
    if is_folder(output) and target not in _FOLDERS:
        raise typer.BadParameter(f"{shown} is a folder", param_hint="--output")
    return target


def build_files(
    voices: "pl.DataFrame", target: Target, output: Path, one_file: bool, sources: "list[Source]"
) -> list[tuple[Path, bytes]]:
    """Return the files of a target, with their paths: writable voices, and the messages beside them in the sources.

    All banks or single voices are one file with `one_file`, and on standard output.
    """
    from deepdx_core.codec import writer
    from deepdx_core.codec.transmission import write_midi_file
    from deepdx_core.display import counted
    from deepdx_core.exchange.conversion import to_arrays
    from deepdx_core.exchange.table_files import TableFormat, write_table
    from deepdx_core.intake.local_files import STANDARD_STREAM

    one_file = one_file or output == STANDARD_STREAM
    if target.value in list(TableFormat):
        return [(output, write_table(voices, TableFormat(target.value)))]
    lossy = voices["name"].str.contains("\ufffd", literal=True).sum()
    if lossy:
        print_line(
            f"{counted(int(lossy), 'name')} with characters that no dump can hold, written as `?`", "yellow", err
        )
    parameters, names = to_arrays(voices)
    match target:
        case Target.SY77:
            return _number(output, sy77_banks(voices, parameters, names), one_file)
        case Target.DX7II_BANK:
            return _number(output, dx7ii_banks(voices, parameters, names, sources), one_file=True)
        case Target.FM1 | Target.DELUGE:
            return _build_instrument(voices, parameters, names, target, output)
        case Target.DX7II:
            singles = dx7ii_singles(voices, parameters, names, sources)
        case Target.VCED:
            singles = writer.write_singles(parameters, names)
        case Target.VOLCA:
            singles = writer.write_volca_singles(parameters, names)
        case Target.MID:
            return [(output, write_midi_file(writer.write_banks(parameters, names)))]
        case _:
            return _number(output, writer.write_banks(parameters, names), one_file)
    if output == STANDARD_STREAM or (output.suffix and not output.is_dir()):
        return [(output, b"".join(singles))]
    return list(zip(_single_paths(output, voices["name"].to_list()), singles, strict=True))


def _build_instrument(
    voices: "pl.DataFrame", parameters: "UInt8Array", names: "UInt8Array", target: Target, output: Path
) -> list[tuple[Path, bytes]]:
    from deepdx_core.conversions.instruments import FM1_SLOTS, write_deluge_presets, write_fm1_set
    from deepdx_core.errors import DeepDXError

    if target is Target.DELUGE:
        presets = write_deluge_presets(parameters, names)
        return list(zip(_single_paths(output, voices["name"].to_list(), ".XML"), presets, strict=True))
    if len(voices) > FM1_SLOTS:
        raise DeepDXError(f"a set for the FM-1 takes {FM1_SLOTS} voices, not {len(voices):,}: select some")
    return [(output / name, data) for name, data in write_fm1_set(parameters, names).items()]


def _number(output: Path, banks: list[bytes], one_file: bool) -> list[tuple[Path, bytes]]:
    """Return one file of all banks, or a numbered file for each."""
    if one_file or len(banks) == 1:
        return [(output, b"".join(banks))]
    return list(zip(numbered_paths(output, len(banks)), banks, strict=True))


def _single_paths(folder: Path, names: list[str], ending: str = ".syx") -> list[Path]:
    digits = max(2, len(str(len(names))))
    # The number keeps equal names apart.
    safe = (safe_file_name(name) for name in names)
    return [folder / (f"{number:0{digits}} {name}".strip() + ending) for number, name in enumerate(safe, 1)]
