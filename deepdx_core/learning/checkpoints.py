"""How the state of a training run is kept in a file: tensors and the fingerprint of the run, nothing pickled."""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from deepdx_core.files import written_whole


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
    with written_whole(path) as temporary:
        save_file(state, temporary, metadata={"fingerprint": fingerprint})


def read_checkpoint(path: Path, fingerprint: str) -> dict[str, Tensor] | None:
    """The state in a checkpoint, if there is one of this run; one that is foreign or damaged is as good as none."""
    try:
        with safe_open(path, framework="pt") as file:
            if (file.metadata() or {}).get("fingerprint") != fingerprint:
                return None
            return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
    except (OSError, SafetensorError):
        return None
