"""The command that generates new voices: generate."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from deepdx_core.display import counted, printable
from deepdx_core.errors import DeepDXError
from deepdx_core.files import output_target, write_outputs
from deepdx_core.home import find_home
from deepdx_core.voice.parameters import VMEM_VOICES
from deepdx_pipeline.cli.console import announce_compilation, err, numbered_paths, print_line, progress_bar

if TYPE_CHECKING:
    from collections.abc import Mapping

    from deepdx_core.arrays import UInt8Array

_SLOT = "FILE:SLOT"


def generate(
    output: Annotated[Path, typer.Option("--output", "-o", help="Bank to write, such as new.syx.")],
    force: Annotated[bool, typer.Option("--force", help="Overwrite existing files.")] = False,
    label: Annotated[
        str | None,
        typer.Option(
            help="Label, such as Pads, or category, such as electric-piano.", show_default="any, as in the corpus"
        ),
    ] = None,
    algorithm: Annotated[
        int | None, typer.Option(min=1, max=32, help="Algorithm, as on the panel.", show_default="any")
    ] = None,
    count: Annotated[
        int, typer.Option(min=1, max=32 * 99, help="Number of voices; more than 32 fill several numbered banks.")
    ] = 32,
    seed: Annotated[int, typer.Option(min=0, help="Random seed; the same seed gives the same banks.")] = 0,
    temperature: Annotated[
        float, typer.Option(help="Sampling temperature; below 1 favors likely values, above 1 unlikely ones.")
    ] = 1.0,
    novelty: Annotated[
        float | None,
        typer.Option(
            help="Distance of a voice from the corpus voice it derives from, relative to the distances between real "
            "voices; 2 doubles it, inf derives from no voice.",
            show_default="1.0",
        ),
    ] = None,
    like: Annotated[
        str | None, typer.Option(metavar=_SLOT, help="Generate variations of this voice; slots count from 1.")
    ] = None,
    strength: Annotated[
        float | None, typer.Option(help="Share of parameters that --like changes.", show_default="0.15")
    ] = None,
    between: Annotated[
        tuple[str, str] | None,
        typer.Option(metavar=f"{_SLOT} {_SLOT}", help="Generate steps from the first voice to the second."),
    ] = None,
    avoid_copies: Annotated[
        bool,
        typer.Option(
            "--avoid-copies/--allow-copies", help="Reject near copies of corpus voices and of each other, or keep them."
        ),
    ] = True,
    by_ear: Annotated[
        bool,
        typer.Option(
            "--by-ear/--not-by-ear",
            help="Render candidates and reject the silent, endless and noisy ones, or check parameters alone.",
        ),
    ] = True,
) -> None:
    """Generate new voices with the trained model and write them as banks for a DX7."""
    _check_options(like, strength, between, novelty, algorithm)
    paths = [output] if count <= VMEM_VOICES else numbered_paths(output, -(-count // VMEM_VOICES))
    if output.suffix.lower() != ".syx":
        raise typer.BadParameter(f"{printable(str(output))} does not end in .syx", param_hint="--output")
    for path in paths:
        output_target(path, force)

    from deepdx_core.generation.banks import draw_names, encode_banks
    from deepdx_core.generation.model import load_model
    from deepdx_core.generation.model_card import read_model_card
    from deepdx_core.generation.registry import champion_folder, corpus_names
    from deepdx_core.generation.request import SamplingRequest
    from deepdx_core.generation.sampling import sample
    from deepdx_core.quality.rules import load_rules

    home = find_home()
    folder = champion_folder(home)
    if label is not None:
        label = _resolve_label(label, read_model_card(folder).labels, home.taxonomy)
    if like is not None:
        parents = [_read_voice(like, "--like")]
    else:
        parents = [_read_voice(text, "--between") for text in between or ()]
    try:
        request = SamplingRequest(
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
    if by_ear:
        announce_compilation()
    try:
        with progress_bar() as report:
            generated = sample(model, count, seed, request, rules=rules, render=by_ear, report=report)
    except ValueError as error:  # a valid request that the model cannot fulfill
        raise DeepDXError(f"{error}; nothing was written") from error
    banks = encode_banks(generated, draw_names(model, generated, seed, taken, parents))
    write_outputs(dict(zip(paths, banks, strict=True)), force)
    for path in paths:
        print_line(printable(str(path)))
    print_line(f"{counted(count, 'voice')}; {_describe_rejections(generated.rejected)}")


def _check_options(
    like: str | None,
    strength: float | None,
    between: tuple[str, str] | None,
    novelty: float | None,
    algorithm: int | None,
) -> None:
    """Raise BadParameter for options that exclude each other."""
    if like is not None and between is not None:
        raise typer.BadParameter("cannot be combined with --like", param_hint="--between")
    if strength is not None and like is None:
        raise typer.BadParameter("needs --like", param_hint="--strength")
    if novelty is not None and (like is not None or between is not None):
        raise typer.BadParameter("cannot be combined with --like or --between", param_hint="--novelty")
    if algorithm is not None and between is not None:
        raise typer.BadParameter(
            "cannot be combined with --between, whose voices have their own", param_hint="--algorithm"
        )


def _resolve_label(text: str, labels: tuple[str, ...], user_taxonomy: Path) -> str:
    """Return the model's label for a label or category in any case, with a notice for a category."""
    from deepdx_core.labels.taxonomy import find_taxonomy

    known = {label.casefold(): label for label in labels}
    if label := known.get(text.casefold()):
        return label
    label_of = find_taxonomy(user_taxonomy).label_of
    category = next((category for category in label_of if category.casefold() == text.casefold()), None)
    if category is None or label_of[category] not in labels:
        choices = f"{', '.join(map(printable, labels))}, or one of their categories"
        raise typer.BadParameter(f"unknown label {printable(text)!r}; use {choices}", param_hint="--label")
    label = label_of[category]
    print_line(f"{category} belongs to {label}; the model knows only labels, so it generates {label}", console=err)
    return label


def _read_voice(text: str, option: str) -> "tuple[UInt8Array, str]":
    """Return the parameters and name of the voice at `FILE:SLOT`. The file name may contain colons."""
    from deepdx_core.exchange.inspection import load_voice

    match = re.fullmatch(r"(.+):([1-9][0-9]{0,5})", text, re.DOTALL)
    if match is None:
        raise typer.BadParameter(f"{printable(text)!r} is not {_SLOT}, such as EPIANOS1.syx:5", param_hint=option)
    return load_voice(Path(match[1]), int(match[2]))


def _describe_rejections(rejected: "Mapping[str, int]") -> str:
    if not rejected:
        return "no candidates rejected"
    reasons = sorted(rejected.items(), key=lambda item: (-item[1], item[0]))
    total = counted(sum(rejected.values()), "candidate")
    return f"{total} rejected: {', '.join(f'{reason} {count:,}' for reason, count in reasons)}"
