"""Commands on the state of a home folder: backup, restore."""

from pathlib import Path
from typing import Annotated

import typer

from deepdx_core.display import counted
from deepdx_core.home import find_home
from deepdx_pipeline.cli.console import print_line, print_notice


def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="File to write, such as deepdx.zip.")],
    force: Annotated[bool, typer.Option("--force", help="Overwrite an existing file.")] = False,
) -> None:
    """Back up splits, models, your verdicts and labels, rules and taxonomy to a file.

    These cannot be recomputed. Your files in the inbox are not included.
    From the backup and the inbox, everything else can be rebuilt.
    """
    from deepdx_core.files import output_target
    from deepdx_core.state.backup import write_backup
    from deepdx_core.state.store import open_state, run_lock

    home = find_home()
    target = output_target(file, force)
    with run_lock(home, waiting=print_notice):
        open_state(home, print_notice)
        count = write_backup(home, target)
    print_line(f"{counted(count, 'file')}: {file}")


def restore(file: Annotated[Path, typer.Argument(metavar="FILE", help="Backup written by `deepdx backup`.")]) -> None:
    """Replace the current state with a backup.

    The current state is kept in the folder `backups`.
    Nothing is replaced if any part of the backup is damaged.
    Run `deepdx run` afterwards to update the tables.
    """
    from deepdx_core.state.restore import restore_backup
    from deepdx_core.state.store import run_lock

    home = find_home()
    with run_lock(home, waiting=print_notice):
        replaced = restore_backup(home, file)
    previous = f"; previous state: {replaced}" if replaced else ""
    print_line(f"Restored from {file}{previous}. Run `deepdx run` to update the tables.")
