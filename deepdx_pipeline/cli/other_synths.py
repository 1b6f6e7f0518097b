"""Voices of the other Yamahas in the commands `convert` and `inspect`."""

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deepdx_pipeline.cli.console import err, out, print_line, safe_file_name, safe_text, table

if TYPE_CHECKING:
    import polars as pl

    from deepdx_core.arrays import UInt8Array
    from deepdx_core.conversions.collection import Source
    from deepdx_core.conversions.losses import Losses
    from deepdx_core.conversions.minidexed import VoiceMemory


def print_losses(voices: "pl.DataFrame") -> int:
    """Print what was not carried over from converted voices, one by one. Return how many have no counterpart."""
    from deepdx_core.intake.survey import format_location
    from deepdx_core.voice.parameters import PARAMETER_NAMES

    impossible = 0
    for row in voices.select("path", "member", "slot", "name", "synth", "losses", PARAMETER_NAMES[0]).iter_rows(
        named=True
    ):
        lost = "; ".join(row["losses"])
        where = f"{format_location(row)}: slot {row['slot']} ({row['name']}, {row['synth']})"
        if row[PARAMETER_NAMES[0]] is None:
            impossible += 1
            print_line(f"{where}: no DX7 counterpart: {lost}", "red", err)
        elif lost:
            print_line(f"{where}: not carried over: {lost}", "yellow", err)
    return impossible


def converted_voices(others: "pl.DataFrame") -> "pl.DataFrame":
    """Return the voices that have a counterpart, with the columns of DX7 voices."""
    import polars as pl

    from deepdx_core.exchange.conversion import COLUMNS
    from deepdx_core.voice.parameters import PARAMETER_NAMES

    return others.filter(pl.col(PARAMETER_NAMES[0]).is_not_null()).select(COLUMNS)


def print_findings(sources: "list[Source]") -> None:
    """Print what is wrong about messages with voices, and which were not read."""
    from deepdx_core.intake.survey import format_location

    print_unread(sources)
    for source in sources:
        for message in source.messages:
            if message.kind.voices and message.findings:
                where = format_location({"path": source.path, "member": source.member})
                about = f"{where}: at byte {message.offset:,}, {message.kind.title}: {'; '.join(message.findings)}"
                print_line(about, "yellow", err)


def print_unread(sources: "list[Source]") -> None:
    """Print where messages were not read, and why."""
    from deepdx_core.intake.survey import format_location

    for source in sources:
        if source.unread:
            where = format_location({"path": source.path, "member": source.member})
            print_line(f"{where}: {source.unread}: not read, nor are the members after it", "red", err)


def print_own_losses(voices: "pl.DataFrame", losses: "Losses", synth: str) -> None:
    """Print what a conversion of DX7 voices to another synth did not carry over, one by one."""
    from deepdx_core.intake.survey import format_location

    for voice, row in enumerate(voices.select("path", "member", "slot", "name").iter_rows(named=True)):
        if lost := losses.of_voice(voice):
            where = f"{format_location(row)}: slot {row['slot']} ({row['name']})"
            print_line(f"{where}: not carried over to {synth}: {'; '.join(lost)}", "yellow", err)


def print_supplement_losses(voices: "pl.DataFrame", sources: "list[Source]") -> None:
    """Print what a DX7 lacks of the supplements of DX7II voices, one by one."""
    from deepdx_core.conversions.supplements import find_supplements, supplement_losses
    from deepdx_core.exchange.conversion import to_parameters

    parameters = to_parameters(voices)
    losses = supplement_losses(parameters, find_supplements(voices, parameters, sources))
    print_own_losses(voices, losses, "DX7")


def voice_memory(voices: "pl.DataFrame", sources: "list[Source]") -> "VoiceMemory":
    """Return all slots of the files' dumps in order, as performances number them; unreadable ones are INIT VOICE."""
    import numpy as np
    import polars as pl

    from deepdx_core.codec.names import text_to_names
    from deepdx_core.codec.packing import INIT_VOICE, MAXIMA
    from deepdx_core.conversions.minidexed import VoiceMemory
    from deepdx_core.conversions.supplements import find_supplements
    from deepdx_core.voice.parameters import PARAMETER_NAMES

    filled = voices.with_columns(
        pl.col(name).fill_null(int(default)) for name, default in zip(PARAMETER_NAMES, INIT_VOICE, strict=True)
    )
    parameters = np.minimum(filled.select(PARAMETER_NAMES).to_numpy(), MAXIMA).astype(np.uint8)
    names = text_to_names(voices["name"].to_list())
    return VoiceMemory(parameters, names, find_supplements(voices, parameters, sources))


def minidexed_files(voices: "pl.DataFrame", sources: "list[Source]", folder: Path) -> list[tuple[Path, bytes]]:
    """Return a file for each performance in the sources, with the voices of the same files."""
    from deepdx_core.conversions.minidexed import convert_dx7ii_performances, convert_tx802_performances
    from deepdx_core.synths.kinds import PERFORMANCE, PERFORMANCES, TX802_PERFORMANCES

    memory = voice_memory(voices, sources)
    performances = []
    for source in sources:
        for message in source.messages:
            if message.kind in (PERFORMANCES, PERFORMANCE):
                performances += convert_dx7ii_performances(message.values, message.names, memory)
            elif message.kind is TX802_PERFORMANCES:
                performances += convert_tx802_performances(message.values, message.names, memory)
    files = []
    for number, performance in enumerate(performances, 1):
        if performance.losses:
            print_line(f"{performance.name}: not carried over: {'; '.join(performance.losses)}", "yellow", err)
        files.append((folder / f"{number:06}_{safe_file_name(performance.name)}.ini", performance.text.encode()))
    return files


def sy77_banks(voices: "pl.DataFrame", parameters: "UInt8Array", names: "UInt8Array") -> list[bytes]:
    """Return the messages of 64 voices each, and print what they do not carry over."""
    from deepdx_core.conversions.to_sy77 import write_sy77_voices
    from deepdx_core.synths.sy77.layouts import BANK_VOICES

    messages, losses = write_sy77_voices(parameters, names)
    print_own_losses(voices, losses, "SY77")
    return [b"".join(messages[i : i + BANK_VOICES]) for i in range(0, len(messages), BANK_VOICES)]


def dx7ii_singles(
    voices: "pl.DataFrame", parameters: "UInt8Array", names: "UInt8Array", sources: "list[Source]"
) -> list[bytes]:
    """Return single voices with their supplements, and print what these do not hold."""
    from deepdx_core.conversions.supplements import find_fractional_scalings, find_supplements, fractional_losses
    from deepdx_core.synths.dx7ii.writer import write_dx7ii_singles

    supplements = find_supplements(voices, parameters, sources)
    _, known = find_fractional_scalings(voices, sources)
    print_own_losses(voices, fractional_losses(supplements, known), "single voices")
    return write_dx7ii_singles(parameters, names, supplements=supplements)


def dx7ii_banks(
    voices: "pl.DataFrame", parameters: "UInt8Array", names: "UInt8Array", sources: "list[Source]"
) -> list[bytes]:
    """Return banks of 32 voices with their supplements, then the sets of performances in the sources."""
    from deepdx_core.conversions.supplements import (
        find_fractional_scalings,
        find_supplements,
        write_performances,
    )
    from deepdx_core.synths.dx7ii.writer import write_dx7ii_banks

    scalings, known = find_fractional_scalings(voices, sources)
    banks = write_dx7ii_banks(
        parameters,
        names,
        supplements=find_supplements(voices, parameters, sources),
        scalings=scalings if known.any() else None,
    )
    performances, faults = write_performances(sources)
    for line in faults:
        print_line(line, "red", err)
    return banks + [data for _, data in performances]


def message_lines(sources: "list[Source]") -> Iterator[dict[str, Any]]:
    """Yield a description of each message: where, synth, content, findings, and the names of its voices.

    Of voices, also what a conversion to a DX7 would not carry over, and whether one is possible.
    """
    from deepdx_core.codec.names import names_to_text
    from deepdx_core.conversions.collection import convert_sources
    from deepdx_core.voice.parameters import PARAMETER_NAMES

    converted = convert_sources(sources).select("path", "member", "offset", "name", "losses", PARAMETER_NAMES[0])
    voices: dict[tuple[Any, ...], list[dict[str, Any]]] = defaultdict(list)
    for path, member, offset, name, losses, first in converted.iter_rows():
        voices[path, member, offset].append({"name": name, "possible": first is not None, "losses": losses})
    for source in sources:
        for message in source.messages:
            known = voices.get((source.path, source.member, message.offset))
            names = names_to_text(message.names).tolist() if message.names.shape[1] else []
            yield {
                "file": source.path,
                "member": source.member,
                "offset": message.offset,
                "message": message.kind.title,
                "findings": list(message.findings),
                "contents": known or [{"name": name} for name in names],
            }


def print_messages(sources: "list[Source]") -> None:
    """Print each message, with a table of its voices."""
    from deepdx_core.intake.survey import format_location

    print_unread(sources)
    file = None
    for line in message_lines(sources):
        where = format_location({"path": line["file"], "member": line["member"]})
        if where != file:
            print_line(f"{where}: messages of other Yamahas", "bold")
            file = where
        about = "; ".join([f"at byte {line['offset']:,}, {line['message']}", *line["findings"]])
        contents = line["contents"]
        if len(contents) != 1:
            print_line(about, "dim")
        shown = table(">slot", "name", "not carried over to a DX7")
        for slot, voice in enumerate(contents, 1):
            lost = "; ".join(voice.get("losses", ()))
            if not voice.get("possible", True):
                lost = f"no counterpart: {lost}"
            if len(contents) == 1:  # a message a voice: a line is enough
                print_line(f"{about}: {voice['name']}{f': not carried over to a DX7: {lost}' if lost else ''}", "dim")
            else:
                shown.add_row(*map(safe_text, (slot, voice["name"], lost)))
        if len(contents) > 1:
            out.print(shown)
