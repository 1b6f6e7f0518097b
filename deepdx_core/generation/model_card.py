"""The card of a stored model, `model.json`: settings, labels, summary and names. Read without loading the weights."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PlainValidator,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from deepdx_core.display import printable
from deepdx_core.errors import DeepDXError
from deepdx_core.files import read_regular, written_whole
from deepdx_core.gan.config import GanConfig
from deepdx_core.generation.critic import MAX_LABELS
from deepdx_core.generation.names import NameModel, PrintableStr
from deepdx_core.tables.generator import Kind
from deepdx_core.writer.config import WriterConfig

MODEL_CARD = "model.json"
MODEL_FORMAT: Final = 7
"""1 was a GAN, 2 had no digests, 3 no trees of the critic, 4 no critic by ear, 5 only writers, 6 none told of steps."""

MAX_WEIGHTS_BYTES = 1 << 30

_MAX_CARD_BYTES = 32 << 20
_MAX_KEYS = 256  # of any object in a card; each unexpected key costs an error
_MAX_REASON = 400  # characters of an error, which may quote the file


class ModelError(DeepDXError):
    """A stored model is missing or unusable. The message names the file and the reason."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{printable(str(path))}: {printable(reason[:_MAX_REASON])}")


class TrainingSummary(BaseModel):
    """Provenance and outcome of a training run.

    fingerprint: digest of everything that determines the model. data_version, code_version: of its voices and its code.
    steps: training steps up to the weights that were kept. validation_loss: bits per voice of the validation split,
    given its parent; None for a GAN, which has no likelihood. validation_c2st: C2ST of generated voices against this
    split, before the critic selects among them. critic_area: area under the ROC curve of the critic, by ear where there
    is one, on held-out voices. Either may be nan.
    """

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    fingerprint: PrintableStr
    data_version: PrintableStr
    code_version: PrintableStr
    voices: int = Field(ge=0, lt=1 << 32)
    steps: int = Field(ge=0, lt=1 << 32)
    validation_loss: float | None = Field(ge=0, allow_inf_nan=False)
    validation_c2st: float
    critic_area: float

    @field_validator("validation_c2st", "critic_area")
    @classmethod
    def _require_area(cls, value: float) -> float:
        if value < 0 or value > 1:  # nan passes
            raise ValueError("must be an area, from 0 to 1")
        return value


CONFIGS: Mapping[Kind, type[WriterConfig] | type[GanConfig]] = {"writer": WriterConfig, "gan": GanConfig}
"""The settings of the training of each kind."""


def _parse_config(value: object, info: ValidationInfo) -> WriterConfig | GanConfig:
    if isinstance(value, WriterConfig | GanConfig):
        return value
    return CONFIGS[info.data.get("kind", "writer")].from_json(json.dumps(value))


class ModelCard(BaseModel):
    """Everything that `model.json` holds, except its own digest.

    labels: names in the order of the label ids. weights: SHA-256 of `model.safetensors`; None in format 2.
    """

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    format: Literal[2, 3, 4, 5, 6, 7]
    kind: Kind = "writer"
    config: Annotated[WriterConfig | GanConfig, PlainValidator(_parse_config)]
    labels: tuple[PrintableStr, ...] = Field(strict=False, fail_fast=True, min_length=1, max_length=MAX_LABELS)
    summary: TrainingSummary
    names: NameModel
    weights: str | None = None

    @field_validator("labels")
    @classmethod
    def _require_distinct(cls, labels: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(labels)) < len(labels) or not all(label.strip() for label in labels):
            raise ValueError("must be distinct and not blank")
        return labels

    @model_validator(mode="after")
    def _require_consistent(self) -> Self:
        if (self.weights is None) != (self.format == 2):
            raise ValueError("weights: formats from 3 on, and no earlier one, name the digest of the weights")
        if self.kind != "writer" and self.format < 6:
            raise ValueError("kind: formats before 6 hold only writers")
        if (self.summary.validation_loss is None) != (self.kind == "gan"):
            raise ValueError("summary: a writer has a validation loss, and a GAN has none")
        if _weight_bytes(self.config) > MAX_WEIGHTS_BYTES:
            raise ValueError("config: the width and depth make a model too large to load")
        return self


def _weight_bytes(config: WriterConfig | GanConfig) -> int:
    """Return the approximate size of the weights, before memory is allocated."""
    if isinstance(config, GanConfig):
        return 4 * 32 * config.width * (config.noise_size + MAX_LABELS + config.width)
    if config.width > 4096 or config.depth > 64:
        return MAX_WEIGHTS_BYTES + 1
    return 48 * config.depth * config.width**2


def write_model_card(folder: Path, card: ModelCard) -> None:
    """Write `model.json` atomically, with a digest of everything else in it."""
    document = {
        "format": card.format,
        "kind": card.kind,
        "config": json.loads(card.config.to_json()),
        **card.model_dump(exclude={"format", "kind", "config"}),
    }
    document["digest"] = _compute_digest(document)
    with written_whole(folder / MODEL_CARD, set_aside=True) as temporary:
        temporary.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


def read_model_card(folder: Path) -> ModelCard:
    """Read `model.json` in a model's folder. Raises ModelError if it is missing, damaged or not a model card."""
    path = folder / MODEL_CARD
    try:
        document = json.loads(read_regular(path, _MAX_CARD_BYTES).decode(), object_pairs_hook=_require_few_keys)
        if not isinstance(document, dict):
            raise ValueError("must be a JSON object")
        digest = document.pop("digest", None)
        card = ModelCard.model_validate(document)
        if digest != (None if card.format == 2 else _compute_digest(document)):
            raise ValueError("digest: does not match, so the file was damaged or edited")
        return card
    except OSError as error:
        raise ModelError(path, error.strerror or str(error)) from error
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"]))
        reason = ": ".join(filter(None, (place, first["msg"].removeprefix("Value error, "))))
        raise ModelError(path, f"not a model card ({reason})") from error
    except (ValueError, RecursionError) as error:
        raise ModelError(path, f"not a model card ({error})") from error


def _require_few_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(pairs) > _MAX_KEYS:
        raise ValueError(f"an object has more than {_MAX_KEYS} keys")
    return dict(pairs)


def _compute_digest(document: dict[str, Any]) -> str:
    """Return the SHA-256 of a document's JSON, whatever its layout. The order of keys counts: names are drawn by it."""
    return hashlib.sha256(json.dumps(document, separators=(",", ":")).encode()).hexdigest()
