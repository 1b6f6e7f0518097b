"""Commands on what a user keeps: rate, collection."""

from pathlib import Path
from typing import Annotated

import typer

from deepdx_core.display import counted, printable
from deepdx_core.home import find_home
from deepdx_core.keeping.ratings import UNCHANGED, Rating
from deepdx_pipeline.cli.console import bank_paths, err, out, print_line, safe_text, table
from deepdx_pipeline.cli.curation import SOUND_HELP

_NAME_HELP = "Name of the collection: letters, digits, spaces, - and _."
_Name = Annotated[str, typer.Argument(metavar="NAME", help=_NAME_HELP)]


def rate(
    sound: Annotated[str, typer.Argument(metavar="SOUND", help=SOUND_HELP)],
    rating: Annotated[Rating | None, typer.Argument(metavar="RATING", help="skip, fine, keep or star.")] = None,
    note: Annotated[
        str | None, typer.Option(help="Your note on the voice; an empty one removes it.", show_default="as it is")
    ] = None,
    clear: Annotated[bool, typer.Option("--clear", help="Remove your rating and note.")] = False,
) -> None:
    """Rate a voice, or write a note on it. `deepdx pick` learns from ratings."""
    from deepdx_core.database.explain import find_sound
    from deepdx_core.database.snapshot import Snapshot
    from deepdx_core.keeping.ratings import rate as set_rating

    if (rating is not None or note is not None) == clear:
        raise typer.BadParameter(f"give one of {', '.join(Rating)}, --note, or --clear", param_hint="RATING")
    home = find_home()
    with Snapshot(home.database) as corpus:
        sound_id, name = find_sound(corpus, sound)
    if clear:
        before = set_rating(home, sound_id, None, None)
    else:
        before = set_rating(
            home, sound_id, UNCHANGED if rating is None else rating, UNCHANGED if note is None else note
        )
    changes = ["your rating and note are removed"] if clear else []
    changes += [f"rated {rating}{f', before {before.rating}' if before.rating else ''}"] if rating else []
    changes += ["note kept" if note else "note removed"] if note is not None else []
    print_line(f"{name} {sound_id}: {'; '.join(changes)} ({home.ratings})")


collection = typer.Typer(no_args_is_help=True, help="Lists of voices under a name, kept in the state of the home.")


@collection.command("list")
def list_() -> None:
    """List your collections."""
    from deepdx_core.keeping.collections import list_collections

    home = find_home()
    found = list_collections(home)
    if not found:
        print_line(f"no collections yet in {home.collections}")
        return
    shown = table("collection", ">voices", "")
    for row in found:
        shown.add_row(*map(safe_text, row))
    out.print(shown)


@collection.command()
def show(name: _Name) -> None:
    """List the voices of a collection, in its order."""
    from deepdx_core.keeping.collections import read_collection
    from deepdx_core.keeping.ratings import read_ratings
    from deepdx_core.voice.parameters import INDEX

    home = find_home()
    voices = read_collection(home, name)
    ratings = dict(read_ratings(home).select("sound_id", "rating").iter_rows())
    algorithms = (voices.parameters[:, INDEX["algorithm"]].astype(int) + 1).tolist()
    shown = table(">", "name", ">alg", "rating", "sound")
    for number, row in enumerate(zip(voices.names, algorithms, voices.sound_ids(), strict=True), 1):
        shown.add_row(*map(safe_text, (number, row[0], row[1], ratings.get(row[2]), row[2])))
    out.print(shown)


@collection.command()
def export(
    name: _Name,
    output: Annotated[Path, typer.Option("--output", "-o", help="Bank to write, such as best.syx.")],
    force: Annotated[bool, typer.Option("--force", help="Overwrite existing files.")] = False,
) -> None:
    """Write a collection as banks for a DX7; more than 32 voices fill several numbered banks."""
    from deepdx_core.files import write_outputs
    from deepdx_core.keeping.collections import CollectionError, read_collection

    voices = read_collection(find_home(), name)
    if not len(voices):
        raise CollectionError(f"collection {name!r} has no voices")
    paths = bank_paths(output, len(voices), force)
    write_outputs(dict(zip(paths, voices.to_banks(), strict=True)), force)
    for path in paths:
        print_line(printable(str(path)))
    print_line(counted(len(voices), "voice"))


@collection.command("import")
def import_(
    name: _Name,
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Banks, archives or folders.")],
) -> None:
    """Make a collection of the voices in banks, in their order. Voices that are not legal are left out."""
    from deepdx_core.exchange.inspection import inspect_files
    from deepdx_core.intake.survey import format_location
    from deepdx_core.keeping.collections import MAX_VOICES, Collection, CollectionError, write_collection
    from deepdx_core.voice.parameters import PARAMETER_NAMES

    found, voices = inspect_files(files)
    for file in found.filter(status="refused").iter_rows(named=True):
        print_line(f"{format_location(file)}: {file['reason']}", "red", err)
    legal = voices.filter("valid")
    if not 0 < len(legal) <= MAX_VOICES:
        raise CollectionError(f"{len(legal):,} legal voices in these files: a collection takes 1 to {MAX_VOICES:,}")
    parameters = legal.select(PARAMETER_NAMES).to_numpy()
    write_collection(find_home(), name, Collection(parameters, tuple(legal["name"])))
    left_out = len(voices) - len(legal)
    print_line(f"{name}: {counted(len(legal), 'voice')}{f'; {left_out:,} not legal, left out' if left_out else ''}")


@collection.command()
def delete(name: _Name) -> None:
    """Delete a collection."""
    from deepdx_core.keeping.collections import delete_collection

    delete_collection(find_home(), name)
    print_line(f"{name}: deleted")
