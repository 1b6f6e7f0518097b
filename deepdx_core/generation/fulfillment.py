"""Execution of orders by a model of a home, by default its champion."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from deepdx_core.arrays import Float64Array, Int64Array, UInt8Array
from deepdx_core.dataset.arrays import generated_voices
from deepdx_core.dataset.distances import find_closest
from deepdx_core.decoding.sound_ids import sound_ids
from deepdx_core.display import printable
from deepdx_core.errors import DeepDXError
from deepdx_core.exchange.references import InvalidReferenceError, read_voice
from deepdx_core.generation.banks import draw_names, encode_banks
from deepdx_core.generation.model import load_model
from deepdx_core.generation.model_card import read_model_card
from deepdx_core.generation.orders import Order, OrderError, check_order
from deepdx_core.generation.preferences import STRENGTH_LIKE_RECORDING, hear, prefer_taste
from deepdx_core.generation.realness import compute_realness
from deepdx_core.generation.registry import corpus_names, find_model
from deepdx_core.generation.request import Preference, SamplingRequest
from deepdx_core.generation.sampling import sample
from deepdx_core.generation.voice_model import VoiceModel
from deepdx_core.home import Home
from deepdx_core.labels.taxonomy import find_taxonomy
from deepdx_core.progress import Report, silent
from deepdx_core.quality.rules import load_rules
from deepdx_core.similarity.index import SoundIndex
from deepdx_core.similarity.recordings import EXTENSIONS, read_recording
from deepdx_core.taste.model import Taste


class Delivery(NamedTuple):
    """The voices of an order, in order of their slots."""

    banks: list[bytes]
    names: list[str]
    parameters: UInt8Array
    realness: Float64Array
    """The critic's log-odds that each voice is real, by parameters, `float64[n]`."""
    rejected: Mapping[str, int]
    """Number of rejected candidates by reason."""
    nearest_ids: list[str]
    """Sound id of the training voice that differs from each voice in the fewest parameters."""
    nearest_distances: Int64Array
    """Number of parameters in which they differ, `int64[n]`."""
    label: str | None = None
    """The label of the order."""
    category: str | None = None
    """The category that the order named in place of a label."""


def fill_order(home: Home, order: Order, report: Report = silent) -> Delivery:
    """Generate the voices of an order with the model that it names, by default the champion of the home.

    Raises OrderError if the order is not valid, NoModelError or ModelError without such a model, NoVoiceError if a file
    has no such voice, and DeepDXError if nearly all candidates are rejected.
    """
    check_order(order)
    folder = find_model(home, order.model)
    card = read_model_card(folder)
    label = category = None
    if order.label is not None:
        label, category = _find_label(order.label, card.labels, home.taxonomy)
    between, parents = _read_voices(home, "between", order.between), _read_voices(home, "parents", order.parents)
    like, preferences = _read_like(home, order.like, report)
    strength = STRENGTH_LIKE_RECORDING if order.strength is None and preferences else order.strength
    if order.to_taste:
        preferences.append(prefer_taste(Taste.of_home(home)))
    changes: dict[str, Any] = {
        **({} if order.novelty is None else {"novelty": order.novelty}),
        **({} if strength is None else {"strength": strength}),
        **({"like": np.array([voice for voice, _ in like])} if like else {}),
        **({"between": (between[0][0], between[1][0])} if between else {}),
        **({"parents": np.array([voice for voice, _ in parents])} if parents else {}),
    }
    try:
        request = SamplingRequest(
            label,
            order.values,
            order.temperature,
            choices=order.choices,
            avoid_copies=order.avoid_copies,
            keep=tuple(order.keep),
            preferences=tuple(preferences),
            **changes,
        )
    except ValueError as error:
        key, _, reason = str(error).partition(" ")
        raise OrderError(key, reason) from error
    if card.kind == "gan" and request.of_writers:
        reason = "needs a writer, and this model is a GAN, which starts from no voice; `model` chooses another"
        raise OrderError(request.of_writers[0], reason)
    names = [name for _, name in (*like, *between, *parents)]
    delivered = generate_voices(
        home,
        request,
        order.count,
        order.seed,
        names=names,
        by_ear=order.by_ear,
        model=load_model(folder),
        report=report,
    )
    return delivered._replace(label=label, category=category)


def generate_voices(
    home: Home,
    request: SamplingRequest,
    count: int,
    seed: int,
    *,
    names: Sequence[str] = (),
    by_ear: bool = True,
    model: VoiceModel | None = None,
    report: Report = silent,
) -> Delivery:
    """Generate voices for a request, with the rules and names of a home.

    names: of the voices that the request names (`SamplingRequest.given`), after which new ones are called. by_ear:
    render candidates, and reject the silent, endless and noisy. model: by default the champion of the home; a caller
    that generates often loads it once.

    Raises NoModelError or ModelError without a model, and DeepDXError for a label that the model does not know, or if
    nearly all candidates are rejected.
    """
    model = load_model(find_model(home)) if model is None else model
    rules, taken = load_rules(home.rules), corpus_names(home)
    try:
        found = sample(model, count, seed, request, rules=rules, render=by_ear, report=report)
    except ValueError as error:  # a valid request that the model cannot fulfill
        raise DeepDXError(f"{error}; nothing was written") from error
    drawn = draw_names(model, found, seed, taken, list(zip(request.given, names, strict=True)) if names else ())
    rows, distances = find_closest(found.parameters, model.voices.parameters)
    return Delivery(
        encode_banks(found, drawn),
        drawn,
        found.parameters,
        compute_realness(model, generated_voices(found.parameters, found.label_ids), None),
        found.rejected,
        sound_ids(model.voices.parameters[rows]),
        distances,
    )


def _read_voices(home: Home, key: str, texts: Sequence[str]) -> list[tuple[UInt8Array, str]]:
    try:
        return [read_voice(home, text) for text in texts]
    except InvalidReferenceError as error:
        raise OrderError(key, str(error)) from error


def _read_like(home: Home, text: str | None, report: Report) -> tuple[list[tuple[UInt8Array, str]], list[Preference]]:
    """Return the voices to make variations of, and the preference for those like a recording, if it is one."""
    if text is None or Path(text).suffix.lower() not in EXTENSIONS:
        return _read_voices(home, "like", [] if text is None else [text]), []
    heard = hear(SoundIndex.load(home), read_recording(Path(text)), report)
    return list(zip(heard.voices, heard.names, strict=True)), [heard.preference]


def _find_label(text: str, labels: tuple[str, ...], user_taxonomy: Path) -> tuple[str, str | None]:
    """Return the model's label for a label or category in any case, and the category."""
    known = {label.casefold(): label for label in labels}
    if label := known.get(text.casefold()):
        return label, None
    label_of = find_taxonomy(user_taxonomy).label_of
    category = next((category for category in label_of if category.casefold() == text.casefold()), None)
    if category is None or label_of[category] not in labels:
        choices = f"{', '.join(map(printable, labels))}, or one of their categories"
        raise OrderError("label", f"unknown label {text!r}; use {choices}")
    return label_of[category], category
