"""Commands on the verdicts of voices: explain, verdict."""

import json
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from deepdx_core.display import counted
from deepdx_core.home import find_home
from deepdx_pipeline.cli.console import out, print_line, safe_text, table

if TYPE_CHECKING:
    from deepdx_core.database.explain import Explanation

SOUND_HELP = "Sound id, the first six or more digits of one, or a name."
_MAX_ROWS = 12  # of places, family members and sounds of the same name


def explain(
    sound: Annotated[str, typer.Argument(metavar="SOUND", help=SOUND_HELP)],
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as one JSON object.")] = False,
) -> None:
    """Show everything about a voice: names, sources, verdict, findings, family, label and split."""
    from deepdx_core.database.explain import explain as load_explanation
    from deepdx_core.database.explain import find_sounds
    from deepdx_core.database.snapshot import Snapshot
    from deepdx_core.quality.rules import load_rules

    home = find_home()
    rules = load_rules(home.rules)
    with Snapshot(home.database) as corpus:
        found = find_sounds(corpus, sound)
        explanation = load_explanation(corpus, rules, found["sound_id"][0])
    if as_json:
        out.print_json(json.dumps(_as_dict(explanation), ensure_ascii=False))
        return
    _print_explanation(explanation)
    if len(found) > 1:
        others = found[1:]
        print_line(f"\n{counted(len(others), 'more sound')} with this name:", "dim")
        shown = table("sound", "name", ">files", "verdict")
        for row in others.head(_MAX_ROWS).iter_rows():
            shown.add_row(*map(safe_text, row))
        out.print(shown)


def _as_dict(explanation: "Explanation") -> dict[str, object]:
    import polars as pl

    return {
        key: value.to_dicts() if isinstance(value, pl.DataFrame) else value for key, value in vars(explanation).items()
    }


def _print_explanation(explanation: "Explanation") -> None:
    from deepdx_core.intake.survey import format_location

    print_line(f"{explanation.name or '(no name)'}  {explanation.sound_id}", "bold")
    names = ", ".join(f"{name or '(blank)'} ({count})" for name, count in explanation.names.iter_rows())
    print_line(f"Names (files): {names}")
    verdict = explanation.verdict
    print_line(f"Verdict: {verdict['verdict']}, by {'you' if verdict['decided_by'] == 'user' else 'the rules'}", "bold")
    if verdict["why"]:
        print_line(f"  your reason: {verdict['why']}")
    for finding in explanation.findings.iter_rows(named=True):
        value = "" if finding["value"] is None else f" ({finding['parameter']} {finding['value']:g})"
        reason = finding["reason"] or "this rule no longer exists"
        print_line(f"  {finding['severity']}: {finding['rule']}{value}: {reason}")
    print_line(f"  {'rendered and measured' if verdict['heard'] else 'not rendered; based on parameters alone'}", "dim")
    if explanation.repair:
        print_line(f"Repaired ({explanation.repair[0]}) as {explanation.repair[1]}")
    for original, name, how in explanation.repaired_from.iter_rows():
        print_line(f"Repaired ({how}) from {name} {original}")
    print_line(f"Found in {counted(len(explanation.places), 'place')}:")
    for found in explanation.places.head(_MAX_ROWS).iter_rows(named=True):
        checksum = f", checksum {found['checksum']}" if found["checksum"] not in (None, "right") else ""
        where = f"{format_location(found)}, at byte {found['offset']:,}, slot {found['slot']}"
        print_line(f"  {where}, as {found['name']!r}{checksum}")
        if found["synth"]:
            lost = "; ".join(found["losses"]) or "nothing"
            print_line(f"    converted from {found['synth']}; lost: {lost}", "dim")
    _print_more(len(explanation.places))
    if len(explanation.family):
        print_line(f"Family of {len(explanation.family) + 1:,}, nearest first:")
        shown = table("  sound", "name", ">files", ">differing", "")
        for member in explanation.family.head(_MAX_ROWS).iter_rows(named=True):
            same = "sounds the same" if member["same"] else ""
            cells = f"  {member['sound_id']}", member["name"], member["files"], member["differing"], same
            shown.add_row(*map(safe_text, cells))
        out.print(shown)
        _print_more(len(explanation.family))
    else:
        print_line("Family: none. No other sound differs in 5 or fewer parameters or sounds the same.")
    if explanation.label:
        label = explanation.label
        print_line(f"Label: {label['label']} ({label['category']}), confidence {label['confidence']:.2f}")
        if label["evidence"]:
            print_line(f"  {label['evidence']}")
    if explanation.split and explanation.split["in_corpus"]:
        print_line(f"Split: {explanation.split['split']} ({explanation.split['reason']})")
    elif explanation.label and explanation.converted:
        print_line("Split: none, since it is converted from another synth")
    if explanation.realness:
        print_line(
            f"Critic: log-odds of {explanation.realness['realness']:+.1f} that it is a real voice, not a generated one"
        )


def _print_more(count: int) -> None:
    if count > _MAX_ROWS:
        print_line(f"  ... and {count - _MAX_ROWS:,} more; --json shows all", "dim")


class Verdict(StrEnum):
    """Verdict that a user can set."""

    VALID = "valid"
    REPAIRABLE = "repairable"
    EMPTY = "empty"
    SILENT = "silent"
    CORRUPT = "corrupt"


def verdict(
    sound: Annotated[str, typer.Argument(metavar="SOUND", help=SOUND_HELP)],
    value: Annotated[Verdict | None, typer.Argument(metavar="VERDICT", help="Your verdict.")] = None,
    why: Annotated[str, typer.Option(help="Your reason, stored with the verdict.")] = "",
    forget: Annotated[bool, typer.Option("--forget", help="Remove your verdict.")] = False,
) -> None:
    """Set your own verdict on a voice.

    It overrides every rule from the next `deepdx run` on.
    """
    import polars as pl

    from deepdx_core.database.explain import find_sound
    from deepdx_core.database.snapshot import Snapshot
    from deepdx_core.overrides import OverridesError, write_override
    from deepdx_core.quality.verdicts import contradiction
    from deepdx_core.tables.curation import VERDICTS

    if (value is None) != forget:
        raise typer.BadParameter(f"give one of {', '.join(Verdict)}, or --forget", param_hint="VERDICT")
    home = find_home()
    with Snapshot(home.database) as corpus:
        sound_id, name = find_sound(corpus, sound)
        sounds = corpus.read("unique_voices", ["sound_id", "in_range", "repaired_id"])
    if value is not None:
        _, in_range, repaired = sounds.row(by_predicate=pl.col("sound_id") == sound_id)
        reason = contradiction(value.value, in_range)
        if value is Verdict.REPAIRABLE and not reason and repaired is None:
            reason = "no repair was found for it"
        if reason:
            raise OverridesError(f"{name} {sound_id} cannot be {value.value}: {reason}; nothing was changed")
    lock = home.overrides_lock
    write_override(home.verdicts, "verdict", VERDICTS, sound_id, value.value if value else None, why, lock=lock)
    change = f"your verdict is {value.value}" if value else "your verdict is removed"
    print_line(f"{name} {sound_id}: {change}, effective from the next `deepdx run` ({home.verdicts})")
