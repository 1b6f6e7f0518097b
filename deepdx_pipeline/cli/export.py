"""The command that exports the corpus for machine learning: export."""

from pathlib import Path
from typing import Annotated

import typer

from deepdx_core.display import counted, printable
from deepdx_core.home import find_home
from deepdx_pipeline.cli.console import announce_compilation, print_line, progress_bar


def export(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder to write.")],
    audio: Annotated[bool, typer.Option("--audio", help="Render a clip of every voice, as FLAC.")] = False,
    note: Annotated[list[int] | None, typer.Option(min=0, max=127, help="Note of the clips; repeatable.")] = None,
    velocity: Annotated[
        list[int] | None, typer.Option(min=1, max=127, help="Velocity of the clips; repeatable.")
    ] = None,
    seconds: Annotated[float, typer.Option(min=0.1, max=60, help="Length of the clips, in seconds.")] = 2.0,
    held: Annotated[float, typer.Option(min=0, max=60, help="Time until key-up, in seconds.")] = 1.5,
    force: Annotated[bool, typer.Option("--force", help="Replace an earlier export.")] = False,
) -> None:
    """Export the training set for machine learning, as a folder that Hugging Face's `datasets` opens.

    Parquet files by split, a dataset card, a data dictionary and checksums; with --audio, rendered clips.
    """
    if not audio and (note or velocity):
        raise typer.BadParameter("needs --audio", param_hint="--note" if note else "--velocity")
    from deepdx_core.export.clips import Clips
    from deepdx_core.export.folder import export_dataset

    clips = Clips(tuple(note or Clips.notes), tuple(velocity or Clips.velocities), seconds, held) if audio else None
    if audio:
        announce_compilation()
    with progress_bar() as report:
        done = export_dataset(find_home(), folder, clips, force=force, report=report)
    voices = ", ".join(f"{split} {count:,}" for split, count in done.voices.items())
    rendered = f"; {counted(done.clips, 'clip')}" if audio else ""
    print_line(printable(str(folder)))
    print_line(f"{counted(sum(done.voices.values()), 'voice')}: {voices}{rendered}")
