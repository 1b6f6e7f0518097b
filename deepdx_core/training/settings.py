"""Base class for the settings of a training run."""

import json
import reprlib
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError, ValidatorFunctionWrapHandler, field_validator


class Settings(BaseModel):
    """Immutable, hashable settings, checked on construction. Subclasses declare the fields and their ranges.

    Types are strict, except that an int is accepted for a float.
    """

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", allow_inf_nan=False)

    @field_validator("*", mode="wrap")
    @classmethod
    def _keep_as_given(cls, value: Any, validate: ValidatorFunctionWrapHandler) -> Any:
        # Pydantic converts an int given for a float. JSON, and so the fingerprint of a model, shows the difference.
        checked = validate(value)
        return value if isinstance(checked, float) else checked

    def replace(self, **changes: Any) -> Self:
        """Return a copy with some settings changed. Unlike `model_copy`, this checks them."""
        return type(self)(**dict(self) | changes)

    def to_json(self) -> str:
        """Return the settings as a JSON object, in the order of declaration. Model fingerprints depend on its bytes."""
        return json.dumps(dict(self))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Return the settings in a JSON object. Missing settings take their defaults.

        Raises ValueError if the text is not a JSON object, or if a setting is unknown, of another type or out of range.
        """
        values = json.loads(text)
        if not isinstance(values, dict):
            raise ValueError(f"settings must be a JSON object, got {text[:40]!r}")
        if unknown := sorted(values.keys() - cls.model_fields.keys()):
            raise ValueError(f"unknown settings {', '.join(unknown)}; known are {', '.join(cls.model_fields)}")
        try:
            return cls(**values)
        except ValidationError as error:
            first = error.errors()[0]
            if not first["loc"]:  # of several settings together
                raise ValueError(first["msg"].removeprefix("Value error, ")) from error
            raise ValueError(f"{first['loc'][0]}: {first['msg']}, got {reprlib.repr(first['input'])}") from error
