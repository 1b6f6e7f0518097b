"""Sound ids: the key of a sound in all tables."""

import hashlib

import numpy as np

from deepdx_core.arrays import UInt8Array


def sound_ids(parameters: UInt8Array) -> list[str]:
    """Return the sound id of each voice `uint8[n, 145]`: 20 hexadecimal digits of the SHA-256 of its parameter bytes.

    Names and unused bits do not count. With 80 bits, the chance of any collision among a million sounds is 4e-13.
    """
    # hashlib takes one message at a time, and still computes about a million digests a second.
    return [hashlib.sha256(voice).hexdigest()[:20] for voice in np.ascontiguousarray(parameters)]
