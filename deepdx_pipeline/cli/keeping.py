"""Commands on what a user keeps and likes: rate, pick, collection."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from deepdx_core.display import counted, printable, shown
from deepdx_core.home import Home, find_home
from deepdx_core.keeping.scale import Rating
from deepdx_core.voice.parameters import VMEM_VOICES
from deepdx_pipeline.cli.console import bank_paths, err, out, print_line, safe_text, table
from deepdx_pipeline.cli.curation import SOUND_HELP

if TYPE_CHECKING:
    from deepdx_core.keeping.collections import Collection

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
    from deepdx_core.keeping.ratings import UNCHANGED
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


def pick(
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Bank to write, such as best.syx.", show_default="none")
    ] = None,
    count: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Number of sounds; more than 32 fill several numbered banks.",
            show_default="32, or the sum of the quotas",
        ),
    ] = None,
    label: Annotated[list[str] | None, typer.Option(help="Choose from this label only; repeatable.")] = None,
    quota: Annotated[
        str | None,
        typer.Option(
            metavar="LABEL=N,...",
            help="Number of sounds of some labels, such as Pads=10,Bass=6. The other labels share the rest, in "
            "proportion to their families.",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Random seed; another seed gives another choice.")] = 0,
    collection: Annotated[
        str | None, typer.Option(metavar="NAME", help="Keep the choice as a new collection, too.")
    ] = None,
    next_to_rate: Annotated[
        int | None,
        typer.Option(
            "--next-to-rate",
            metavar="N",
            min=1,
            max=1000,
            help="List the sounds whose ratings would tell most instead.",
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite existing files, and a collection.")] = False,
) -> None:
    """Choose the best sounds, by your ratings and the taste learnt from them: diverse, no two of a family."""
    from deepdx_core.files import write_outputs
    from deepdx_core.taste.picking import pick_sounds, to_collection

    if next_to_rate is not None:
        _print_next_to_rate(next_to_rate, seed)
        return
    quotas = _parse_quotas(quota)
    count = count or (sum(quotas.values()) if quotas else VMEM_VOICES)
    paths = [] if output is None else bank_paths(output, count, force)
    home = find_home()
    picked = pick_sounds(home, count, labels=label or (), quotas=quotas, seed=seed)
    chosen = to_collection(home, picked)
    if collection is not None:
        _write_collection(home, collection, chosen, force)
    write_outputs(dict(zip(paths, chosen.to_banks(), strict=bool(paths))), force)
    rows = table(">", "name", "label", "sound", "rating", ">taste", ">sure", "why")
    for number, row in enumerate(picked.iter_rows(named=True), 1):
        cells = number, row["name"], row["label"], row["sound_id"], row["rating"]
        rows.add_row(*map(safe_text, (*cells, f"{row['taste']:.2f}", f"{row['sure']:.0%}", row["why"])))
    out.print(rows)
    for path in paths:
        print_line(printable(str(path)))


def _parse_quotas(text: str | None) -> dict[str, int]:
    quotas: dict[str, int] = {}
    for part in text.split(",") if text else ():
        label, _, number = map(str.strip, part.rpartition("="))
        if not label or not re.fullmatch("[0-9]{1,5}", number) or label in quotas:
            raise typer.BadParameter(f"{shown(part)} is not LABEL=N, each label once", param_hint="--quota")
        quotas[label] = int(number)
    return quotas


def _print_next_to_rate(count: int, seed: int) -> None:
    from deepdx_core.tables.storage import Tables
    from deepdx_core.taste.model import Taste

    home = find_home()
    taste = Taste.of_home(home)
    names = dict(Tables(home).read("unique_voices", ["sound_id", "name"]).iter_rows())
    for sound_id in taste.next_to_rate(count, seed):
        print_line(f"{sound_id}  {names[sound_id]}")
    agreement = "" if taste.agreement is None else f"; agreement of each with the others {taste.agreement:+.2f}"
    print_line(f"learnt from {counted(taste.ratings, 'rating')}{agreement}; `deepdx rate SOUND RATING` adds one", "dim")


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
    rows = table("collection", ">voices", "")
    for row in found:
        rows.add_row(*map(safe_text, row))
    out.print(rows)


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
    rows = table(">", "name", ">alg", "rating", "sound")
    for number, row in enumerate(zip(voices.names, algorithms, voices.sound_ids(), strict=True), 1):
        rows.add_row(*map(safe_text, (number, row[0], row[1], ratings.get(row[2]), row[2])))
    out.print(rows)


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
    force: Annotated[bool, typer.Option("--force", help="Overwrite a collection of that name.")] = False,
) -> None:
    """Make a collection of the voices in banks, in their order. Voices that are not legal are left out."""
    from deepdx_core.exchange.conversion import to_parameters
    from deepdx_core.exchange.inspection import inspect_files
    from deepdx_core.intake.survey import format_location
    from deepdx_core.keeping.collections import MAX_VOICES, Collection, CollectionError

    found, voices = inspect_files(files)
    for file in found.filter(status="refused").iter_rows(named=True):
        print_line(f"{format_location(file)}: {file['reason']}", "red", err)
    legal = voices.filter("valid")
    if not 0 < len(legal) <= MAX_VOICES:
        raise CollectionError(f"{len(legal):,} legal voices in these files: a collection takes 1 to {MAX_VOICES:,}")
    _write_collection(find_home(), name, Collection(to_parameters(legal), tuple(legal["name"])), force)
    left_out = len(voices) - len(legal)
    print_line(f"{name}: {counted(len(legal), 'voice')}{f'; {left_out:,} not legal, left out' if left_out else ''}")


def _write_collection(home: Home, name: str, voices: "Collection", force: bool) -> None:
    from deepdx_core.keeping.collections import CollectionError, TakenNameError, write_collection

    try:
        write_collection(home, name, voices, force=force)
    except TakenNameError as error:
        raise CollectionError(f"{error}; nothing was written (--force overwrites)") from error


@collection.command()
def delete(name: _Name) -> None:
    """Delete a collection."""
    from deepdx_core.keeping.collections import delete_collection

    delete_collection(find_home(), name)
    print_line(f"{name}: deleted")
