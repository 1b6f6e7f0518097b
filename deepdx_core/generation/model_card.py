"""The description of a stored model, `model.json`: all but the numbers, read and checked without loading them."""

import hashlib
import json
import math
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from deepdx_core.display import printable
from deepdx_core.errors import DeepDXError
from deepdx_core.files import read_regular, written_whole
from deepdx_core.generation.critic import MOST_LABELS
from deepdx_core.generation.names import NameModel
from deepdx_core.writer.config import WriterConfig

DESCRIPTION = "model.json"

MOST_BYTES = 1 << 30
"""Of a model's numbers."""

_FORMAT = 3  # 1 was the GAN, 2 was without checksums
_MOST_CHARACTERS = 32 << 20
_MOST_TOLD = 400  # characters of a reason, which may quote what is wrong
_MOST_COUNTED = 1 << 32
_OF_FORMAT_2 = {"format", "config", "labels", "summary", "names"}


class ModelError(DeepDXError):
    """A stored model is missing or cannot be used; says which file, and why."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{printable(str(path))}: {printable(reason[:_MOST_TOLD])}")


@dataclass(frozen=True)
class TrainingSummary:
    """What a training run was, and where it ended.

    fingerprint: digest of all that decided what came of it. data_version, code_version: of the voices, and of the code.
    steps: of the writer, as far as its best validation. validation_loss: bits a voice of the validation split, given
    its parent. validation_c2st: how well written voices were told from it, before the critic chose among them.
    critic_area: under the critic's ROC curve, on voices held out. The last two may be nan.
    """

    fingerprint: str
    data_version: str
    code_version: str
    voices: int
    steps: int
    validation_loss: float
    validation_c2st: float
    critic_area: float

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if type(value) is not field.type:
                raise ValueError(f"summary: {field.name} is {value!r}")
            if isinstance(value, str) and not value.isprintable():
                raise ValueError(f"summary: {field.name} cannot be printed")
            if isinstance(value, int) and not 0 <= value < _MOST_COUNTED:
                raise ValueError(f"summary: {field.name} is out of its range")
        if not 0 <= self.validation_loss < math.inf:
            raise ValueError("summary: validation_loss must be a number of bits")
        for name in ("validation_c2st", "critic_area"):
            if not (math.isnan(value := getattr(self, name)) or 0 <= value <= 1):
                raise ValueError(f"summary: {name} must be an area")


@dataclass(frozen=True)
class Description:
    """What `model.json` says of a model. labels: their names, in the order of the label ids.

    weights: SHA-256 of the file of the numbers; None of a model of format 2, which does not have it. Raises ValueError
    where any of it cannot be.
    """

    config: WriterConfig
    labels: tuple[str, ...]
    summary: TrainingSummary
    names: NameModel
    weights: str | None

    def __post_init__(self) -> None:
        if not all(isinstance(label, str) and label.isprintable() and label.strip() for label in self.labels):
            raise ValueError("labels must be strings that can be printed")
        if not self.labels or len(set(self.labels)) < len(self.labels):
            raise ValueError("labels must be different")
        of_blocks = 48 * self.config.depth * self.config.width**2  # bytes of weights, before memory is asked for
        too_large = self.config.width > 4096 or self.config.depth > 64 or of_blocks > MOST_BYTES
        if len(self.labels) > MOST_LABELS or too_large:
            raise ValueError("a model of this size is none of ours")


def write_description(folder: Path, description: Description) -> None:
    """Write `model.json`, with a digest of all that it says; it takes its place whole."""
    document = {
        "format": _FORMAT,
        "config": json.loads(description.config.to_json()),
        "labels": list(description.labels),
        "summary": asdict(description.summary),
        "names": json.loads(description.names.to_json()),
        "weights": description.weights,
    }
    document["digest"] = _digest(document)
    with written_whole(folder / DESCRIPTION, set_aside=True) as temporary:
        temporary.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


def read_description(folder: Path) -> Description:
    """What `model.json` in a model's folder says. Raises ModelError if it is missing, damaged or none."""
    path = folder / DESCRIPTION
    try:
        text = read_regular(path, _MOST_CHARACTERS).decode()
        document: dict[str, Any] = json.loads(text)
        _require_whole(document)
        if not isinstance(document["labels"], list):
            raise ValueError("labels must be strings, in a list")
        return Description(
            WriterConfig.from_json(json.dumps(document["config"])),
            tuple(document["labels"]),
            TrainingSummary(**document["summary"]),
            NameModel.from_json(json.dumps(document["names"])),
            document.get("weights"),
        )
    except OSError as error:
        raise ModelError(path, error.strerror or str(error)) from error
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise ModelError(path, f"not the description of a model ({error})") from error


def _require_whole(document: dict[str, Any]) -> None:
    """Raises ValueError for another format, and where a digest does not fit: something was changed."""
    if document["format"] == 2 and document.keys() == _OF_FORMAT_2:
        return
    if document["format"] != _FORMAT:
        raise ValueError(f"format {document['format']!r}, not {_FORMAT}")
    if unknown := document.keys() - _OF_FORMAT_2 - {"weights", "digest"}:
        raise ValueError(f"{min(unknown)!r} means nothing")
    if document["digest"] != _digest({key: value for key, value in document.items() if key != "digest"}):
        raise ValueError("its digest is that of another text: it was damaged, or changed by hand")
    if not isinstance(document["weights"], str):
        raise ValueError("weights must be a digest")


def _digest(document: dict[str, Any]) -> str:
    """SHA-256 of the JSON of a document, however that is laid out. The order of keys counts: names are drawn by it."""
    return hashlib.sha256(json.dumps(document, separators=(",", ":")).encode()).hexdigest()
