"""Voices for tests: in range, drawn by hypothesis or by a seed; INIT VOICE with changes; rows of `decoded_voices`."""

import numpy as np
import polars as pl
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from deepdx_core.codec.packing import INIT_VOICE, MAXIMA
from deepdx_core.decoding.sound_ids import sound_ids
from deepdx_core.voice.parameters import INDEX, PARAMETER_NAMES


@st.composite
def legal_voices(draw, most=40):
    """Parameters `uint8[n, 145]` within their ranges, and names `uint8[n, 10]` of printable characters."""
    count = draw(st.integers(1, most))
    raw = draw(hnp.arrays(np.uint8, (count, len(MAXIMA))))
    names = draw(hnp.arrays(np.uint8, (count, 10), elements=st.integers(32, 126)))
    return (raw % (MAXIMA.astype(np.uint16) + 1)).astype(np.uint8), names


def random_voices(count, seed=0):
    """Like `legal_voices`, but drawn by a seed."""
    random = np.random.default_rng(seed)
    parameters = random.integers(0, MAXIMA.astype(int) + 1, (count, len(MAXIMA))).astype(np.uint8)
    return parameters, random.integers(65, 91, (count, 10)).astype(np.uint8)


def init_voice(**changes):
    """INIT VOICE with some parameters changed, `uint8[145]`."""
    parameters = INIT_VOICE.copy()
    for name, value in changes.items():
        parameters[INDEX[name]] = value
    return parameters


def two_carriers(**changes):
    """INIT VOICE with a second audible carrier, operator 3, and some parameters changed."""
    return init_voice(**{"algorithm": 4, "op3_output_level": 90, "op3_coarse": 3} | changes)


def decoded_dump(parameters):
    """Voices `uint8[n, 145]` as one dump of the table `decoded_voices`, without findings."""
    return pl.DataFrame(parameters, schema=dict.fromkeys(PARAMETER_NAMES, pl.UInt8)).with_columns(
        sha256=pl.lit("0" * 64),
        offset=pl.lit(0, pl.UInt64),
        slot=pl.int_range(1, len(parameters) + 1, dtype=pl.UInt16),
        name=pl.format("VOICE {}", pl.int_range(pl.len())),
        sound_id=pl.Series(sound_ids(parameters)),
        valid=pl.Series((parameters <= MAXIMA).all(axis=1)),
    )
