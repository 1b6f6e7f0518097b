"""Commands on MIDI ports: ports, send, receive."""

import sys
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from deepdx_core.synths.instruments import Instrument, Wanted
from deepdx_pipeline.cli.console import err, out, print_line, safe_text, table
from deepdx_pipeline.cli.convert import print_problems
from deepdx_pipeline.cli.other_synths import print_own_losses

if TYPE_CHECKING:
    from deepdx_core.conversions.deliveries import Delivery

_PORT_HELP = "MIDI port, as `deepdx ports` lists it, or a part of its name; case is ignored."
_CHANNEL_HELP = "MIDI channel that the instrument receives on; of an SY77, its device number."


class Block(StrEnum):
    """Half of the memory of a DX7II, DX7s or TX802."""

    FIRST = "1-32"
    SECOND = "33-64"


def ports() -> None:
    """List the MIDI ports."""
    from deepdx_core.ports.opening import list_ports

    inputs, outputs = list_ports()
    if not inputs and not outputs:
        out.print("No MIDI ports.")
        return
    shown = table("port", "receive", "send")
    for name in dict.fromkeys(inputs + outputs):
        shown.add_row(safe_text(name), "yes" if name in inputs else "", "yes" if name in outputs else "")
    out.print(shown)


def send(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Bank, single voices, archive or table of voices.")],
    port: Annotated[str, typer.Option(help=_PORT_HELP)],
    to: Annotated[
        Instrument | None,
        typer.Option(
            help="Instrument; dx7 is also a TX7, dx7ii a DX7s, sy77 a TG77 or SY99.",
            show_default="by what the file holds",
        ),
    ] = None,
    channel: Annotated[int, typer.Option(min=1, max=16, help=_CHANNEL_HELP)] = 1,
    block: Annotated[
        Block | None,
        typer.Option(
            help="Half of the memory of a DX7II or TX802 for the first bank.", show_default="by the file, else 1-32"
        ),
    ] = None,
    clamp: Annotated[
        bool, typer.Option("--clamp", help="Set out-of-range parameters to their maximum instead of skipping the dump.")
    ] = False,
    yes: Annotated[
        bool, typer.Option("--yes", help="Do not wait before a bank that replaces one sent before it.")
    ] = False,
) -> None:
    """Send voices to a DX7, DX7II, TX802 or SY77 over MIDI.

    A dump of one voice goes to the edit buffer; a dump of several is sent as a bank, and replaces voices in the
    memory. The instrument accepts banks only with its memory protection off.
    Where a file holds more banks than the memory, the command waits until you have saved those it replaces.
    A dump with a voice that cannot be written is skipped.
    """
    from deepdx_core.conversions.collection import MessageCollector
    from deepdx_core.conversions.deliveries import plan_deliveries, recognize_instrument
    from deepdx_core.errors import DeepDXError
    from deepdx_core.exchange.conversion import collect_voices, keep_whole_dumps
    from deepdx_core.intake.survey import format_location
    from deepdx_core.ports.sending import send as send_messages
    from deepdx_core.synths.kinds import SY77_VOICES

    if block and to not in (None, Instrument.DX7II, Instrument.TX802):
        raise typer.BadParameter("only a DX7II, DX7s or TX802 has blocks", param_hint="--block")
    collector = MessageCollector()
    collected = collect_voices([file], collector)
    sources = collector.sources(collected.files)
    writable = keep_whole_dumps(collected.voices, clamp)
    instrument = to or (Instrument.DX7II if block else recognize_instrument(collected.voices, sources))
    first_block = None if block is None else list(Block).index(block)
    plan = plan_deliveries(writable.voices, collected.voices, sources, instrument, channel - 1, first_block)
    own = set()
    if instrument is Instrument.SY77:  # its own voices are no DX7 voices, but voices
        with_own = [source for source in sources if any(message.kind in SY77_VOICES for message in source.messages)]
        own = {format_location({"path": source.path, "member": source.member}) for source in with_own}
    without_voices = {place: reason for place, reason in collected.without_voices.items() if place not in own}
    print_problems(collected.refused, without_voices, writable.skipped, writable.clamped + plan.unsent)
    print_own_losses(writable.voices, plan.losses, instrument.upper())
    if not plan.deliveries:
        advice = "" if clamp or not writable.skipped else ": --clamp sets parameters to their maximum instead"
        raise DeepDXError(f"nothing to send{advice}")
    if to is None and instrument is not Instrument.DX7:
        advice = "" if instrument is Instrument.SY77 else "; a DX7 takes the voices with --to dx7"
        print_line(f"Instrument: {instrument.upper()}{advice}", "dim", err)
    if not yes and not (sys.stdin and sys.stdin.isatty()):
        _refuse_replacing(plan.deliveries)
    send_messages(_deliver(plan.deliveries, wait=not yes), port)
    if collected.refused or writable.skipped:
        raise typer.Exit(1)


def _refuse_replacing(deliveries: "list[Delivery]") -> None:
    from deepdx_core.errors import DeepDXError

    for delivery in deliveries:
        if delivery.replaced:
            raise DeepDXError(
                f"nothing was sent: {delivery.what} would replace {delivery.replaced[0]}, and only in a terminal the "
                "command can wait until that is saved; send one bank (`deepdx convert` writes a file for each), or all "
                "with --yes"
            )


def _deliver(deliveries: "list[Delivery]", wait: bool) -> "Iterator[bytes]":
    """Yield the messages of each delivery, and print it once they are sent."""
    for number, delivery in enumerate(deliveries):
        if delivery.replaced and wait:
            print_line(f"Save on the instrument: {', '.join(delivery.replaced)}", "bold", err)
            print_line(f"Next: {delivery.what} -> {delivery.place}", console=err)
            if not typer.confirm("Saved, go on?", default=True, err=True):
                for left in deliveries[number:]:
                    print_line(f"{left.what}: not sent", "yellow", err)
                raise typer.Exit(1)
        yield delivery.data
        print_line(f"{delivery.what} -> {delivery.place}")


def receive(
    port: Annotated[str, typer.Option(help=_PORT_HELP)],
    output: Annotated[Path, typer.Option("--output", "-o", help="File to write, such as bank.syx.")],
    request: Annotated[
        Wanted | None,
        typer.Option(
            help="Ask the instrument for this dump.", show_default="wait for a dump started on the instrument"
        ),
    ] = None,
    channel: Annotated[int, typer.Option(min=1, max=16, help=_CHANNEL_HELP)] = 1,
    dumps: Annotated[int, typer.Option(min=1, max=64, help="Number of dumps to wait for, without `--request`.")] = 1,
    timeout: Annotated[float, typer.Option(min=0.1, help="Seconds to wait for each dump.")] = 60,
    force: Annotated[bool, typer.Option("--force", help="Overwrite an existing file.")] = False,
) -> None:
    """Receive banks or voices from an instrument over MIDI.

    Each dump is checked, and written byte for byte as it was sent, with what belongs to it: supplements and the block
    of a DX7II or TX802. Dumps that follow within six seconds are received, too. If one is damaged, nothing is written.
    """
    from deepdx_core.display import counted, printable
    from deepdx_core.files import output_target, write_outputs
    from deepdx_core.ports.receiving import receive as receive_dumps
    from deepdx_core.synths.requests import UNASKED, write_requests

    def print_waiting(name: str) -> None:
        print_line(f"Waiting {timeout:g} seconds for a dump from {printable(name)}", console=err)

    if request and dumps > 1:
        raise typer.BadParameter("--request says which dumps to wait for", param_hint="--dumps")
    output_target(output, force)  # fails before the wait
    requests = write_requests(request, channel - 1) if request else [UNASKED] * dumps
    data = receive_dumps(port, timeout, requests, print_waiting, lambda what: print_line(what, "dim", err))
    write_outputs({output: data}, force)
    print_line(f"{counted(len(data), 'byte')}: {printable(str(output))}")
