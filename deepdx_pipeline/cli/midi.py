"""Commands on MIDI ports: ports, send, receive."""

from pathlib import Path
from typing import Annotated

import typer

from deepdx_pipeline.cli.console import err, out, plain, table
from deepdx_pipeline.cli.convert import report


def ports() -> None:
    """List the MIDI ports."""
    from deepdx_core.ports import list_ports

    inputs, outputs = list_ports()
    if not inputs and not outputs:
        out.print("No MIDI ports.")
        return
    shown = table("port", "receive", "send")
    for name in dict.fromkeys(inputs + outputs):
        shown.add_row(plain(name), "yes" if name in inputs else "", "yes" if name in outputs else "")
    out.print(shown)


def send(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A bank, singles, an archive, or a table of voices.")],
    port: Annotated[str, typer.Option(help="MIDI port, as `deepdx ports` lists it.")],
    channel: Annotated[int, typer.Option(min=1, max=16, help="MIDI channel that the DX7 listens on.")] = 1,
    clamp: Annotated[bool, typer.Option("--clamp", help="Set parameters out of range to their maximum.")] = False,
) -> None:
    """Send voices to a DX7: a bank for each dump of several, a single (to its edit buffer) for each dump of one.

    A dump with a voice that cannot be written is not sent. The DX7 takes banks with its memory protection off.
    """
    from deepdx_core.errors import DeepDXError
    from deepdx_core.exchange.conversion import collect_voices, dumps_to_send
    from deepdx_core.ports import send as send_messages

    gathered = collect_voices([file])
    to_send, skipped, mended = dumps_to_send(gathered.voices, channel - 1, clamp)
    report(gathered.refused, gathered.without, skipped, mended)
    if not to_send:
        raise DeepDXError("nothing to send")
    what = [about for about, _ in to_send]
    send_messages([message for _, message in to_send], port, lambda i: out.print(plain(what[i]), soft_wrap=True))
    if gathered.refused or skipped:
        raise typer.Exit(1)


def receive(
    port: Annotated[str, typer.Option(help="MIDI port, as `deepdx ports` lists it.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The .syx file to write.")],
    timeout: Annotated[float, typer.Option(min=0.1, help="Seconds to wait.")] = 60,
    force: Annotated[bool, typer.Option("--force", help="Overwrite what is there.")] = False,
) -> None:
    """Wait for a DX7 to send a bank or a voice, check it, and write it as it came."""
    from deepdx_core.display import counted, printable
    from deepdx_core.files import output_target, write_outputs
    from deepdx_core.ports import receive as receive_dump

    def waiting() -> None:
        err.print(plain(f"Waiting {timeout:g} seconds for a dump from {printable(port)}"), soft_wrap=True)

    output_target(output, force)  # before anything is waited for
    data = receive_dump(port, timeout, waiting)
    write_outputs({output: data}, force)
    out.print(plain(f"{counted(len(data), 'byte')}: {printable(str(output))}"), soft_wrap=True)
