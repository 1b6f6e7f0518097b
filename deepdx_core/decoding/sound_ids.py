"""The identity of a sound, by which all tables know it."""

import hashlib

import numpy as np

from deepdx_core.arrays import UInt8Array


def sound_ids(parameters: UInt8Array) -> list[str]:
    """The identity of each sound in `uint8[n, 145]`: 20 hexadecimal digits of the SHA-256 of its parameter bytes.

    Names and unused bits do not enter. 80 bits: among a million sounds, any two collide with a chance of 4e-13.
    """
    # hashlib takes one message at a time; it still makes about a million digests a second.
    return [hashlib.sha256(voice).hexdigest()[:20] for voice in np.ascontiguousarray(parameters)]
