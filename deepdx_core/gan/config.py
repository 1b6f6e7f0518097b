"""What can be set for a training run, as data that stands beside the model."""

import json
from dataclasses import asdict, dataclass, fields
from typing import Self


@dataclass(frozen=True)
class GanConfig:
    """The settings of a training run; together with the data they determine the model, bit for bit on a CPU.

    steps: updates of both networks. A fixed number rather than epochs: what the networks need hardly depends on the
        size of the corpus, and a run takes the same time on any.
    width: channels of the layer next to the image; the next layer has twice as many.
    ema_decay: of the moving average of the generator's weights, which is the one that is kept.
    label_weight, algorithm_weight: of the auxiliary classifiers; 0 and 0 is the plain setting of the blog.
    generator_obedience: how much of the classifiers' loss reaches the generator. At 1, it would make caricatures:
        voices that a classifier tells more easily than real ones, and less varied.
    checkpoint_every: steps between checkpoints.
    threads: of torch on a CPU, part of the settings since sums depend on how they are split. Networks this small gain
        little from a second one, and lose much where another program wants its core.
    """

    seed: int = 0
    steps: int = 2000
    batch_size: int = 64
    noise_size: int = 64
    width: int = 32
    generator_learning_rate: float = 1e-3
    discriminator_learning_rate: float = 1e-3
    ema_decay: float = 0.995
    label_weight: float = 1.0
    algorithm_weight: float = 1.0
    generator_obedience: float = 0.15
    checkpoint_every: int = 500
    threads: int = 1

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if type(value) is not field.type and not (field.type is float and type(value) is int):
                raise ValueError(f"{field.name} must be of the type {field.type.__name__}, got {value!r}")  # type: ignore[union-attr]
        for name in ("steps", "batch_size", "noise_size", "width", "checkpoint_every", "threads"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        for name in ("seed", "label_weight", "algorithm_weight", "generator_obedience"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name} must not be negative, got {getattr(self, name)}")
        for name in ("generator_learning_rate", "discriminator_learning_rate"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be over 0, got {getattr(self, name)}")
        if not 0 <= self.ema_decay < 1:
            raise ValueError(f"ema_decay must be within 0 and 1, got {self.ema_decay}")

    def to_json(self) -> str:
        """The settings as a JSON object."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The settings of a JSON object; what it does not name keeps its default.

        Raises ValueError for anything else than an object, unknown settings, and values that make no sense.
        """
        values = json.loads(text)
        if not isinstance(values, dict):
            raise ValueError(f"settings must be a JSON object, got {text[:40]!r}")
        known = [field.name for field in fields(cls)]
        if unknown := sorted(values.keys() - set(known)):
            raise ValueError(f"unknown settings {', '.join(unknown)}; there are {', '.join(known)}")
        return cls(**values)
