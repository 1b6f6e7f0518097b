"""The `deepdx` application: its commands, and the handling of errors.

Exit codes: 0 success; 1 failure, with a message on stderr; 2 wrong usage; 130 interrupted run.
"""

import gc
import os
import sys
from importlib.metadata import version
from typing import Annotated

import typer

from deepdx_core.home import find_home
from deepdx_pipeline.cli import (
    banks,
    changes,
    convert,
    corpus,
    curation,
    doctor,
    explore,
    export,
    find,
    generate,
    judges,
    keeping,
    labels,
    midi,
    render,
    run,
    similar,
    sql,
    state,
    ui,
)
from deepdx_pipeline.cli.console import print_notice
from deepdx_pipeline.cli.errors import error_message

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


_COMMANDS_WITHOUT_STATE = (
    *("inspect", "convert", "find", "render", "play", "ports", "send", "receive", "restore", "doctor"),
)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"deepdx {version('deepdx')}")
        raise typer.Exit


@app.callback()
def before_every_command(
    context: typer.Context,
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Turn folders of DX7 banks into a curated corpus, query it in SQL, and generate new banks."""
    if context.invoked_subcommand not in _COMMANDS_WITHOUT_STATE:
        from deepdx_core.state.store import complete_state

        complete_state(find_home(), print_notice)


app.command()(corpus.add)
app.command()(run.run)
app.command()(ui.ui)
app.command()(banks.inspect)
app.command()(convert.convert)
app.command()(render.render)
app.command()(render.play)
app.command()(find.find)
app.command()(similar.similar)
app.command()(midi.ports)
app.command()(midi.send)
app.command()(midi.receive)
app.command()(sql.sql)
app.command()(sql.stats)
app.command()(export.export)
app.command()(explore.explore)
app.command()(doctor.doctor)
app.command()(changes.diff)
app.command()(state.backup)
app.command()(state.restore)
app.command()(curation.explain)
app.command()(curation.verdict)
app.command()(labels.label)
app.command()(keeping.rate)
app.command()(keeping.pick)
app.add_typer(keeping.collection, name="collection")
app.add_typer(judges.app, name="judges")
app.command()(generate.generate)
app.command()(run.evaluate)


def main() -> None:
    """Run the `deepdx` command."""
    # Importing Dagster and polars makes objects that stay: collecting garbage as often as by default takes a fifth of
    # the time of a run that has nothing to do.
    gc.set_threshold(200_000, 30, 30)
    # Threads of torch that wait for others otherwise keep their core busy: a training beside another program would take
    # half as long again. Set before torch is loaded; runs of the UI inherit it.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    try:
        app()
    except BrokenPipeError:
        # The reader, such as `head`, closed its end.
        sys.stderr.close()
        sys.exit(1)
    except Exception as error:
        message = error_message(error)
        if message is None:
            raise
        print(f"deepdx: {message}", file=sys.stderr)
        sys.exit(1)
