"""Encoding of voices as images, and back."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from deepdx_core.codec.packing import INIT_VOICE, MAXIMA
from deepdx_core.gan.encoding import CELLS, decode, encode
from deepdx_core.voice.parameters import INDEX

VALUES = st.floats(width=32, allow_nan=False, allow_infinity=False)


@settings(deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 8))
def test_a_legal_voice_survives_the_round_trip(seed, count):
    voices = np.random.default_rng(seed).integers(0, MAXIMA + 1, (count, 145)).astype(np.uint8)
    images = encode(voices)
    assert images.dtype == np.float32
    assert np.abs(images).max() <= 1
    assert (decode(images) == voices).all()


def test_each_value_of_each_parameter_survives_the_round_trip():
    voices = np.minimum(np.arange(100)[:, None], MAXIMA).astype(np.uint8)
    assert (decode(encode(voices)) == voices).all()


@settings(deadline=None)
@given(hnp.arrays(np.float32, (2, 16, 16), elements=VALUES))
def test_any_finite_image_decodes_to_a_legal_voice(images):
    voices = decode(images)
    assert voices.shape == (2, 145)
    assert (voices <= MAXIMA).all()
    assert (decode(encode(voices)) == voices).all()


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_value_that_is_not_finite_is_refused(value):
    images = np.zeros((1, 16, 16), dtype=np.float32)
    images[0, 3, 3] = value
    with pytest.raises(ValueError, match="not finite"):
        decode(images)


def test_an_illegal_voice_is_refused():
    voices = INIT_VOICE[None].copy()
    voices[0, INDEX["algorithm"]] = 32
    with pytest.raises(ValueError, match="legal"):
        encode(voices)


def test_each_cell_has_one_meaning_and_spare_cells_are_0():
    places = [cell.place for cell in CELLS]
    assert len(places) == len(set(places)) == 242
    images = encode(np.stack([INIT_VOICE, MAXIMA])).reshape(2, 256)
    spare = sorted(set(range(256)) - set(places))
    assert (images[:, spare] == 0).all()


@pytest.mark.parametrize(
    ("name", "rows"), [("op6_detune", {0, 1}), ("op1_eg_rate_1", {10, 11}), ("lfo_wave", {14, 15})]
)
def test_parameters_are_in_the_area_of_their_operator(name, rows):
    assert {cell.place // 16 for cell in CELLS if cell.parameter == INDEX[name]} <= rows


def test_near_misses_of_a_default_decode_to_it():
    images = encode(INIT_VOICE[None])
    jitter = np.random.default_rng(0).normal(0, 0.05, images.shape).astype(np.float32)
    assert (decode(images + jitter) == INIT_VOICE).all()
