"""The command that generates new voices: generate."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from deepdx_core.display import counted, printable
from deepdx_core.files import write_outputs
from deepdx_core.generation.orders import MAX_VOICES, REFERENCE, Order, OrderError, check_order
from deepdx_core.home import find_home
from deepdx_core.voice.parts import PARTS
from deepdx_pipeline.cli.console import announce_compilation, bank_paths, err, print_line, progress_bar


def generate(
    output: Annotated[Path, typer.Option("--output", "-o", help="Bank to write, such as new.syx.")],
    force: Annotated[bool, typer.Option("--force", help="Overwrite existing files.")] = False,
    model: Annotated[
        str | None,
        typer.Option(
            metavar="gan|writer|ID",
            help="Model: the best GAN or writer, or the beginning of an id in the table `models`.",
            show_default="the champion",
        ),
    ] = None,
    label: Annotated[
        str | None,
        typer.Option(
            help="Label, such as Pads, or category, such as electric-piano.", show_default="any, as in the corpus"
        ),
    ] = None,
    algorithm: Annotated[
        int | None, typer.Option(min=1, max=32, help="Algorithm, as on the panel.", show_default="any")
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="NAME=VALUE",
            help="Give every voice this value of a parameter, such as op1_coarse=1, as the tables have it; repeatable.",
        ),
    ] = None,
    count: Annotated[
        int, typer.Option(min=1, max=MAX_VOICES, help="Number of voices; more than 32 fill several numbered banks.")
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
        str | None,
        typer.Option(
            metavar="VOICE|RECORDING",
            help=f"Generate variations of this voice, {REFERENCE}; slots count from 1. Or voices that sound like the "
            "recording of a note: WAV, FLAC, MP3, Ogg, AIFF.",
        ),
    ] = None,
    parents: Annotated[
        list[str] | None,
        typer.Option(
            metavar="VOICE",
            help="Breed from these voices; give it two to eight times. Each new voice takes whole operators from two.",
        ),
    ] = None,
    keep: Annotated[
        str | None,
        typer.Option(
            metavar="PART,...",
            help=f"Keep these parts as in --like, in the first of --parents, or else in the corpus voice that a voice "
            f"derives from: {', '.join(PARTS)}; or parameters.",
        ),
    ] = None,
    strength: Annotated[
        float | None,
        typer.Option(
            help="Share of parameters that --like or --parents change; with --keep or --set, of those that may.",
            show_default="0.15; 0.05 for a recording",
        ),
    ] = None,
    between: Annotated[
        tuple[str, str] | None,
        typer.Option(metavar="VOICE VOICE", help="Generate steps from the first voice to the second."),
    ] = None,
    to_taste: Annotated[
        bool, typer.Option("--to-taste", help="Prefer voices that you would like, by your ratings of other sounds.")
    ] = False,
    choices: Annotated[
        int, typer.Option(min=1, max=256, help="Number of candidates per voice, among which the critic chooses.")
    ] = 4,
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
    order = Order(
        model=model,
        label=label,
        algorithm=algorithm,
        set=_parse_values(set_ or []),
        count=count,
        seed=seed,
        temperature=temperature,
        novelty=novelty,
        like=like,
        parents=parents or [],
        keep=[part.strip() for part in keep.split(",")] if keep else [],
        strength=strength,
        between=list(between or ()),
        to_taste=to_taste,
        choices=choices,
        avoid_copies=avoid_copies,
        by_ear=by_ear,
    )
    with _usage_errors():
        check_order(order)
    paths = bank_paths(output, count, force)

    from deepdx_core.generation.fulfillment import fill_order

    if by_ear:
        announce_compilation()
    with _usage_errors(), progress_bar() as report:
        delivered = fill_order(find_home(), order, report)
    if delivered.category:
        about = f"{delivered.category} belongs to {delivered.label}"
        print_line(f"{about}; the model knows only labels, so it generated {delivered.label}", console=err)
    write_outputs(dict(zip(paths, delivered.banks, strict=True)), force)
    for path in paths:
        print_line(printable(str(path)))
    print_line(f"{counted(count, 'voice')}; {_describe_rejections(delivered.rejected)}")


def _parse_values(texts: list[str]) -> dict[str, int]:
    """Return values of parameters by name. Raises a usage error for a text that is not NAME=VALUE."""
    values = {}
    for text in texts:
        name, _, value = text.partition("=")
        if not re.fullmatch("[0-9]{1,3}", value, re.ASCII):
            reason = f"{text!r} is not NAME=VALUE, such as op1_coarse=1"
            raise typer.BadParameter(reason, param_hint="--set")
        values[name] = int(value)
    return values


@contextmanager
def _usage_errors() -> Iterator[None]:
    """Raise errors of an order as those of options."""
    try:
        yield
    except OrderError as error:
        reason = re.sub("`([a-z_]+)`", lambda key: _option(key[1]), error.reason)
        raise typer.BadParameter(reason, param_hint=_option(error.key)) from error


def _option(key: str) -> str:
    return f"--{key.replace('_', '-')}"


def _describe_rejections(rejected: Mapping[str, int]) -> str:
    if not rejected:
        return "no candidates rejected"
    reasons = sorted(rejected.items(), key=lambda item: (-item[1], item[0]))
    total = counted(sum(rejected.values()), "candidate")
    return f"{total} rejected: {', '.join(f'{reason} {count:,}' for reason, count in reasons)}"
