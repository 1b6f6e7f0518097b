"""The command itself: its parts, and how errors reach the user.

Exit codes: 0 all done; 1 something could not be done, and the message says what; 2 the command was called wrongly.
"""

import sys

import typer

from deepdx_core.home import find_home
from deepdx_pipeline.cli import banks, convert, corpus, curation, generate, labels, midi, run, sql, state, ui
from deepdx_pipeline.cli.console import tell
from deepdx_pipeline.cli.errors import in_words

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)


_WITHOUT_A_HOME = ("inspect", "convert", "ports", "send", "receive", "restore")


@app.callback()
def before_every_command(context: typer.Context) -> None:
    """From folders of DX7 banks to a curated corpus, SQL over it, and new banks from a trained model."""
    if context.invoked_subcommand not in _WITHOUT_A_HOME:
        from deepdx_core.state.store import complete_state

        complete_state(find_home(), tell)


app.command()(corpus.add)
app.command()(run.run)
app.command()(ui.ui)
app.command()(banks.inspect)
app.command()(convert.convert)
app.command()(midi.ports)
app.command()(midi.send)
app.command()(midi.receive)
app.command()(sql.sql)
app.command()(sql.stats)
app.command()(state.backup)
app.command()(state.restore)
app.command()(curation.explain)
app.command()(curation.verdict)
app.command()(labels.label)
app.command()(generate.generate)
app.command()(run.evaluate)


def main() -> None:
    """Entry point of the `deepdx` command."""
    try:
        app()
    except BrokenPipeError:
        # The reader, such as `head`, has seen enough.
        sys.stderr.close()
        sys.exit(1)
    except Exception as error:
        message = in_words(error)
        if message is None:
            raise
        print(f"deepdx: {message}", file=sys.stderr)
        sys.exit(1)
