"""Inaudible parameters are reset, and rendering shows no difference."""

import numpy as np
import pytest
from hypothesis import given, settings

from deepdx_core.codec.packing import MAXIMA
from deepdx_core.dedup.functional import audible_operators, functional_parameters
from deepdx_core.sound.rendering import render
from deepdx_core.voice.parameters import INDEX, PARAMETER_NAMES
from tests.support.voices import init_voice, legal_voices, random_voices

OPERATORS = range(1, 7)
SENSITIVITIES = [INDEX[f"op{o}_amp_mod_sensitivity"] for o in OPERATORS]
LAST_BIT = 2.0**-12  # of the engine: 72 dB under a full carrier


def one_voice(**changes):
    return init_voice(**changes)[None]


@pytest.mark.parametrize(
    ("changes", "others"),
    [
        # Operator 2 modulates operator 1, and is silent.
        ({}, {"op2_coarse": 5}),
        ({}, {"op2_output_level": 99} | {f"op2_eg_level_{n}": 0 for n in (1, 2, 3, 4)}),
        ({}, {"op2_right_depth": 99}),  # lowers it still further
        ({}, {"feedback": 7}),
        ({}, {"op6_output_level": 99}),  # cut off by operators 5, 4 and 3
        ({}, {"algorithm": 4}),
        ({}, {"lfo_speed": 99, "lfo_delay": 50, "lfo_wave": 3, "lfo_sync": 0, "pitch_mod_sensitivity": 7}),
        ({}, {"lfo_pitch_depth": 99, "pitch_mod_sensitivity": 0}),
        ({}, {"lfo_amp_depth": 99}),
        ({}, {"op1_amp_mod_sensitivity": 3}),
        ({}, {"op1_left_curve": 3, "op1_break_point": 0}),
        ({}, {"op1_eg_rate_2": 0, "op1_eg_rate_3": 0}),
        ({}, {f"pitch_eg_rate_{n}": 0 for n in (1, 2, 3, 4)}),
        ({}, {"op1_rate_scaling": 7}),
        ({"op1_mode": 1}, {"op1_mode": 1, "op1_coarse": 29, "op1_detune": 0}),
        ({"op1_output_level": 0}, {"op1_output_level": 0, "transpose": 0, "algorithm": 31, "oscillator_sync": 0}),
        ({"algorithm": 25, "op1_coarse": 2}, {"algorithm": 26, "op1_coarse": 2}),  # they differ only in feedback
    ],
)
def test_inaudible_parameters_make_no_difference(changes, others):
    assert not np.array_equal(one_voice(**changes), one_voice(**others))
    np.testing.assert_array_equal(
        functional_parameters(one_voice(**changes)), functional_parameters(one_voice(**others))
    )


@pytest.mark.parametrize(
    ("changes", "others"),
    [
        ({}, {"op1_coarse": 2}),
        ({}, {"op2_right_depth": 99, "op2_right_curve": 3}),
        ({}, {"op2_output_level": 1}),
        ({}, {"lfo_pitch_depth": 1}),
        ({"lfo_pitch_depth": 1}, {"lfo_pitch_depth": 1, "lfo_wave": 4}),
        ({}, {"lfo_amp_depth": 1, "op1_amp_mod_sensitivity": 1}),
        ({}, {"op1_eg_level_3": 98}),
        ({}, {"op1_eg_rate_4": 98}),
        ({"op1_eg_rate_4": 50}, {"op1_eg_rate_4": 50, "op1_rate_scaling": 1}),
        ({}, {"pitch_eg_level_4": 51}),
        ({"op1_mode": 1}, {"op1_mode": 1, "op1_detune": 8}),
        ({}, {"algorithm": 4, "op3_output_level": 99}),
        # Operator 6 modulates itself: audible in algorithm 3, where it modulates 5 and that 4, a carrier.
        (
            {"algorithm": 2} | {f"op{o}_output_level": 99 for o in (4, 5, 6)},
            {"algorithm": 2, "feedback": 1} | {f"op{o}_output_level": 99 for o in (4, 5, 6)},
        ),
        ({"op6_output_level": 99, "algorithm": 31}, {"op6_output_level": 99, "algorithm": 31, "feedback": 1}),
    ],
)
def test_audible_parameters_are_kept(changes, others):
    assert not np.array_equal(functional_parameters(one_voice(**changes)), functional_parameters(one_voice(**others)))


def test_an_operator_is_audible_through_operators_that_are_not_silent():
    levels = {f"op{o}_output_level": 99 for o in OPERATORS}
    assert audible_operators(one_voice(**levels)).all()
    # Algorithm 1: 6 modulates 5, that 4, that 3, which is a carrier; 2 modulates 1, the other.
    assert audible_operators(one_voice(**levels | {"op5_output_level": 0})).tolist() == [[True] * 4 + [False] * 2]
    assert audible_operators(one_voice(**levels | {"op1_output_level": 0})).tolist() == [[False] * 2 + [True] * 4]


@given(legal_voices())
def test_functional_parameters_are_a_normal_form(voices):
    parameters, _ = voices
    original = parameters.copy()
    canonical = functional_parameters(parameters)
    np.testing.assert_array_equal(parameters, original)
    assert canonical.dtype == np.uint8
    assert (canonical <= MAXIMA).all()
    np.testing.assert_array_equal(functional_parameters(canonical), canonical)
    np.testing.assert_array_equal(audible_operators(canonical), audible_operators(parameters))


def voices_with_many_inaudible_parameters(count, seed):
    """Random voices with many operators silent, depths of 0 and envelopes at rest."""
    random = np.random.default_rng(seed)
    voices, _ = random_voices(count, seed)

    def columns(*names):
        return [INDEX[f"op{o}_{name}"] for name in names for o in OPERATORS]

    def sometimes(share, names, value):
        voices[:, names] = np.where(random.random((count, len(names))) < share, value, voices[:, names])

    sometimes(0.35, columns("output_level"), 0)
    sometimes(0.5, columns("left_depth", "right_depth", "amp_mod_sensitivity"), 0)
    sometimes(0.4, [INDEX[n] for n in ("feedback", "lfo_pitch_depth", "lfo_amp_depth", "pitch_mod_sensitivity")], 0)
    sometimes(0.5, columns(*(f"eg_rate_{n}" for n in (1, 2, 3, 4))), 99)
    for envelope in [f"op{o}_eg" for o in OPERATORS] + ["pitch_eg"]:
        for first, second in ((1, 2), (2, 3), (3, 4)):
            same = random.random(count) < 0.5
            voices[same, INDEX[f"{envelope}_level_{second}"]] = voices[same, INDEX[f"{envelope}_level_{first}"]]
    for o in OPERATORS:
        silent = random.random(count) < 0.1
        for n in (1, 2, 3, 4):
            voices[silent, INDEX[f"op{o}_eg_level_{n}"]] = 0
    return voices


def with_an_inaudible_parameter_changed(voices, seed):
    """The same voices with another value in an inaudible parameter."""
    random = np.random.default_rng(seed)
    other, _ = random_voices(len(voices), seed)
    changed = voices.copy()
    for row in range(len(voices)):
        for column in random.permutation(voices.shape[1]):
            attempt = changed[row].copy()
            attempt[column] = other[row, column]
            if attempt[column] != changed[row, column] and np.array_equal(
                functional_parameters(attempt[None]), functional_parameters(voices[row : row + 1])
            ):
                changed[row] = attempt
                break
    return changed


def test_a_voice_and_its_functional_parameters_are_rendered_without_a_difference():
    voices = voices_with_many_inaudible_parameters(400, seed=1)
    canonical = functional_parameters(voices)
    # The engine lowers an operator that is sensitive to an amplitude modulation of depth 0: see the module.
    off = canonical[:, INDEX["lfo_amp_depth"]] == 0
    voices[np.ix_(off, SENSITIVITIES)] = canonical[np.ix_(off, SENSITIVITIES)]
    # In its feedback loops of several operators, silent ones leave a residue.
    loops = np.isin(voices[:, INDEX["algorithm"]], (3, 5)) & (voices[:, INDEX["feedback"]] > 0)
    apart = np.zeros(np.count_nonzero(~loops))
    for note, velocity in ((60, 100), (31, 127), (96, 40)):
        one, other = (render(some[~loops], note, velocity, 0.4, 0.25) for some in (voices, canonical))
        apart = np.maximum(apart, np.abs(one - other).max(axis=1))
    assert (voices[~loops] != canonical[~loops]).any(axis=1).all()
    # Velocity 127 at sensitivity 7 lifts even an envelope without levels to the engine's last bit.
    assert (apart <= LAST_BIT).all()
    assert (apart == 0).mean() > 0.98


@settings(max_examples=10)
@given(legal_voices(most=3))
def test_an_inaudible_parameter_may_have_any_value(voices):
    parameters, _ = voices
    changed = with_an_inaudible_parameter_changed(parameters, seed=int(parameters.sum()))
    np.testing.assert_array_equal(functional_parameters(changed), functional_parameters(parameters))


def test_every_parameter_of_an_inaudible_operator_may_have_any_value():
    voice = one_voice()
    others, _ = random_voices(200, seed=2)
    voices = np.repeat(voice, 200, axis=0)
    free = [i for i, name in enumerate(PARAMETER_NAMES) if name.startswith(("op3", "op4", "op5", "op6"))]
    voices[:, free] = others[:, free]
    voices[:, INDEX["op3_output_level"]] = 0
    voices[:, [INDEX["op3_left_depth"], INDEX["op3_right_depth"]]] = 0
    np.testing.assert_array_equal(functional_parameters(voices), np.repeat(functional_parameters(voice), 200, axis=0))
