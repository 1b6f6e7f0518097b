"""The compiled code of the engine: its folder, and whether it is there."""

from pathlib import Path

from deepdx_core.compilation import CompiledCode

ENGINE = CompiledCode("engine", "the DX7 engine", tuple(Path(__file__).parent.glob("*.py")))


def is_compiled() -> bool:
    """Return True if the engine has been compiled already. If not, the first note takes some seconds."""
    return ENGINE.exists()
