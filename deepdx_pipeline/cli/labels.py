"""The command on labels of voices: label."""

from typing import Annotated

import typer

from deepdx_core.home import find_home
from deepdx_pipeline.cli.console import print_line
from deepdx_pipeline.cli.curation import SOUND_HELP


def label(
    sound: Annotated[str | None, typer.Argument(metavar="SOUND", help=SOUND_HELP)] = None,
    category: Annotated[
        str | None,
        typer.Argument(
            metavar="CATEGORY",
            help="Your category, such as `electric-piano` or `Electric Piano`, or a label of only one category.",
        ),
    ] = None,
    why: Annotated[str, typer.Option(help="Your reason, stored with the category.")] = "",
    forget: Annotated[bool, typer.Option("--forget", help="Remove your category.")] = False,
    suggest: Annotated[bool, typer.Option("--suggest", help="List the voices most worth labeling.")] = False,
    count: Annotated[int, typer.Option(min=1, help="Number of voices that --suggest lists.")] = 20,
) -> None:
    """Set your own category for a voice, or list voices to label.

    Your category overrides all evidence from the next `deepdx run` on.
    """
    if suggest:
        _print_suggestions(count)
        return
    if sound is None or (category is None) != forget:
        raise typer.BadParameter("give SOUND and CATEGORY, SOUND --forget, or --suggest", param_hint="CATEGORY")
    from deepdx_core.database.explain import find_sound
    from deepdx_core.database.snapshot import Snapshot
    from deepdx_core.labels.names import find_category
    from deepdx_core.labels.taxonomy import find_taxonomy
    from deepdx_core.overrides import write_override

    home = find_home()
    taxonomy = find_taxonomy(home.taxonomy)
    value = None if category is None else find_category(category, taxonomy)
    with Snapshot(home.database) as corpus:
        sound_id, name = find_sound(corpus, sound)
    lock = home.overrides_lock
    write_override(home.labels, "category", taxonomy.categories, sound_id, value, why, lock=lock)
    change = f"your category is {value}" if value else "your category is removed"
    print_line(f"{name} {sound_id}: {change}, effective from the next `deepdx run` ({home.labels})")


def _print_suggestions(count: int) -> None:
    from deepdx_core.database.snapshot import Snapshot
    from deepdx_core.labels.suggestions import suggest_voices

    with Snapshot(find_home().database) as corpus:
        rows = suggest_voices(
            corpus.read("labeled_voices"),
            corpus.read("families", ["sound_id", "family_id"]),
            corpus.read("unique_voices", ["sound_id", "name"]),
            count,
        )
    for row in rows.iter_rows(named=True):
        print_line(f"{row['sound_id']}  {row['name']}", "bold")
        guess = f"perhaps {row['likeliest']} ({row['confidence']:.0%})"
        print_line(f"  {guess}; about {row['unsure']:.1f} labels of its family may be wrong")
        print_line(f"  {row['evidence'] or 'no evidence'}", "dim")
    print_line("`deepdx explain SOUND` shows more; `deepdx label SOUND CATEGORY` sets the category.", "dim")
