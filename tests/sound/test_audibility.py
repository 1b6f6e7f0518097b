"""Silence predicted from parameters, compared with rendered audio."""

import numpy as np
import pytest

from deepdx_core.codec.packing import MAXIMA
from deepdx_core.sound.audibility import is_inaudible
from deepdx_core.sound.rendering import render
from deepdx_core.voice.parameters import INDEX
from tests.support.voices import init_voice


@pytest.mark.parametrize(
    ("changes", "silent"),
    [
        ({}, False),
        ({"op1_output_level": 0}, True),
        ({"op1_output_level": 40}, False),
        ({"op1_output_level": 0, "op3_output_level": 99}, False),  # operator 3 is the other carrier of algorithm 1
        ({"op1_output_level": 0, "op2_output_level": 99}, True),  # operator 2 is not a carrier
        ({"op1_output_level": 0, "op2_output_level": 99, "algorithm": 31}, False),
        ({"op1_eg_level_1": 0, "op1_eg_level_2": 0, "op1_eg_level_3": 0}, True),
        ({"op1_eg_level_1": 0, "op1_eg_level_2": 0}, False),
        ({"op1_break_point": 0, "op1_right_depth": 99}, True),
        ({"op1_break_point": 0, "op1_right_depth": 99, "op1_right_curve": 3}, False),
        ({"op1_break_point": 0, "op1_right_depth": 99, "transpose": 0}, False),
        ({"op1_break_point": 99, "op1_left_depth": 99}, True),
    ],
)
def test_silence_is_predicted_from_parameters(changes, silent):
    assert is_inaudible(init_voice(**changes)[None]).tolist() == [silent]


def test_the_prediction_agrees_with_rendered_audio():
    random = np.random.default_rng(0)
    voices = random.integers(0, MAXIMA + 1, (200, 145)).astype(np.uint8)
    levels = [INDEX[f"op{operator}_output_level"] for operator in range(1, 7)]
    voices[:, levels] = random.choice([0, 5, 30, 99], size=(200, 6), p=[0.7, 0.1, 0.1, 0.1])
    attacks = [INDEX[f"op{operator}_eg_rate_{n}"] for operator in range(1, 7) for n in (1, 2, 3)]
    voices[:, attacks] = 99  # all levels are reached at once
    peaks = np.abs(render(voices, seconds=0.6, held=0.5)).max(axis=1)
    silent = is_inaudible(voices)
    assert 20 < silent.sum() < 180
    assert (peaks[silent] < 0.002).all()
    # Effects that the prediction ignores, such as an LFO on the amplitude, silence few.
    assert (peaks[~silent] > 0.0005).mean() > 0.95
