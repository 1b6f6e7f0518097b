"""Command on the trained model: generate."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from deepdx_core.display import printable
from deepdx_core.errors import DeepDXError
from deepdx_core.files import output_target, write_outputs
from deepdx_core.home import find_home
from deepdx_core.voice.parameters import VMEM_VOICES
from deepdx_pipeline.cli.console import err, numbered, out, plain, progress_bar

if TYPE_CHECKING:
    from collections.abc import Mapping

    from deepdx_core.arrays import UInt8Array


_SLOT = "FILE:SLOT"


def generate(
    output: Annotated[Path, typer.Option("--output", "-o", help="The bank to write, a .syx file.")],
    force: Annotated[bool, typer.Option("--force", help="Overwrite files that are there.")] = False,
    label: Annotated[
        str | None,
        typer.Option(
            help="Kind of sound, such as Pads, or a category of it, such as electric-piano; any if not given."
        ),
    ] = None,
    algorithm: Annotated[int | None, typer.Option(min=1, max=32, help="Algorithm as on the panel.")] = None,
    count: Annotated[int, typer.Option(min=1, max=32 * 99, help="Voices; over 32, several banks are written.")] = 32,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same banks.")] = 0,
    temperature: Annotated[float, typer.Option(help="Under 1 the likely gets likelier, over 1 the unlikely.")] = 1.0,
    novelty: Annotated[
        float | None,
        typer.Option(
            help="How far voices go from the real ones that they are made after: 2 is twice as far as real ones go "
            "from each other, inf makes them from nothing.",
            show_default="1.0",
        ),
    ] = None,
    like: Annotated[
        str | None, typer.Option(metavar=_SLOT, help="Variations of this voice; slots count from 1.")
    ] = None,
    strength: Annotated[
        float | None, typer.Option(help="Share of the parameters that --like changes.", show_default="0.15")
    ] = None,
    between: Annotated[
        tuple[str, str] | None, typer.Option(metavar=f"{_SLOT} {_SLOT}", help="The way from one voice to another.")
    ] = None,
    avoid_copies: Annotated[
        bool, typer.Option("--avoid-copies/--allow-copies", help="Nothing that is nearly a voice of the corpus.")
    ] = True,
    by_ear: Annotated[
        bool | None,
        typer.Option(
            "--by-ear/--not-by-ear",
            help="Listen to each voice.",
            show_default="by ear where the extra `audio` is installed",
        ),
    ] = None,
) -> None:
    """Write new voices from the trained model, as banks that a DX7 loads."""
    _require_sense(like, strength, between, novelty, algorithm)
    paths = [output] if count <= VMEM_VOICES else numbered(output, -(-count // VMEM_VOICES))
    if output.suffix.lower() != ".syx":
        raise typer.BadParameter(
            f"{printable(str(output))} does not end in .syx: banks are SysEx", param_hint="--output"
        )
    for path in paths:
        output_target(path, force)

    from deepdx_core.generation.banks import draw_names, encode_banks
    from deepdx_core.generation.model import load_model
    from deepdx_core.generation.model_card import read_model_card
    from deepdx_core.generation.registry import champion_folder, corpus_names
    from deepdx_core.generation.request import SamplingRequest
    from deepdx_core.generation.sampling import sample
    from deepdx_core.quality.rules import load_rules
    from deepdx_core.sound.rendering import NoRendererError, available

    if by_ear is None:
        by_ear = available()
    elif by_ear and not available():
        raise NoRendererError
    home = find_home()
    folder = champion_folder(home)
    if label is not None:
        label = _known_label(label, read_model_card(folder).labels, home.taxonomy)
    parents = [_voice(text, "--like") for text in (like,) if text] + [
        _voice(text, "--between") for text in between or ()
    ]
    try:
        wish = SamplingRequest(
            label,
            algorithm,
            temperature,
            SamplingRequest.novelty if novelty is None else novelty,
            None if like is None else parents[0][0],
            SamplingRequest.strength if strength is None else strength,
            None if between is None else (parents[0][0], parents[1][0]),
            avoid_copies=avoid_copies,
        )
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    rules = load_rules(home.rules)
    taken = corpus_names(home)
    model = load_model(folder)
    try:
        with progress_bar() as report:
            made = sample(model, count, seed, wish, rules=rules, render=by_ear, report=report)
    except ValueError as error:  # the wish makes sense, and yet the model cannot fulfil it
        raise DeepDXError(f"{error}; nothing was written") from error
    banks = encode_banks(made, draw_names(model, made, seed, taken, parents))
    write_outputs(dict(zip(paths, banks, strict=True)), force)
    for path in paths:
        out.print(plain(printable(str(path))), soft_wrap=True)
    out.print(plain(f"{count:,} voice{'s' if count > 1 else ''}; {_in_words(made.rejected)}"), soft_wrap=True)


def _require_sense(
    like: str | None,
    strength: float | None,
    between: tuple[str, str] | None,
    novelty: float | None,
    algorithm: int | None,
) -> None:
    """Raises BadParameter where one option leaves nothing to say for another."""
    if like is not None and between is not None:
        raise typer.BadParameter("voices are either --like one or between two", param_hint="--between")
    if strength is not None and like is None:
        raise typer.BadParameter("says how much --like changes, which is not given", param_hint="--strength")
    if novelty is not None and (like is not None or between is not None):
        raise typer.BadParameter("does not go with --like or --between, which say it all", param_hint="--novelty")
    if algorithm is not None and between is not None:
        raise typer.BadParameter("both ends of --between have their own", param_hint="--algorithm")


def _known_label(asked: str, labels: tuple[str, ...], own_taxonomy: Path) -> str:
    """The label of a model that is meant, however it is spelled; of a category its label, with a word about it."""
    from deepdx_core.labels.taxonomy import find_taxonomy

    known = {label.casefold(): label for label in labels}
    if label := known.get(asked.casefold()):
        return label
    label_of = find_taxonomy(own_taxonomy).label_of
    category = next((category for category in label_of if category.casefold() == asked.casefold()), None)
    if category is None or label_of[category] not in labels:
        there = f"there are {', '.join(map(printable, labels))}, and the categories that make them up"
        raise typer.BadParameter(f"{printable(asked)!r} is not known; {there}", param_hint="--label")
    err.print(plain(f"{category} belongs to {label_of[category]}, which is what the model knows: such voices are made"))
    return label_of[category]


def _voice(text: str, option: str) -> "tuple[UInt8Array, str]":
    """The voice in a slot of a file with its name, by `FILE:SLOT`; the file's name may have colons too."""
    from deepdx_core.exchange.inspection import voice_in

    match = re.fullmatch(r"(.+):([1-9][0-9]{0,5})", text, re.DOTALL)
    if match is None:
        raise typer.BadParameter(f"{printable(text)!r} is not {_SLOT}, such as EPIANOS1.syx:5", param_hint=option)
    return voice_in(Path(match[1]), int(match[2]))


def _in_words(passed_over: "Mapping[str, int]") -> str:
    if not passed_over:
        return "no candidate passed over"
    total = sum(passed_over.values())
    reasons = sorted(passed_over.items(), key=lambda reason: (-reason[1], reason[0]))
    candidates = f"{total:,} candidate{'s' if total > 1 else ''} passed over"
    return f"{candidates}: {', '.join(f'{reason} {number:,}' for reason, number in reasons)}"
