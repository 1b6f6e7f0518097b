"""The command that shows the contents of banks: inspect."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from deepdx_pipeline.cli.console import err, out, print_line, safe_text, table
from deepdx_pipeline.cli.other_synths import message_lines, print_messages

if TYPE_CHECKING:
    import polars as pl

_MAX_FINDINGS = 4  # shown per voice


def inspect(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="Banks, archives or folders; - is standard input.")
    ],
    as_json: Annotated[
        bool,
        typer.Option(
            "--json",
            help="Print JSON Lines: one object per voice slot, per file without voices, and per other message.",
        ),
    ] = False,
) -> None:
    """Show the contents of banks: every voice slot and its faults; of other Yamahas, what a DX7 could not play.

    Messages of SY77, TX81Z, DX21, FB-01, reface DX, DX7II and TX802 are named, with the voices in them.
    """
    from deepdx_core.conversions.collection import MessageCollector
    from deepdx_core.exchange.inspection import inspect_files

    collector = MessageCollector()
    found, voices = inspect_files(files, collector)
    sources = collector.sources(found)
    if as_json:
        for line in (*_json_lines(found, voices), *message_lines(sources)):
            sys.stdout.write(json.dumps(line, ensure_ascii=False) + "\n")
    else:
        _print_files(found, voices)
        print_messages(sources)
    if (found["status"] == "refused").any():
        raise typer.Exit(1)


def _by_file(found: "pl.DataFrame", voices: "pl.DataFrame") -> Iterator[tuple[dict[str, Any], "pl.DataFrame"]]:
    parts = voices.partition_by("path", "member", as_dict=True)
    for file in found.iter_rows(named=True):
        yield file, parts.get((file["path"], file["member"]), voices.clear())


def _json_lines(found: "pl.DataFrame", voices: "pl.DataFrame") -> Iterator[dict[str, Any]]:
    from deepdx_core.voice.parameters import PARAMETER_NAMES

    for file, slots in _by_file(found, voices):
        location = {"file": file["path"], "member": file["member"]}
        if slots.is_empty():
            reason = file["reason"] or f"{file['taken_for']} without files"
            yield location | {"voices": 0, "reason": reason}
        parameters = slots.select(PARAMETER_NAMES).rows()
        for slot, values in zip(slots.drop(PARAMETER_NAMES).iter_rows(named=True), parameters, strict=True):
            keys = ("offset", "slot", "format", "channel", "checksum", "name")
            yield (
                location
                | {key: slot[key] for key in keys}
                | {
                    "parameters": None if slot["sound_id"] is None else values,
                    "valid": slot["valid"],
                    "findings": slot["findings"],
                    "sound_id": slot["sound_id"],
                }
            )


def _print_files(found: "pl.DataFrame", voices: "pl.DataFrame") -> None:
    from deepdx_core.intake.survey import format_location

    for file, slots in _by_file(found, voices):
        where = format_location(file)
        if file["status"] == "refused":
            print_line(f"{where}: {file['reason']}", "red", err)
            continue
        if slots.is_empty():
            print_line(f"{where}: no voices: {file['reason'] or file['taken_for']}")
            continue
        print_line(f"{where}: {file['taken_for']}", "bold")
        for dump in slots.partition_by("offset", maintain_order=True):
            _print_dump(dump)


def _print_dump(dump: "pl.DataFrame") -> None:
    from deepdx_core.decoding.findings import describe_finding

    first = dump.row(0, named=True)
    about = [f"at byte {first['offset']:,}", first["what"]]
    if first["channel"] is not None:
        about.append(f"channel {first['channel'] + 1}")
    if first["checksum"]:
        about.append(f"checksum {first['checksum']}")
    if first["note"]:
        about.append(first["note"])
    print_line(", ".join(about), "dim")
    shown = table(">slot", "name", ">alg", "sound", "findings")
    for voice in dump.iter_rows(named=True):
        findings = "; ".join(map(describe_finding, voice["findings"][:_MAX_FINDINGS]))
        if len(voice["findings"]) > _MAX_FINDINGS:
            findings += f"; {len(voice['findings']) - _MAX_FINDINGS} more"
        algorithm = None if voice["algorithm"] is None else voice["algorithm"] + 1
        shown.add_row(*map(safe_text, (voice["slot"], voice["name"], algorithm, voice["sound_id"], findings)))
    out.print(shown)
