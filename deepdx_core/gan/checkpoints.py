"""How the state of a training run is kept in a file: tensors and the fingerprint of the run, nothing pickled."""

import hashlib
from pathlib import Path

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from deepdx_core.codec.packing import Bytes
from deepdx_core.gan.config import GanConfig
from deepdx_core.provenance import code_version
from deepdx_core.tables.storage import written_whole


def run_fingerprint(
    parameters: Bytes, label_ids: npt.NDArray[np.int64], labels: tuple[str, ...], config: GanConfig
) -> str:
    """A digest of all that decides what a run makes: code, settings, labels and voices."""
    digest = hashlib.sha256()
    for part in (code_version("deepdx_core.gan"), config.to_json(), repr(labels)):
        digest.update(part.encode() + b"\0")
    digest.update(parameters.tobytes())
    digest.update(label_ids.tobytes())
    return digest.hexdigest()


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
