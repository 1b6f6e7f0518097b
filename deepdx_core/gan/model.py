"""A trained model, and how it is stored: `model.safetensors` for the weights, `model.json` for what they mean.

Neither is pickled: to load a model of unknown origin runs no code of it.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from deepdx_core.errors import DeepDXError
from deepdx_core.gan.config import GanConfig
from deepdx_core.gan.networks import Generator
from deepdx_core.tables.storage import written_whole
from deepdx_core.voice.algorithms import ALGORITHMS

WEIGHTS = "model.safetensors"
DESCRIPTION = "model.json"

_FORMAT = 1


@dataclass(frozen=True)
class TrainingSummary:
    """What a training run was: on how many voices, on which data and code (a digest), and where its losses ended.

    The losses are means over the last tenth of the steps; nan where the run had none.
    """

    voices: int
    fingerprint: str
    discriminator_loss: float
    generator_loss: float


@dataclass(frozen=True)
class VoiceModel:
    """A generator with all that is needed to ask it for voices.

    labels: their names, in the order of the label ids.
    pair_counts: `int64[labels, 32]`, the training voices of each label and algorithm: what to draw a condition from
        that nobody asked for.
    generator: on the CPU, set to evaluate.
    """

    config: GanConfig
    labels: tuple[str, ...]
    pair_counts: npt.NDArray[np.int64]
    summary: TrainingSummary
    generator: Generator


class ModelError(DeepDXError):
    """A stored model is missing or cannot be used; says which file, and why."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path}: {reason}")


def save_model(folder: Path, model: VoiceModel) -> None:
    """Write the two files; each takes its place whole. `model.json` goes last and names the weights it belongs to."""
    weights = {name: tensor.contiguous() for name, tensor in model.generator.state_dict().items()}
    with written_whole(folder / WEIGHTS) as temporary:
        save_file(weights, temporary, metadata={"fingerprint": model.summary.fingerprint})
    description = {
        "format": _FORMAT,
        "config": json.loads(model.config.to_json()),
        "labels": list(model.labels),
        "pair_counts": model.pair_counts.tolist(),
        "summary": asdict(model.summary),
    }
    with written_whole(folder / DESCRIPTION) as temporary:
        temporary.write_text(json.dumps(description, indent=1) + "\n", encoding="utf-8")


def load_model(folder: Path) -> VoiceModel:
    """The model that `save_model` wrote to a folder. Raises ModelError if it is missing, damaged or from elsewhere."""
    path = folder / DESCRIPTION
    try:
        config, labels, pair_counts, summary = _read_description(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ModelError(path, error.strerror or str(error)) from error
    except (ValueError, TypeError, KeyError) as error:
        raise ModelError(path, f"not the description of a model ({error})") from error
    generator = Generator(config.noise_size, len(labels), config.width)
    generator.load_state_dict(_read_weights(folder / WEIGHTS, summary.fingerprint, generator.state_dict()))
    return VoiceModel(config, labels, pair_counts, summary, generator.eval())


def _read_description(text: str) -> tuple[GanConfig, tuple[str, ...], npt.NDArray[np.int64], TrainingSummary]:
    description: dict[str, Any] = json.loads(text)
    if description["format"] != _FORMAT:
        raise ValueError(f"format {description['format']!r}, not {_FORMAT}")
    config = GanConfig.from_json(json.dumps(description["config"]))
    labels = tuple(description["labels"])
    if not labels or not all(isinstance(label, str) for label in labels) or len(set(labels)) < len(labels):
        raise ValueError("labels must be different strings")
    pair_counts = np.array(description["pair_counts"])
    if pair_counts.shape != (len(labels), len(ALGORITHMS)) or pair_counts.dtype != np.int64 or (pair_counts < 0).any():
        raise ValueError(f"pair_counts must be counts of {len(labels)} labels by {len(ALGORITHMS)} algorithms")
    if not pair_counts.any():
        raise ValueError("pair_counts are all 0")
    summary = TrainingSummary(**description["summary"])
    return config, labels, pair_counts, summary


def _read_weights(path: Path, fingerprint: str, expected: dict[str, Tensor]) -> dict[str, Tensor]:
    try:
        with safe_open(path, framework="pt") as file:
            found = (file.metadata() or {}).get("fingerprint")
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
    except (OSError, SafetensorError) as error:
        raise ModelError(path, f"not readable ({error})") from error
    if found != fingerprint:
        raise ModelError(path, f"belongs to another {DESCRIPTION}: fingerprint {found}, not {fingerprint}")
    if {name: t.shape for name, t in weights.items()} != {name: t.shape for name, t in expected.items()}:
        raise ModelError(path, f"does not hold the network that {DESCRIPTION} describes")
    if not all(tensor.isfinite().all() for tensor in weights.values()):
        raise ModelError(path, "holds a weight that is not finite")
    return weights
