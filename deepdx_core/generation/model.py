"""A trained model, and how it is stored: `model.safetensors` for all that is numbers, `model.json` for what they mean.

Neither is pickled: to load a model of unknown origin runs no code of it.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from deepdx_core.arrays import Float64Array
from deepdx_core.codec.packing import require_legal
from deepdx_core.dataset.arrays import Voices, generated_voices
from deepdx_core.files import read_regular, written_whole
from deepdx_core.generation.critic import Critic
from deepdx_core.generation.model_card import (
    DESCRIPTION,
    MOST_BYTES,
    Description,
    ModelError,
    TrainingSummary,
    read_description,
    write_description,
)
from deepdx_core.generation.names import NameModel
from deepdx_core.writer.config import WriterConfig
from deepdx_core.writer.history import HISTORY
from deepdx_core.writer.layout import LENGTH
from deepdx_core.writer.model import Writer, upgrade_keys
from deepdx_core.writer.parents import SAMPLING_SLACK, Parents

WEIGHTS = "model.safetensors"

_LARGEST_WEIGHT = 1e3
"""A hundred times what training comes to, and far below what makes scores overflow, as weights of 1e38 do."""


@dataclass(frozen=True)
class VoiceModel:
    """A writer and a critic with all that is needed to ask them for voices. The writer is on the CPU, set to evaluate.

    labels: their names, in the order of the label ids.
    voices: what was learned from, and the parents of what is written. parents: of these voices, among them.
    written: voices of the writer, by which the critic was taught.
    history: how the training went, `float64[validations, 4]`, as `HISTORY` says; of a model of format 2 it is
    not known, and empty.
    """

    config: WriterConfig
    labels: tuple[str, ...]
    voices: Voices
    parents: Parents
    writer: Writer
    written: Voices
    critic: Critic
    names: NameModel
    summary: TrainingSummary
    history: Float64Array


def save_model(folder: Path, model: VoiceModel) -> None:
    """Write the two files; each takes its place whole. `model.json` goes last and names the numbers it belongs to."""
    tensors = {f"writer/{name}": tensor for name, tensor in model.writer.state_dict().items()}
    for kind, voices in (("voices", model.voices), ("written", model.written)):
        tensors |= {
            kind: torch.from_numpy(voices.parameters),
            f"{kind}/labels": torch.from_numpy(voices.labels.astype(np.uint8)),
        }
    tensors |= {
        "parents": torch.from_numpy(model.parents.rows.astype(np.int32)),
        "differing": torch.from_numpy(model.parents.differing.astype(np.uint8)),
        "history": torch.from_numpy(model.history),
    }
    fingerprint = model.summary.fingerprint
    data = save({name: tensor.contiguous() for name, tensor in tensors.items()}, {"fingerprint": fingerprint})
    with written_whole(folder / WEIGHTS, set_aside=True) as temporary:
        temporary.write_bytes(data)
    weights = hashlib.sha256(data).hexdigest()
    write_description(folder, Description(model.config, model.labels, model.summary, model.names, weights))


def load_model(folder: Path) -> VoiceModel:
    """The model that `save_model` wrote to a folder. Raises ModelError if it is missing, damaged or from elsewhere."""
    description = read_description(folder)
    config, labels = description.config, description.labels
    path = folder / WEIGHTS
    tensors = _read_tensors(path, description)
    writer = Writer(len(labels), config.width, config.depth, config.heads, config.dropout)
    try:
        tensors = upgrade_keys(tensors)
        writer.load_state_dict({name: tensors.pop(f"writer/{name}") for name in writer.state_dict()})
        # Only now: they may have been of another type, in which they were finite.
        for name, tensor in writer.state_dict().items():
            if not tensor.isfinite().all():
                raise ValueError(f"a weight is not finite, of {name}")
            if tensor.abs().max() > _LARGEST_WEIGHT:
                raise ValueError(f"a weight is beyond {_LARGEST_WEIGHT:g}, of {name}")
        voices, written = (_checked_voices(tensors, kind, len(labels)) for kind in ("voices", "written"))
        parents = _checked_parents(tensors, len(voices))
        history = np.empty((0, len(HISTORY))) if description.weights is None else _checked_history(tensors)
        if tensors:
            raise ValueError(f"{sorted(tensors)[0]!r} means nothing")
    except (ValueError, TypeError, KeyError, RuntimeError) as error:
        raise ModelError(path, f"does not hold the model that {DESCRIPTION} describes ({error})") from error
    critic = Critic(voices, written, config.seed)
    names, summary = description.names, description.summary
    return VoiceModel(config, labels, voices, parents, writer.eval(), written, critic, names, summary, history)


def _read_tensors(path: Path, description: Description) -> dict[str, Tensor]:
    try:
        data = read_regular(path, MOST_BYTES)
    except OSError as error:
        raise ModelError(path, f"not readable ({error.strerror or error})") from error
    if description.weights not in (None, hashlib.sha256(data).hexdigest()):
        raise ModelError(path, f"damaged, or of another model: not the file that {DESCRIPTION} names by its digest")
    try:
        tensors = load(data)
        header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
        found = header.get("__metadata__", {}).get("fingerprint")
    except (SafetensorError, ValueError, TypeError, KeyError, RuntimeError) as error:
        raise ModelError(path, f"not readable ({error})") from error
    if found != description.summary.fingerprint:
        expected = description.summary.fingerprint
        raise ModelError(path, f"belongs to another {DESCRIPTION}: fingerprint {found}, not {expected}")
    return tensors


def _checked_voices(tensors: dict[str, Tensor], kind: str, labels: int) -> Voices:
    """Voices taken from the tensors. Raises ValueError where they are none."""
    parameters, label_ids = tensors.pop(kind).numpy(), tensors.pop(f"{kind}/labels").numpy()
    require_legal(parameters)
    if not len(parameters) or label_ids.dtype != np.uint8 or label_ids.shape != (len(parameters),):
        raise ValueError(f"{kind}: there must be a label for each voice")
    if label_ids.max() >= labels:
        raise ValueError(f"{kind}: label ids must be within 0 to {labels - 1}")
    return generated_voices(parameters, label_ids.astype(np.int64))


def _checked_parents(tensors: dict[str, Tensor], count: int) -> Parents:
    """Parents taken from the tensors. Raises ValueError where they are none of so many voices."""
    rows, differing = tensors.pop("parents").numpy(), tensors.pop("differing").numpy()
    if rows.dtype != np.int32 or rows.ndim != 2 or len(rows) != count or not rows.size:
        raise ValueError("there must be parents for each voice")
    if rows.min() < 0 or rows.max() >= count:
        raise ValueError("parents must be rows of voices")
    if differing.dtype != np.uint8 or differing.shape != rows.shape or differing[:, 0].max() > LENGTH:
        raise ValueError("there must be a distance to each parent")
    return Parents(rows.astype(np.int64), differing.astype(np.int64), SAMPLING_SLACK)


def _checked_history(tensors: dict[str, Tensor]) -> Float64Array:
    """How the training went, taken from the tensors. Raises ValueError where it is none."""
    history = tensors.pop("history").numpy()
    if history.dtype != np.float64 or history.ndim != 2 or history.shape[1] != len(HISTORY):
        raise ValueError(f"history must have the columns {', '.join(HISTORY)}")
    return history
