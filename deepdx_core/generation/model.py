"""A trained model, and how it is stored: `model.safetensors` for all that is numbers, `model.json` for what they mean.

Neither is pickled: to load a model of unknown origin runs no code of it.
"""

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from deepdx_core.codec.packing import require_legal
from deepdx_core.errors import DeepDXError
from deepdx_core.evaluation.voices import Voices, made
from deepdx_core.files import written_whole
from deepdx_core.generation.config import WriterConfig
from deepdx_core.generation.critic import MOST_LABELS, Critic
from deepdx_core.generation.layout import PLACES
from deepdx_core.generation.names import NameModel
from deepdx_core.generation.network import Writer
from deepdx_core.generation.parents import TO_WRITE, Parents

WEIGHTS = "model.safetensors"
DESCRIPTION = "model.json"

_FORMAT = 2  # 1 was the GAN
_MOST_BYTES = 1 << 30


@dataclass(frozen=True)
class TrainingSummary:
    """What a training run was, and where it ended.

    fingerprint: digest of all that decided what came of it. data_version, code_version: of the voices, and of the code.
    steps: of the writer, as far as its best validation. validation_loss: bits a voice of the validation split, given
    its parent. validation_c2st: how well written voices were told from it, before the critic chose among them.
    critic_area: under the critic's ROC curve, on voices held out.
    """

    fingerprint: str
    data_version: str
    code_version: str
    voices: int
    steps: int
    validation_loss: float
    validation_c2st: float
    critic_area: float


@dataclass(frozen=True)
class VoiceModel:
    """A writer and a critic with all that is needed to ask them for voices. The writer is on the CPU, set to evaluate.

    labels: their names, in the order of the label ids.
    voices: what was learnt from, and the parents of what is written. parents: of these voices, among them.
    written: voices of the writer, by which the critic was taught.
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


class ModelError(DeepDXError):
    """A stored model is missing or cannot be used; says which file, and why."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path}: {reason}")


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
    }
    with written_whole(folder / WEIGHTS) as temporary:
        save_file(
            {name: tensor.contiguous() for name, tensor in tensors.items()},
            temporary,
            metadata={"fingerprint": model.summary.fingerprint},
        )
    description = {
        "format": _FORMAT,
        "config": json.loads(model.config.to_json()),
        "labels": list(model.labels),
        "summary": asdict(model.summary),
        "names": json.loads(model.names.to_json()),
    }
    with written_whole(folder / DESCRIPTION) as temporary:
        temporary.write_text(json.dumps(description, indent=1) + "\n", encoding="utf-8")


def load_model(folder: Path) -> VoiceModel:
    """The model that `save_model` wrote to a folder. Raises ModelError if it is missing, damaged or from elsewhere."""
    path = folder / DESCRIPTION
    try:
        config, labels, summary, names = _read_description(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ModelError(path, error.strerror or str(error)) from error
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise ModelError(path, f"not the description of a model ({error})") from error
    path = folder / WEIGHTS
    tensors = _read_tensors(path, summary.fingerprint)
    writer = Writer(len(labels), config.width, config.depth, config.heads, config.dropout)
    try:
        writer.load_state_dict({name: tensors.pop(f"writer/{name}") for name in writer.state_dict()})
        # Only now: they may have been of another type, in which they were finite.
        if not all(tensor.isfinite().all() for tensor in writer.state_dict().values()):
            raise ValueError("a weight is not finite")
        voices, written = (_checked_voices(tensors, kind, len(labels)) for kind in ("voices", "written"))
        parents = _checked_parents(tensors, len(voices))
        if tensors:
            raise ValueError(f"{sorted(tensors)[0]!r} means nothing")
    except (ValueError, TypeError, KeyError, RuntimeError) as error:
        raise ModelError(path, f"does not hold the model that {DESCRIPTION} describes ({error})") from error
    critic = Critic(voices, written, config.seed)
    return VoiceModel(config, labels, voices, parents, writer.eval(), written, critic, names, summary)


def _read_description(text: str) -> tuple[WriterConfig, tuple[str, ...], TrainingSummary, NameModel]:
    description: dict[str, Any] = json.loads(text)
    if description["format"] != _FORMAT:
        raise ValueError(f"format {description['format']!r}, not {_FORMAT}")
    config = WriterConfig.from_json(json.dumps(description["config"]))
    labels = tuple(description["labels"])
    if not isinstance(description["labels"], list) or not all(isinstance(label, str) for label in labels):
        raise ValueError("labels must be strings")
    if not labels or len(set(labels)) < len(labels):
        raise ValueError("labels must be different")
    of_blocks = 48 * config.depth * config.width**2  # bytes of weights, before memory is asked for
    if len(labels) > MOST_LABELS or config.width > 4096 or config.depth > 64 or of_blocks > _MOST_BYTES:
        raise ValueError("a model of this size is none of ours")
    summary = TrainingSummary(**description["summary"])
    for field in fields(summary):
        if type(getattr(summary, field.name)) is not field.type:
            raise ValueError(f"summary: {field.name} is {getattr(summary, field.name)!r}")
    return config, labels, summary, NameModel.from_json(json.dumps(description["names"]))


def _read_tensors(path: Path, fingerprint: str) -> dict[str, Tensor]:
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise ModelError(path, "too large to be a model of ours")
        with safe_open(path, framework="pt") as file:
            found = (file.metadata() or {}).get("fingerprint")
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
    except (OSError, SafetensorError) as error:
        raise ModelError(path, f"not readable ({error})") from error
    if found != fingerprint:
        raise ModelError(path, f"belongs to another {DESCRIPTION}: fingerprint {found}, not {fingerprint}")
    return tensors


def _checked_voices(tensors: dict[str, Tensor], kind: str, labels: int) -> Voices:
    """Voices taken from the tensors. Raises ValueError where they are none."""
    parameters, label_ids = tensors.pop(kind).numpy(), tensors.pop(f"{kind}/labels").numpy()
    require_legal(parameters)
    if not len(parameters) or label_ids.dtype != np.uint8 or label_ids.shape != (len(parameters),):
        raise ValueError(f"{kind}: there must be a label for each voice")
    if label_ids.max() >= labels:
        raise ValueError(f"{kind}: label ids must be within 0 to {labels - 1}")
    return made(parameters, label_ids.astype(np.int64))


def _checked_parents(tensors: dict[str, Tensor], count: int) -> Parents:
    """Parents taken from the tensors. Raises ValueError where they are none of so many voices."""
    rows, differing = tensors.pop("parents").numpy(), tensors.pop("differing").numpy()
    if rows.dtype != np.int32 or rows.ndim != 2 or len(rows) != count or not rows.size:
        raise ValueError("there must be parents for each voice")
    if rows.min() < 0 or rows.max() >= count:
        raise ValueError("parents must be rows of voices")
    if differing.dtype != np.uint8 or differing.shape != rows.shape or differing[:, 0].max() > PLACES:
        raise ValueError("there must be a distance to each parent")
    return Parents(rows.astype(np.int64), differing.astype(np.int64), TO_WRITE)
