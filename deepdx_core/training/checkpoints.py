"""How the state of a training run is kept in a file: tensors and the fingerprint of the run, nothing pickled."""

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
    """A digest of arrays, with their types and shapes."""
    found = hashlib.sha256()
    for array in arrays:
        found.update(f"{array.dtype}{array.shape}\0".encode())
        found.update(np.ascontiguousarray(array).tobytes())
    return found.hexdigest()


def run_fingerprint(*parts: str) -> str:
    """A digest of all that decides what a run makes: settings, data, code."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def write_checkpoint(path: Path, fingerprint: str, state: dict[str, Tensor]) -> None:
    """Write tensors as the checkpoint of a run; the file takes its place whole."""
    with written_whole(path, set_aside=True) as temporary:
        temporary.write_bytes(save(state, {"fingerprint": fingerprint, "digest": _digest_of(state)}))


def read_checkpoint(path: Path, fingerprint: str) -> dict[str, Tensor] | None:
    """The state in a checkpoint, if there is one of this run; one that is foreign or damaged is as good as none."""
    try:
        data = read_regular(path, _MOST_BYTES)
        state = load(data)
        said = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])["__metadata__"]
        own = said["fingerprint"] == fingerprint and said["digest"] == _digest_of(state)
    except (OSError, SafetensorError, ValueError, TypeError, KeyError, RuntimeError):
        return None
    return state if own else None


def _digest_of(state: dict[str, Tensor]) -> str:
    names = sorted(state)
    return run_fingerprint(*names, digest(*(state[name].numpy() for name in names)))
