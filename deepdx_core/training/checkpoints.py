"""Checkpoints of training runs: tensors in a safetensors file, with the fingerprint of the run. Nothing is pickled."""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from deepdx_core.files import read_regular, written_whole

_MOST_BYTES = 8 << 30


def digest(*arrays: npt.NDArray[Any]) -> str:
    """Return the SHA-256 of arrays, including their types and shapes."""
    found = hashlib.sha256()
    for array in arrays:
        found.update(f"{array.dtype}{array.shape}\0".encode())
        found.update(np.ascontiguousarray(array).tobytes())
    return found.hexdigest()


def run_fingerprint(*parts: str) -> str:
    """Return the SHA-256 of everything that determines the result of a run: settings, data, code."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def write_checkpoint(path: Path, fingerprint: str, state: dict[str, Tensor]) -> None:
    """Write the state of a run, atomically."""
    with written_whole(path, set_aside=True) as temporary:
        temporary.write_bytes(save(state, {"fingerprint": fingerprint, "digest": _digest_of(state)}))


def read_checkpoint(path: Path, fingerprint: str) -> dict[str, Tensor] | None:
    """Return the state of a run; None if the checkpoint is missing, damaged or of another run."""
    try:
        data = read_regular(path, _MOST_BYTES)
        state = load(data)
        metadata = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])["__metadata__"]
        intact = metadata["fingerprint"] == fingerprint and metadata["digest"] == _digest_of(state)
    except (OSError, SafetensorError, ValueError, TypeError, KeyError, RuntimeError):
        return None
    return state if intact else None


def _digest_of(state: dict[str, Tensor]) -> str:
    names = sorted(state)
    return run_fingerprint(*names, digest(*(state[name].numpy() for name in names)))
