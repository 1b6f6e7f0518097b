"""Commands on MIDI ports: ports, send, receive."""

from pathlib import Path
from typing import Annotated

import typer

from deepdx_pipeline.cli.console import err, out, print_line, safe_text, table
from deepdx_pipeline.cli.convert import print_problems

_PORT_HELP = "MIDI port, as `deepdx ports` lists it."


def ports() -> None:
    """List the MIDI ports."""
    from deepdx_core.ports import list_ports

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
    channel: Annotated[int, typer.Option(min=1, max=16, help="MIDI channel that the DX7 receives on.")] = 1,
    clamp: Annotated[
        bool, typer.Option("--clamp", help="Set out-of-range parameters to their maximum instead of skipping the dump.")
    ] = False,
) -> None:
    """Send voices to a DX7 over MIDI.

    A dump of one voice goes to the edit buffer; a dump of several is sent as a bank.
    A DX7 accepts banks only with its memory protection off.
    A dump with a voice that cannot be written is skipped.
    """
    from deepdx_core.errors import DeepDXError
    from deepdx_core.exchange.conversion import build_messages, collect_voices
    from deepdx_core.ports import send as send_messages

    collected = collect_voices([file])
    to_send, skipped, changed = build_messages(collected.voices, channel - 1, clamp)
    print_problems(collected.refused, collected.without_voices, skipped, changed)
    if not to_send:
        raise DeepDXError("nothing to send")
    descriptions, messages = zip(*to_send, strict=True)
    send_messages(messages, port, lambda i: print_line(descriptions[i]))
    if collected.refused or skipped:
        raise typer.Exit(1)


def receive(
    port: Annotated[str, typer.Option(help=_PORT_HELP)],
    output: Annotated[Path, typer.Option("--output", "-o", help="File to write, such as bank.syx.")],
    timeout: Annotated[float, typer.Option(min=0.1, help="Seconds to wait for the dump.")] = 60,
    force: Annotated[bool, typer.Option("--force", help="Overwrite an existing file.")] = False,
) -> None:
    """Receive a bank or a voice from a DX7 over MIDI.

    The dump is checked, and written byte for byte as it was sent.
    """
    from deepdx_core.display import counted, printable
    from deepdx_core.files import output_target, write_outputs
    from deepdx_core.ports import receive as receive_dump

    def print_waiting() -> None:
        print_line(f"Waiting {timeout:g} seconds for a dump from {printable(port)}", console=err)

    output_target(output, force)  # fails before the wait
    data = receive_dump(port, timeout, print_waiting)
    write_outputs({output: data}, force)
    print_line(f"{counted(len(data), 'byte')}: {printable(str(output))}")
