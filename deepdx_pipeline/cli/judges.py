"""Commands on the judges, the models behind verdicts and labels: list, train."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from deepdx_core.display import printable
from deepdx_core.home import find_home
from deepdx_pipeline.cli.console import print_line, print_notice, progress_bar

app = typer.Typer(
    no_args_is_help=True, help="Judges: the models behind verdicts and labels. List them, or train your own."
)


@app.command("list")
def list_judges() -> None:
    """List the judges of the package and your own, with their measures. A star marks those that `rules.toml` picks."""
    from deepdx_core.judges.store import KINDS, PACKAGE, load_judge, own_versions
    from deepdx_core.quality.rules import load_rules

    home = find_home()
    choice = load_rules(home.rules).judges.model_dump()
    for kind in KINDS:
        for which in (PACKAGE, *own_versions(home, kind)):
            judge = load_judge(home, kind, which)
            card = judge.card
            name = f"{which} ({judge.version})" if which == PACKAGE else which
            print_line(f"{'*' if choice[kind] == which else ' '} {kind} {name}", "bold")
            print_line(f"    {card.sounds:,} sounds of {printable(card.data)}, {card.date}")
            measures = ", ".join(f"{measure} {value:.3f}" for measure, value in card.measures.items())
            print_line(f"    on sounds of unseen families: {measures}", "dim")


@app.command()
def train(
    data: Annotated[str, typer.Option(help="Description of your corpus, for the cards of the judges.")] = "own corpus",
) -> None:
    """Train judges of your own on your corpus. Takes some minutes.

    Verdicts and labels change when `rules.toml` picks them.
    """
    from deepdx_core.judges.store import save_judge
    from deepdx_core.judging.train import train_judges
    from deepdx_core.state.store import open_state, run_lock

    home = find_home()
    with run_lock(home, waiting=print_notice):
        open_state(home, print_notice)
        with progress_bar() as report:
            judges = train_judges(home, data, f"{datetime.now(UTC):%Y-%m-%d}", report)
        for judge in judges:
            save_judge(home, judge)
    print_line(f"To use them from the next `deepdx run` on, put this into {home.rules}:")
    print_line("[judges]")
    for judge in judges:
        print_line(f'{judge.card.kind} = "{judge.version}"')
