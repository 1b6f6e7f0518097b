"""A trained model, stored as `model.safetensors` (all arrays) and `model.json` (the model card), with a `README.md`.

Nothing is pickled: loading a model of unknown origin runs none of its code.
"""

import hashlib
import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor, nn

from deepdx_core.arrays import Float64Array, Int64Array
from deepdx_core.codec.packing import require_legal
from deepdx_core.dataset.arrays import Voices, generated_voices
from deepdx_core.files import read_regular, written_whole
from deepdx_core.gan.history import HISTORY as GAN_HISTORY
from deepdx_core.gan.model import Generator
from deepdx_core.gan.sampling import TrainedGan
from deepdx_core.generation.critic import Critic, fit_critic
from deepdx_core.generation.model_card import (
    MAX_WEIGHTS_BYTES,
    MODEL_CARD,
    MODEL_FORMAT,
    ModelCard,
    ModelError,
    read_model_card,
    write_model_card,
)
from deepdx_core.generation.model_readme import MODEL_README, describe_model
from deepdx_core.generation.voice_model import GanModel, VoiceModel, WriterModel
from deepdx_core.trees import Trees
from deepdx_core.voice.algorithms import ALGORITHMS
from deepdx_core.writer.config import WriterConfig
from deepdx_core.writer.history import HISTORY as WRITER_HISTORY
from deepdx_core.writer.layout import LENGTH
from deepdx_core.writer.model import ADDED_IN_FORMAT_7, Writer, upgrade_keys
from deepdx_core.writer.parents import SAMPLING_SLACK, Parents

WEIGHTS = "model.safetensors"

_MAX_WEIGHT = 1e3
"""A hundred times the weights that training reaches, and far below weights such as 1e38, with which scores overflow."""

_CRITIC_ARRAYS = tuple(field.name for field in fields(Trees))


def save_model(folder: Path, model: VoiceModel) -> None:
    """Write the files, each atomically. The card goes last, and names the digest of the weights."""
    tensors = _network_tensors(model)
    for kind, critic in (("critic", model.critic), ("critic_by_ear", model.critic_by_ear)):
        if critic is not None:
            tensors |= {f"{kind}/{name}": torch.from_numpy(getattr(critic.trees, name)) for name in _CRITIC_ARRAYS}
    for kind, voices in (("voices", model.voices), ("written", model.written)):
        tensors |= {
            kind: torch.from_numpy(voices.parameters),
            f"{kind}/labels": torch.from_numpy(voices.labels.astype(np.uint8)),
        }
    tensors["history"] = torch.from_numpy(model.history)
    fingerprint = model.summary.fingerprint
    data = save({name: tensor.contiguous() for name, tensor in tensors.items()}, {"fingerprint": fingerprint})
    with written_whole(folder / WEIGHTS, set_aside=True) as temporary:
        temporary.write_bytes(data)
    with written_whole(folder / MODEL_README, set_aside=True) as temporary:
        temporary.write_text(describe_model(model), encoding="utf-8")
    card = ModelCard(
        format=MODEL_FORMAT,
        kind=model.kind,
        config=model.config,
        labels=model.labels,
        summary=model.summary,
        names=model.names,
        weights=hashlib.sha256(data).hexdigest(),
    )
    write_model_card(folder, card)


def _network_tensors(model: VoiceModel) -> dict[str, Tensor]:
    """Return the tensors that only models of this kind have."""
    if isinstance(model, GanModel):
        weights = {f"generator/{name}": tensor for name, tensor in model.gan.generator.state_dict().items()}
        return {**weights, "pair_counts": torch.from_numpy(model.gan.pair_counts)}
    assert isinstance(model, WriterModel)
    return {
        **{f"writer/{name}": tensor for name, tensor in model.writer.state_dict().items()},
        "parents": torch.from_numpy(model.parents.rows.astype(np.int32)),
        "differing": torch.from_numpy(model.parents.differing.astype(np.uint8)),
    }


def load_model(folder: Path) -> VoiceModel:
    """Load a model written by `save_model`. Raises ModelError if it is missing, damaged or not a model.

    Models of formats 2 and 3 hold no critic; it is fitted again to the voices stored with them, within seconds. Models
    of formats before 5 hold no critic by ear, and those before 6 are writers. Writers of formats before 7 know nothing
    of relations and steps; with zeros in their place, they write as they did. Each of their heads has its own keys.
    """
    card = read_model_card(folder)
    path = folder / WEIGHTS
    tensors = _read_tensors(path, card)
    try:
        return _from_tensors(card, upgrade_keys(tensors))
    except (ValueError, TypeError, KeyError, RuntimeError) as error:
        raise ModelError(path, f"does not hold the model that {MODEL_CARD} describes ({error})") from error


def _from_tensors(card: ModelCard, tensors: dict[str, Tensor]) -> VoiceModel:
    """Return the model of a card. Raises ValueError, TypeError, KeyError or RuntimeError if the tensors do not fit."""
    voices, written = (_take_voices(tensors, kind, len(card.labels)) for kind in ("voices", "written"))
    by_ear = "critic_by_ear/values" in tensors
    has_critic = card.format >= 4
    common: dict[str, Any] = {
        "labels": card.labels,
        "voices": voices,
        "written": written,
        "critic": _take_critic(tensors, "critic") if has_critic else fit_critic(voices, written, card.config.seed),
        "critic_by_ear": _take_critic(tensors, "critic_by_ear") if by_ear else None,
        "names": card.names,
        "summary": card.summary,
    }
    columns = WRITER_HISTORY if card.kind == "writer" else GAN_HISTORY
    common["history"] = np.empty((0, len(columns))) if card.format == 2 else _take_history(tensors, columns)
    model: VoiceModel
    if isinstance(card.config, WriterConfig):
        config = card.config if card.format >= 7 else card.config.replace(kv_heads=card.config.heads)
        writer = Writer(len(card.labels), config)
        if card.format < 7:
            for name in ADDED_IN_FORMAT_7:
                tensors.setdefault(f"writer/{name}", torch.zeros_like(writer.get_parameter(name)))
        _take_weights(tensors, "writer", writer)
        parents = _take_parents(tensors, len(voices))
        model = WriterModel(config=config, parents=parents, writer=writer, **common)
    else:
        generator = Generator(card.config.noise_size, len(card.labels), card.config.width)
        _take_weights(tensors, "generator", generator)
        gan = TrainedGan(card.config, _take_pair_counts(tensors, len(card.labels)), generator)
        model = GanModel(config=card.config, gan=gan, **common)
    if tensors:
        raise ValueError(f"unknown tensor {min(tensors)!r}")
    return model


def _take_weights(tensors: dict[str, Tensor], kind: str, network: nn.Module) -> None:
    """Pop the weights of a network from the tensors, and load them. Leaves it in evaluation mode."""
    network.load_state_dict({name: tensors.pop(f"{kind}/{name}") for name in network.state_dict()})
    # Not earlier: a tensor of another type may be finite until it is converted.
    for name, tensor in network.state_dict().items():
        if not tensor.isfinite().all():
            raise ValueError(f"a weight of {name} is not finite")
        if name.endswith("num_batches_tracked"):  # a count, not a weight
            continue
        if tensor.abs().max() > _MAX_WEIGHT:
            raise ValueError(f"a weight of {name} is beyond {_MAX_WEIGHT:g}")
    network.eval()


def _read_tensors(path: Path, card: ModelCard) -> dict[str, Tensor]:
    try:
        data = read_regular(path, MAX_WEIGHTS_BYTES)
    except OSError as error:
        raise ModelError(path, f"not readable ({error.strerror or error})") from error
    if card.weights not in (None, hashlib.sha256(data).hexdigest()):
        raise ModelError(path, f"damaged, or of another model: not the file that {MODEL_CARD} names by its digest")
    try:
        tensors = load(data)
        header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
        fingerprint = header.get("__metadata__", {}).get("fingerprint")
    except (SafetensorError, ValueError, TypeError, KeyError, RuntimeError) as error:
        raise ModelError(path, f"not readable ({error})") from error
    if fingerprint != card.summary.fingerprint:
        expected = card.summary.fingerprint
        raise ModelError(path, f"belongs to another {MODEL_CARD}: fingerprint {fingerprint}, not {expected}")
    return tensors


def _take_voices(tensors: dict[str, Tensor], kind: str, labels: int) -> Voices:
    """Pop voices from the tensors. Raises ValueError if they are not voices with label ids below `labels`."""
    parameters, label_ids = tensors.pop(kind).numpy(), tensors.pop(f"{kind}/labels").numpy()
    require_legal(parameters)
    if not len(parameters) or label_ids.dtype != np.uint8 or label_ids.shape != (len(parameters),):
        raise ValueError(f"{kind}: there must be a label for each voice")
    if label_ids.max() >= labels:
        raise ValueError(f"{kind}: label ids must be within 0 to {labels - 1}")
    return generated_voices(parameters, label_ids.astype(np.int64))


def _take_critic(tensors: dict[str, Tensor], kind: str) -> Critic:
    """Pop a critic from the tensors. Raises ValueError if it is not one."""
    arrays = {name: tensors.pop(f"{kind}/{name}").numpy() for name in _CRITIC_ARRAYS}
    if arrays["columns"].dtype == np.uint8:  # formats before 5
        arrays["columns"] = arrays["columns"].astype(np.uint16)
    try:
        return Critic(Trees(**arrays), by_ear=kind == "critic_by_ear")
    except ValueError as error:
        raise ValueError(f"{kind}/{error}") from error


def _take_parents(tensors: dict[str, Tensor], count: int) -> Parents:
    """Pop the parents of `count` voices from the tensors. Raises ValueError if they do not fit."""
    rows, differing = tensors.pop("parents").numpy(), tensors.pop("differing").numpy()
    if rows.dtype != np.int32 or rows.ndim != 2 or len(rows) != count or not rows.size:
        raise ValueError("there must be parents for each voice")
    if rows.min() < 0 or rows.max() >= count:
        raise ValueError("parents must be rows of voices")
    if differing.dtype != np.uint8 or differing.shape != rows.shape or differing[:, 0].max() > LENGTH:
        raise ValueError("there must be a distance to each parent")
    return Parents(rows.astype(np.int64), differing.astype(np.int64), SAMPLING_SLACK)


def _take_pair_counts(tensors: dict[str, Tensor], labels: int) -> Int64Array:
    """Pop the counts of labels and algorithms from the tensors. Raises ValueError if they do not fit."""
    counts = tensors.pop("pair_counts").numpy()
    if counts.dtype != np.int64 or counts.shape != (labels, len(ALGORITHMS)):
        raise ValueError("there must be a count for each label and algorithm")
    if counts.min() < 0 or not 0 < counts.sum() < 1 << 32:
        raise ValueError("counts of labels and algorithms must be numbers of voices")
    return counts


def _take_history(tensors: dict[str, Tensor], columns: tuple[str, ...]) -> Float64Array:
    """Pop the training history from the tensors. Raises ValueError if it is not one."""
    history = tensors.pop("history").numpy()
    if history.dtype != np.float64 or history.ndim != 2 or history.shape[1] != len(columns):
        raise ValueError(f"history must have the columns {', '.join(columns)}")
    return history
