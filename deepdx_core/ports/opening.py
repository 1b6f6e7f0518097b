"""MIDI ports by name: listed and opened."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import mido  # type: ignore[import-untyped]

from deepdx_core.display import printable
from deepdx_core.errors import DeepDXError


class PortError(DeepDXError):
    """A MIDI port cannot be used, or no complete dump was received."""


def list_ports() -> tuple[list[str], list[str]]:
    """Return the names of the input ports and of the output ports. Raises PortError if there is no MIDI backend."""
    with _translated_errors():
        return mido.get_input_names(), mido.get_output_names()


def open_input(port: str) -> Any:
    """Open an input port. Raises PortError if the name fits none or several."""
    with _translated_errors():
        return mido.open_input(_choose(port, mido.get_input_names()))


def open_output(port: str) -> Any:
    """Open an output port. Raises PortError if the name fits none or several."""
    with _translated_errors():
        return mido.open_output(_choose(port, mido.get_output_names()))


def _choose(port: str, available: list[str]) -> str:
    """Return the available port of this name; else of this name in another case; else that with this part in its name.

    Raises PortError if there is none, or if there are several.
    """
    wanted = port.casefold()
    choices = [name for name in available if name == port]
    choices = choices or [name for name in available if name.casefold() == wanted]
    choices = list(dict.fromkeys(choices or [name for name in available if wanted in name.casefold()]))
    if len(choices) == 1:
        return choices[0]
    names = printable(", ".join(choices or available)) or "none"
    if choices:
        raise PortError(f"{port!r} may be any of these MIDI ports: {names}")
    raise PortError(f"there is no MIDI port {port!r}; available: {names}")


@contextmanager
def _translated_errors() -> Iterator[None]:
    """Raise any error of a MIDI backend as a PortError with advice."""
    try:
        yield
    except ImportError as error:
        raise PortError("MIDI ports need python-rtmidi: install deepdx[midi]") from error
    except DeepDXError:
        raise
    # Each backend has errors of its own, without a common base.
    except Exception as error:
        raise PortError(f"MIDI ports cannot be used here: {printable(str(error))}") from error
