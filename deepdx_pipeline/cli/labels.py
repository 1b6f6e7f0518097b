"""Command on labels: label."""

from typing import Annotated

import typer

from deepdx_core.home import find_home
from deepdx_pipeline.cli.console import out, plain
from deepdx_pipeline.cli.curation import SOUND


def label(
    sound: Annotated[str | None, typer.Argument(metavar="SOUND", help=SOUND)] = None,
    category: Annotated[
        str | None,
        typer.Argument(
            metavar="CATEGORY",
            help="What it is: `electric-piano`, `Electric Piano`, or a label with no other category.",
        ),
    ] = None,
    why: Annotated[str, typer.Option(help="Your reason, kept with it.")] = "",
    forget: Annotated[bool, typer.Option("--forget", help="Take your label back.")] = False,
    suggest: Annotated[bool, typer.Option("--suggest", help="Show the voices whose answer would teach most.")] = False,
    count: Annotated[int, typer.Option(min=1, help="How many voices `--suggest` shows.")] = 20,
) -> None:
    """Say what kind of sound a voice is: your word counts over all evidence, from the next run on."""
    if suggest:
        _suggest(count)
        return
    if sound is None or (category is None) != forget:
        raise typer.BadParameter("give a sound and what it is, or --forget, or --suggest", param_hint="CATEGORY")
    from deepdx_core.database.explain import find_sound
    from deepdx_core.database.snapshot import Snapshot
    from deepdx_core.labels.names import category_called
    from deepdx_core.labels.taxonomy import find_taxonomy
    from deepdx_core.overrides import write_override

    home = find_home()
    taxonomy = find_taxonomy(home.taxonomy)
    meant = None if category is None else category_called(category, taxonomy)
    with Snapshot(home.database) as corpus:
        sound_id, name = find_sound(corpus, sound)
    lock = home.overrides_lock
    write_override(home.labels, "category", taxonomy.categories, sound_id, meant, why, lock=lock)
    said = f"is {meant}" if meant else "is left to the evidence"
    text = f"{name} {sound_id} {said}, from the next `deepdx run` on ({home.labels})"
    out.print(plain(text), soft_wrap=True)


def _suggest(count: int) -> None:
    from deepdx_core.database.snapshot import Snapshot
    from deepdx_core.labels.suggestions import suggestions

    with Snapshot(find_home().database) as corpus:
        rows = suggestions(
            corpus.read("labeled_voices"),
            corpus.read("families", ["sound_id", "family_id"]),
            corpus.read("unique_voices", ["sound_id", "name"]),
            count,
        )
    for row in rows.iter_rows(named=True):
        out.print(plain(f"{row['sound_id']}  {row['name']}"), style="bold", soft_wrap=True)
        guess = f"perhaps {row['likeliest']} ({row['confidence']:.0%}); about {row['unsure']:.1f} labels hang on it"
        out.print(plain(f"  {guess}"), soft_wrap=True)
        out.print(plain(f"  {row['evidence'] or 'nothing speaks for anything'}"), style="dim", soft_wrap=True)
    out.print("`deepdx explain SOUND` tells more; `deepdx label SOUND CATEGORY` answers.", style="dim")
