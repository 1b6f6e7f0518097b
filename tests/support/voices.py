"""Voices to work on: legal ones, drawn by hypothesis or by a seed."""

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from deepdx_core.codec.packing import MAXIMA


@st.composite
def legal_voices(draw, most=40):
    """Parameters `uint8[n, 145]` within their ranges, and names `uint8[n, 10]` of printable characters."""
    count = draw(st.integers(1, most))
    raw = draw(hnp.arrays(np.uint8, (count, len(MAXIMA))))
    names = draw(hnp.arrays(np.uint8, (count, 10), elements=st.integers(32, 126)))
    return (raw % (MAXIMA.astype(np.uint16) + 1)).astype(np.uint8), names


def random_voices(count, seed=0):
    """As `legal_voices`, but just some."""
    random = np.random.default_rng(seed)
    parameters = random.integers(0, MAXIMA.astype(int) + 1, (count, len(MAXIMA))).astype(np.uint8)
    return parameters, random.integers(65, 91, (count, 10)).astype(np.uint8)
