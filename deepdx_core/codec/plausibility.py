"""Whether bytes without a header look like packed voices."""

import numpy as np

from deepdx_core.codec.packing import MAXIMA, USED_BITS, Bytes, Flags, unpack_vmem
from deepdx_core.voice.parameters import VMEM_SIZE


def look_like_voices(payload: bytes) -> bool:
    """True if at least half of the packed records that are not blank could have been written by a DX7.

    Such a record has every parameter in its range, no unused bit set and a printable name. Fourteen of its bytes
    use five bits or fewer, so that text and code fail at once, and random bytes pass with a chance below 1e-20.
    """
    records = np.frombuffer(payload, dtype=np.uint8).reshape(-1, VMEM_SIZE)
    written = records[(records != records[:, :1]).any(axis=1)]
    return len(written) > 0 and bool(_could_be_voices(written).mean() >= 0.5)


def _could_be_voices(records: Bytes) -> Flags:
    parameters, names = unpack_vmem(records)
    in_range: Flags = np.all(parameters <= MAXIMA, axis=1)
    no_unused_bit: Flags = np.all(records & ~USED_BITS == 0, axis=1)
    printable: Flags = np.all((names >= 32) & (names < 128), axis=1)
    return in_range & no_unused_bit & printable
