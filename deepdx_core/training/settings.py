"""Settings of a training run as data that stands beside the model."""

import json
from dataclasses import asdict, dataclass, fields
from typing import Self


@dataclass(frozen=True)
class Settings:
    """Settings as JSON and back. Those of a model derive from this and say in `__post_init__` what makes sense."""

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if type(value) is not field.type and not (field.type is float and type(value) is int):
                raise ValueError(f"{field.name} must be of the type {field.type.__name__}, got {value!r}")  # type: ignore[union-attr]

    def require(self, names: tuple[str, ...], least: float, below: float = float("inf")) -> None:
        """Raise ValueError where one of these is less than `least`, not less than `below`, or no number."""
        for name in names:
            if not least <= getattr(self, name) < below:
                upper = "" if below == float("inf") else f" and below {below:g}"
                raise ValueError(f"{name} must be at least {least:g}{upper}, got {getattr(self, name)}")

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
