"""Commands on the state of a home: backup, restore."""

from pathlib import Path
from typing import Annotated

import typer

from deepdx_core.display import counted
from deepdx_core.home import find_home
from deepdx_pipeline.cli.console import out, plain, tell


def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The .zip file to write.")],
    force: Annotated[bool, typer.Option("--force", help="Overwrite what is there.")] = False,
) -> None:
    """Write all that cannot be made anew to a file: splits, models, your verdicts and labels, rules and taxonomy.

    The inbox is not in it: these are your own files. With both, everything can be made anew elsewhere.
    """
    from deepdx_core.files import output_target
    from deepdx_core.state.backup import write_backup
    from deepdx_core.state.store import open_state, run_lock

    home = find_home()
    target = output_target(file, force)
    with run_lock(home, waiting=tell):
        open_state(home, tell)
        count = write_backup(home, target)
    out.print(plain(f"{counted(count, 'file')}: {file}"), soft_wrap=True)


def restore(file: Annotated[Path, typer.Argument(metavar="FILE", help="A backup that `deepdx backup` wrote.")]) -> None:
    """Put the state in a backup in place of the present one, which is kept in a folder of `backups`.

    Nothing is replaced unless all of the file is whole. `deepdx run` brings the tables in line with it.
    """
    from deepdx_core.state.restore import restore_backup
    from deepdx_core.state.store import run_lock

    home = find_home()
    with run_lock(home, waiting=tell):
        replaced = restore_backup(home, file)
    before = f"; the state before: {replaced}" if replaced else ""
    out.print(plain(f"Restored from {file}{before}. `deepdx run` brings the tables in line with it."), soft_wrap=True)
