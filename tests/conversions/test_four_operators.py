"""Four-operator voices to DX7 voices: topology, laws of the chips, and what is lost."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from deepdx_core.codec.packing import MAXIMA
from deepdx_core.conversions.four_operators import SILENT_OPERATORS, dx7_rates, lfo_hertz, nearest_lfo_speed
from deepdx_core.conversions.from_four_operators import RATIOS, convert_fb01, convert_four_operators
from deepdx_core.conversions.from_reface_dx import convert_reface_dx
from deepdx_core.sound.audibility import loudest_db
from deepdx_core.sound.engine.tables import OUTPUT_LEVELS
from deepdx_core.sound.rendering import SAMPLE_RATE, render
from deepdx_core.synths.four_operators import fb01, reface_dx
from deepdx_core.synths.four_operators.parameters import VMEM
from deepdx_core.synths.messages import read_messages
from deepdx_core.voice.algorithms import ALGORITHMS
from deepdx_core.voice.parameters import INDEX
from tests.support.other_synths import FOLDER
from tests.support.paths import needs_corpus

NAMES = np.full((1, 10), 65, np.uint8)

# Carriers, then modulations ("43": 4 modulates 3), as in the chips' charts.
FOUR_OPERATOR_CHART = [
    "1 21 32 43", "1 21 32 42", "1 21 32 41", "1 21 31 43", "13 21 43", "123 41 42 43", "123 43", "1234",
]  # fmt: skip
REFACE_CHART = [
    "1 21 32 43", "1 21 32 42", "1 21 32 41", None, "1 21 31 41", "12 32 43", None, "13 21 43", "123 41 42 43",
    "123 42 43", "123 43", "1234",
]  # fmt: skip


def four(**changes):
    """A voice that a TX81Z could hold: all operators at full level, flat envelopes."""
    values = np.zeros((1, len(VMEM.fields)), np.uint8)
    plain = {
        "attack_rate": 31,
        "release_rate": 15,
        "decay_1_level": 15,
        "output_level": 90,
        "detune": 3,
        "frequency": 4,
    }
    fields = {f"op{n}_{name}": value for n in range(1, 5) for name, value in plain.items()}
    fields |= {"transpose": 24, "bend_range": 2, "breath_pitch_bias": 50, "aftertouch_pitch_bias": 50, "lfo_speed": 30}
    for name, value in (fields | changes).items():
        values[0, VMEM.index[name]] = value
    return values


def parameter(converted, name):
    return int(converted.parameters[0, INDEX[name]])


def graph(converted, standing):
    """The algorithm of a converted voice among the operators that stand for others, as in the charts."""
    algorithm = ALGORITHMS[parameter(converted, "algorithm")]
    number = {operator: k + 1 for k, operator in enumerate(standing)}
    carriers = "".join(
        str(number[c]) for c in sorted(algorithm.carriers, key=lambda c: number.get(c, 9)) if c in number
    )
    modulations = sorted(f"{number[a]}{number[b]}" for a, b in algorithm.modulations if a in number and b in number)
    foreign = [(a, b) for a, b in algorithm.modulations if a not in number and b in number]
    assert not [a for a, _ in foreign if parameter(converted, f"op{a}_output_level")]
    return " ".join([carriers, *modulations]), number.get(algorithm.feedback[0])


def standing_operators(converted, levels):
    """The DX7 operators by the four output levels that they were given, each of its own."""
    got = {parameter(converted, f"op{n}_output_level"): n for n in range(1, 7)}
    return [next(got[level + extra] for extra in (0, 8) if level + extra in got) for level in levels]


@pytest.mark.parametrize("algorithm", range(8))
def test_the_algorithms_of_four_operators_are_those_of_the_chart(algorithm):
    levels = (20, 35, 50, 65)
    changes = {f"op{n}_output_level": level for n, level in enumerate(levels, 1)}
    converted = convert_four_operators(four(algorithm=algorithm, feedback=5, **changes), NAMES)
    standing = standing_operators(converted, levels)
    carriers, *modulations = FOUR_OPERATOR_CHART[algorithm].split()
    assert graph(converted, standing) == (" ".join([carriers, *sorted(modulations)]), 4)
    for n, level in enumerate(levels, 1):
        # Modulators of a chip reach further than a DX7's.
        wanted = level if str(n) in carriers else level + 8
        assert parameter(converted, f"op{standing[n - 1]}_output_level") == wanted
    silent = set(range(1, 7)) - set(standing)
    assert all(parameter(converted, f"op{n}_output_level") == 0 for n in silent)
    assert parameter(converted, "feedback") == 5


def test_the_silent_operators_are_those_that_nothing_stands_for():
    assert SILENT_OPERATORS == (1, 2)
    assert loudest_db(convert_four_operators(four(algorithm=7), NAMES).parameters)[0] > -10


def test_envelopes_by_the_laws_of_both_chips():
    assert dx7_rates(2 * np.array([0, 10, 20, 30]) + 3).tolist() == [5, 36, 68, 99]
    sustained = convert_four_operators(four(op1_decay_1_rate=10, op1_decay_1_level=12, op1_release_rate=6), NAMES)
    found = [parameter(sustained, f"op3_eg_{what}_{k}") for what in ("rate", "level") for k in range(1, 5)]
    assert found == [99, 36, 5, 46, 99, 87, 87, 0]
    # A step of decay 1 level is 3 dB, as are four steps of the DX7's level.
    assert OUTPUT_LEVELS[99] - OUTPUT_LEVELS[87] == 12
    falling = convert_four_operators(four(op1_decay_1_rate=10, op1_decay_2_rate=5, op1_decay_1_level=0), NAMES)
    assert [parameter(falling, f"op3_eg_level_{k}") for k in range(1, 5)] == [99, 0, 0, 0]
    held = convert_four_operators(four(op1_decay_1_rate=0, op1_decay_1_level=3), NAMES)
    assert parameter(held, "op3_eg_level_2") == 99


@pytest.mark.parametrize("shift", [1, 2, 3])
@pytest.mark.parametrize("sustain", [2, 10, 15])
def test_an_eg_shift_halves_attenuations_and_slopes(shift, sustain):
    envelope = {"decay_1_rate": 20, "decay_2_rate": 14, "decay_1_level": 15 - sustain, "release_rate": 8}
    # Operators 1 and 3 are carriers.
    changes = {f"op{n}_{name}": value for n in range(1, 5) for name, value in envelope.items()}
    plain = convert_four_operators(four(algorithm=4, **changes), NAMES)
    shifts = {f"op{n}_eg_shift": shift for n in (2, 3)}
    shifted = convert_four_operators(four(algorithm=4, **changes, **shifts), NAMES)
    decibels = 0.75 * (OUTPUT_LEVELS[99] - OUTPUT_LEVELS)
    # The last step of the sustain level is 93 dB down, the end of the envelope 96 dB.
    wanted = np.array([0, (93 if sustain == 15 else 3 * sustain) / 2**shift, 96 / 2**shift, 96 / 2**shift])
    for operator, last in ((4, wanted[3]), (5, decibels[0])):
        found = [decibels[parameter(shifted, f"op{operator}_eg_level_{k}")] for k in range(1, 5)]
        assert found == pytest.approx([*wanted[:3], last], abs=0.75)
        for k in (2, 3, 4):
            # The DX7 doubles its slope in 4 of its 64 internal rates.
            slower = parameter(plain, f"op{operator}_eg_rate_{k}") - parameter(shifted, f"op{operator}_eg_rate_{k}")
            assert slower * 41 / 64 == pytest.approx(4 * shift, abs=1)
    for name in (f"op{n}_eg_{what}_{k}" for n in (3, 6) for what in ("rate", "level") for k in range(1, 5)):
        assert parameter(shifted, name) == parameter(plain, name)
    assert shifted.losses.of_voice(0) == ["EG shift of carriers after key-up"]


def test_a_shifted_envelope_is_heard_so():
    quiet = {f"op{n}_output_level": 0 for n in (1, 3, 4)} | {"algorithm": 7, "op2_eg_shift": 2}
    decayed = {"op2_decay_1_rate": 25, "op2_decay_1_level": 3}  # 36 dB, a quarter of it
    rows = [convert_four_operators(four(**quiet, **changes), NAMES).parameters[0] for changes in ({}, decayed)]
    held = render(np.stack(rows), seconds=1.0, held=1.0)[:, -SAMPLE_RATE // 4 :]
    full, low = 20 * np.log10(np.sqrt((held.astype(np.float64) ** 2).mean(axis=1)))
    assert full - low == pytest.approx(36 / 4, abs=1)


@pytest.mark.parametrize(
    ("frequency", "fine", "coarse", "dx7_fine"),
    [
        (0, 0, 0, 0),
        (1, 0, 0, 41),
        (4, 0, 1, 0),
        (5, 0, 1, 41),
        (8, 0, 2, 0),
        (11, 0, 2, 57),
        (63, 0, 23, 13),
        (4, 8, 1, 50),
    ],
)
def test_ratios_are_the_nearest_of_a_dx7(frequency, fine, coarse, dx7_fine):
    converted = convert_four_operators(four(op1_frequency=frequency, op1_fine=fine), NAMES)
    assert (parameter(converted, "op3_coarse"), parameter(converted, "op3_fine")) == (coarse, dx7_fine)
    got = (0.5 if coarse == 0 else coarse) * (1 + dx7_fine / 100)
    assert fine or got == pytest.approx(RATIOS[frequency], rel=0.002, abs=0.013)


def test_fixed_frequencies_keep_their_hertz():
    converted = convert_four_operators(four(op1_fixed=1, op1_frequency=40, op1_fine=5, op1_fixed_range=3), NAMES)
    hertz = (10 * 16 + 5) * 8  # 1,320
    assert parameter(converted, "op3_mode") == 1
    got = 10 ** (parameter(converted, "op3_coarse") + parameter(converted, "op3_fine") / 100)
    assert got == pytest.approx(hertz, rel=0.012)
    assert converted.losses.of_voice(0) == []


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"op2_wave": 3}, "waves other than sines"),
        ({"op1_eg_shift": 2}, "EG shift of carriers after key-up"),
        ({"op2_output_level": 95}, "modulators too strong for a DX7"),
        ({"op1_level_scaling": 20}, "keyboard level scaling"),
        ({"chorus": 1}, "chorus"),
        ({"reverb": 4}, "reverb"),
        ({"mono": 1}, "mono"),
        (
            {"op4_fixed": 1, "op4_fixed_range": 7, "op4_frequency": 63},
            "fixed frequency below 1 Hz or above 9,772 Hz",
        ),
        ({"op4_fixed": 1, "op4_fixed_low": 1, "op4_frequency": 63}, "low range of fixed frequencies"),
        ({"wheel_pitch": 30}, "controllers"),
        ({"algorithm": 3, "transpose": 60}, "values out of range"),
    ],
)  # fmt: skip
def test_everything_that_a_dx7_lacks_is_listed(changes, reason):
    assert convert_four_operators(four(), NAMES).losses.of_voice(0) == []
    converted = convert_four_operators(four(**changes), NAMES)
    assert converted.losses.of_voice(0) == [reason]
    assert converted.possible.all()


def test_synths_without_a_pitch_envelope_get_a_neutral_one():
    absent = convert_four_operators(four(), NAMES)
    assert [parameter(absent, f"pitch_eg_level_{k}") for k in range(1, 5)] == [50] * 4
    present = {f"pitch_eg_rate_{k}": 60 + k for k in (1, 2, 3)} | {f"pitch_eg_level_{k}": 40 + k for k in (1, 2, 3)}
    converted = convert_four_operators(four(**present), NAMES)
    assert [parameter(converted, f"pitch_eg_level_{k}") for k in range(1, 5)] == [41, 42, 42, 43]
    assert [parameter(converted, f"pitch_eg_rate_{k}") for k in range(1, 5)] == [61, 62, 62, 63]


def test_lfo_speeds_are_those_of_the_chip():
    assert lfo_hertz(np.array([255]))[0] == pytest.approx(52.9, abs=0.1)
    assert lfo_hertz(np.array([200, 216])) == pytest.approx(lfo_hertz(np.array([200]))[0] * np.array([1, 2]), rel=1e-6)
    assert nearest_lfo_speed(np.array([0.001, 100.0])).tolist() == [0, 99]


@given(hnp.arrays(np.uint8, (3, VMEM.size), elements=st.integers(0, 127)))
@settings(max_examples=30)
def test_any_bank_of_four_operators_becomes_legal_voices(records):
    converted = convert_four_operators(VMEM.unpack(records), VMEM.names(records))
    assert (converted.parameters <= MAXIMA).all()
    assert converted.losses.present.shape[0] == 3


@given(hnp.arrays(np.uint8, (3, fb01.VOICE_SIZE)))
@settings(max_examples=30)
def test_any_fb01_voice_becomes_a_legal_voice(records):
    converted = convert_fb01(fb01.LAYOUT.unpack(records), fb01.LAYOUT.names(records))
    assert (converted.parameters <= MAXIMA).all()
    assert converted.names.shape == (3, 10)


def test_fb01_levels_are_attenuations_and_its_sync_is_inverted():
    values = np.zeros((1, len(fb01.LAYOUT.fields)), np.uint8)
    changes = {
        "op1_total_level": 10,
        "op1_sustain_level": 4,
        "op1_decay_1_rate": 9,
        "operators_on": 1,
        "lfo_free": 1,
        "transpose": 244,
    }
    for name, new in {**changes, "op1_attack_rate": 31, "outputs": 3, "bend_range": 2}.items():
        values[0, fb01.LAYOUT.index[name]] = new
    converted = convert_fb01(values, np.full((1, 7), 65, np.uint8))
    assert parameter(converted, "op3_output_level") == 89
    assert parameter(converted, "op3_eg_level_2") == 99 - 4 * 4
    assert parameter(converted, "lfo_sync") == 0
    assert parameter(converted, "transpose") == 12
    assert all(parameter(converted, f"op{n}_output_level") == 0 for n in (1, 2, 4, 5, 6))
    assert converted.losses.of_voice(0) == []


def reface(**changes):
    common = np.zeros((1, len(reface_dx.COMMON.fields)), np.uint8)
    operators = np.zeros((1, 4, len(reface_dx.OPERATOR.fields)), np.uint8)
    fields = {"transpose": 64, "bend_range": 66, **{f"pitch_eg_level_{k}": 64 for k in range(1, 5)}} | changes
    for name, new in fields.items():
        if name in reface_dx.COMMON.index:
            common[0, reface_dx.COMMON.index[name]] = new
    plain = {"on": 1, "eg_rate_1": 127, "eg_level_1": 127, "detune": 64, "coarse": 1, "pitch_eg": 1, "lfo_pitch": 1}
    for k in range(4):
        for name, new in (plain | {"output_level": 30 + 20 * k}).items():
            operators[0, k, reface_dx.OPERATOR.index[name]] = new
    operators[0, 3, reface_dx.OPERATOR.index["feedback"]] = 127
    return convert_reface_dx(common, operators, NAMES)


@pytest.mark.parametrize("algorithm", range(12))
def test_the_algorithms_of_a_reface_dx_are_those_of_its_chart(algorithm):
    converted = reface(algorithm=algorithm)
    chart = REFACE_CHART[algorithm]
    assert converted.possible.tolist() == [chart is not None]
    if chart is None:
        assert converted.losses.of_voice(0) == ["algorithm that no DX7 has"]
        return
    levels = [round((30 + 20 * k) * 99 / 127) for k in range(4)]
    carriers, *modulations = chart.split()
    assert graph(converted, standing_operators(converted, levels)) == (" ".join([carriers, *sorted(modulations)]), 4)
    assert parameter(converted, "feedback") == 7
    assert converted.losses.of_voice(0) == []


@needs_corpus
def test_real_banks_list_their_losses():
    (bank,) = read_messages((FOLDER / "4op" / "Yamaha_DX21_Presets_1.syx").read_bytes())
    dx21 = convert_four_operators(bank.values, bank.names)
    assert "waves other than sines" not in dx21.losses.counts()  # a DX21 has sines alone
    (bank,) = read_messages((FOLDER / "4op" / "TX81Z01A.SYX").read_bytes())
    tx81z = convert_four_operators(bank.values, bank.names).losses.counts()
    assert (tx81z["waves other than sines"], tx81z["modulators too strong for a DX7"]) == (10, 9)
    # All of them can be heard on a DX7.
    assert (loudest_db(dx21.parameters) > -40).all()
