"""Commands on the judgement of voices: explain, verdict."""

import json
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from deepdx_core.home import find_home
from deepdx_pipeline.cli.console import out, plain, table

if TYPE_CHECKING:
    from deepdx_core.database.explain import Story

SOUND = "A sound's id, its beginning (six digits or more), or its name."
_MOST_ROWS = 12  # of places and of kin that are shown


def explain(
    sound: Annotated[str, typer.Argument(metavar="SOUND", help=SOUND)],
    as_json: Annotated[bool, typer.Option("--json", help="Everything, as one JSON object.")] = False,
) -> None:
    """Tell the whole story of a voice: where it was found, what was found in it, its kin, its label and split."""
    from deepdx_core.database.explain import explain as tell
    from deepdx_core.database.explain import find_sounds
    from deepdx_core.database.snapshot import Snapshot
    from deepdx_core.quality.rules import load_rules

    home = find_home()
    rules = load_rules(home.rules)
    with Snapshot(home.database) as corpus:
        found = find_sounds(corpus, sound)
        story = tell(corpus, rules, found["sound_id"][0])
    if as_json:
        out.print_json(json.dumps(_as_dict(story), ensure_ascii=False))
        return
    _print(story)
    if len(found) > 1:
        others = found[1:]
        out.print(plain(f"\n{len(others):,} more of that name:"), style="dim")
        shown = table("sound", "name", ">files", "verdict")
        for row in others.head(_MOST_ROWS).iter_rows():
            shown.add_row(*map(plain, row))
        out.print(shown)


def _as_dict(story: "Story") -> dict[str, object]:
    import polars as pl

    return {key: value.to_dicts() if isinstance(value, pl.DataFrame) else value for key, value in vars(story).items()}


def _print(story: "Story") -> None:
    from deepdx_core.intake.survey import format_location

    def line(text: str, style: str = "") -> None:
        out.print(plain(text), style=style, soft_wrap=True)

    line(f"{story.name or '(no name)'}  {story.sound_id}", "bold")
    names = ", ".join(f"{name or '(blank)'} ({count})" for name, count in story.names.iter_rows())
    line(f"Names (files): {names}")
    verdict = story.verdict
    line(f"Verdict: {verdict['verdict']}, by {'you' if verdict['decided_by'] == 'user' else 'the rules'}", "bold")
    if verdict["why"]:
        line(f"  you said: {verdict['why']}")
    for finding in story.findings.iter_rows(named=True):
        value = "" if finding["value"] is None else f" ({finding['parameter']} {finding['value']:g})"
        reason = finding["reason"] or "a rule that is there no more"
        line(f"  {finding['severity']}: {finding['rule']}{value}: {reason}")
    line(f"  {'rendered and heard' if verdict['heard'] else 'not rendered: judged by its parameters alone'}", "dim")
    if story.repair:
        line(f"Put right ({story.repair[0]}) as {story.repair[1]}")
    for original, name, how in story.repaired_from.iter_rows():
        line(f"Made from {name} {original}, put right: {how}")
    line(f"Found in {len(story.places):,} places:")
    for found in story.places.head(_MOST_ROWS).iter_rows(named=True):
        checksum = f", checksum {found['checksum']}" if found["checksum"] not in (None, "right") else ""
        location = f"{format_location(found)}, at byte {found['offset']:,}, slot {found['slot']}"
        line(f"  {location}, as {found['name']!r}{checksum}")
    _more(len(story.places))
    if len(story.family):
        line(f"Family of {len(story.family) + 1:,}; its nearest:")
        shown = table("  sound", "name", ">files", ">differing", "")
        for kin in story.family.head(_MOST_ROWS).iter_rows(named=True):
            same = "sounds the same" if kin["same"] else ""
            shown.add_row(*map(plain, (f"  {kin['sound_id']}", kin["name"], kin["files"], kin["differing"], same)))
        out.print(shown)
        _more(len(story.family))
    else:
        line("No kin: nothing else is within 5 parameters of it, or sounds the same.")
    if story.label:
        label = story.label
        line(f"Label: {label['label']} ({label['category']}), confidence {label['confidence']:.2f}")
        if label["evidence"]:
            line(f"  {label['evidence']}")
    if story.split and story.split["in_corpus"]:
        line(f"Split: {story.split['split']} ({story.split['reason']})")
    if story.realness:
        line(f"Critic: log-odds of {story.realness['realness']:+.1f} that people made it and no model")


def _more(count: int) -> None:
    if count > _MOST_ROWS:
        out.print(f"  ... and {count - _MOST_ROWS:,} more: `--json` has all", style="dim")


class Verdict(StrEnum):
    """What a voice may be judged to be."""

    VALID = "valid"
    REPAIRABLE = "repairable"
    EMPTY = "empty"
    SILENT = "silent"
    CORRUPT = "corrupt"


def verdict(
    sound: Annotated[str, typer.Argument(metavar="SOUND", help=SOUND)],
    what: Annotated[Verdict | None, typer.Argument(metavar="VERDICT", help=f"{', '.join(Verdict)}.")] = None,
    why: Annotated[str, typer.Option(help="Your reason, kept with it.")] = "",
    forget: Annotated[bool, typer.Option("--forget", help="Take your verdict back.")] = False,
) -> None:
    """Say what a voice is: your word counts over every rule, from the next run on."""
    import polars as pl

    from deepdx_core.database.explain import find_one
    from deepdx_core.database.snapshot import Snapshot
    from deepdx_core.overrides import OverridesError, write_override
    from deepdx_core.quality.verdicts import contradiction
    from deepdx_core.tables.schemas import VERDICTS

    if (what is None) != forget:
        raise typer.BadParameter(f"give one of {', '.join(Verdict)}, or --forget", param_hint="VERDICT")
    home = find_home()
    with Snapshot(home.database) as corpus:
        sound_id, name = find_one(corpus, sound)
        sounds = corpus.read("unique_voices", ["sound_id", "in_range", "repaired_id"])
    if what is not None:
        _, in_range, repaired = sounds.row(by_predicate=pl.col("sound_id") == sound_id)
        reason = contradiction(what.value, in_range)
        if what is Verdict.REPAIRABLE and not reason and repaired is None:
            reason = "no repair was found for it"
        if reason:
            raise OverridesError(f"{name} {sound_id} cannot be {what.value}: {reason}; nothing was changed")
    lock = home.overrides_lock
    write_override(home.verdicts, "verdict", VERDICTS, sound_id, what.value if what else None, why, lock=lock)
    said = f"is {what.value}" if what else "is left to the rules"
    text = f"{name} {sound_id} {said}, from the next `deepdx run` on ({home.verdicts})"
    out.print(plain(text), soft_wrap=True)
