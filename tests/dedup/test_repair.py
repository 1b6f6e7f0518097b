"""Repair of parameters out of range."""

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from deepdx_core.codec.packing import MAXIMA
from deepdx_core.decoding.sound_ids import sound_ids
from deepdx_core.dedup.exact import unique_sounds
from deepdx_core.dedup.repair import RepairSettings, repair
from deepdx_core.tables.curation import UniqueVoices
from deepdx_core.tables.decoding import DecodedVoices
from deepdx_core.voice.parameters import INDEX, PARAMETER_NAMES
from tests.support.voices import init_voice, random_voices


def voice(**changes):
    """INIT VOICE with all operators audible, and some parameters changed."""
    return init_voice(**{f"op{operator}_output_level": 80 for operator in range(1, 7)} | changes)


def repaired(*voices, settings=RepairSettings()):  # noqa: B008 - frozen
    found = repair(np.stack(voices), settings)
    return {int(row): (how, values) for row, how, values in zip(found.rows, found.how, found.parameters, strict=True)}


def test_a_value_within_the_margin_is_clamped():
    ((how, values),) = repaired(voice(op2_output_level=102, op3_detune=15)).values()
    assert how == "clamped"
    np.testing.assert_array_equal(values, voice(op2_output_level=99, op3_detune=14))


def test_values_far_out_of_range_or_too_many_are_not_repaired():
    assert repaired(voice(op2_output_level=120)) == {}
    assert repaired(voice(op2_output_level=100, op3_output_level=100, op4_output_level=100)) == {}
    assert repaired(voice(transpose=50)) == {}


def test_settings_limit_the_repair():
    ((how, _),) = repaired(voice(op2_output_level=120), settings=RepairSettings(margin=21)).values()
    assert how == "clamped"
    assert repaired(voice(op2_output_level=100), settings=RepairSettings(most_parameters=0)) == {}


def test_a_lost_value_is_taken_from_the_only_twin():
    twin, broken = voice(op1_eg_level_1=42, lfo_speed=7), voice(op1_eg_level_1=127, lfo_speed=7)
    found = repaired(broken, twin, voice(op1_eg_level_1=43, lfo_speed=8))
    assert found.keys() == {0}
    assert found[0][0] == "as in its twin"
    np.testing.assert_array_equal(found[0][1], twin)


def test_a_value_that_two_twins_disagree_on_is_not_repaired():
    assert repaired(voice(op1_eg_level_1=127), voice(op1_eg_level_1=42), voice(op1_eg_level_1=43)) == {}


def test_values_on_which_all_near_duplicates_agree_are_taken():
    near = [voice(op1_eg_level_1=42, op2_fine=n) for n in (1, 2, 3)]
    far = voice(op1_eg_level_1=7, **{f"op{o}_coarse": 5 for o in range(1, 7)})
    ((how, values),) = repaired(voice(op1_eg_level_1=127), *near, far).values()
    assert how == "as in its kin"
    np.testing.assert_array_equal(values, voice(op1_eg_level_1=42))
    assert repaired(voice(op1_eg_level_1=127), *near, voice(op1_eg_level_1=41, op2_fine=4)) == {}


def test_a_rate_out_of_range_becomes_the_fastest():
    ((how, values),) = repaired(voice(op1_eg_rate_1=127)).values()
    assert (how, values[INDEX["op1_eg_rate_1"]]) == ("plays alike", 99)
    assert repaired(voice(pitch_eg_rate_1=127, pitch_eg_level_1=99)) == {}


def test_all_parameters_in_a_byte_with_all_bits_set_are_lost():
    # Detune 15 and rate scaling 7 fill a packed byte; 15 with another rate scaling is an editor's mistake.
    lost = voice(op1_detune=15, op1_rate_scaling=7)
    assert repaired(lost) == {}
    ((how, values),) = repaired(lost, voice(op1_detune=3, op1_rate_scaling=2)).values()
    assert (how, values[INDEX["op1_detune"]], values[INDEX["op1_rate_scaling"]]) == (
        "as in its twin",
        3,
        2,
    )


def test_an_inaudible_value_becomes_the_default():
    ((how, values),) = repaired(voice(op4_break_point=127)).values()
    assert how == "nobody hears it"
    np.testing.assert_array_equal(values, voice())
    assert repaired(voice(op4_break_point=127, op4_left_depth=20)) == {}


@given(st.integers(0, 2**32 - 1))
def test_repaired_voices_are_in_range_and_clamped_ones_change_only_parameters_out_of_range(seed):
    random = np.random.default_rng(seed)
    parameters, _ = random_voices(50, seed)
    rows = np.arange(50)
    parameters[rows, random.integers(0, 145, 50)] += random.integers(0, 9, 50).astype(np.uint8)
    found = repair(parameters, RepairSettings())
    assert (found.parameters <= MAXIMA).all()
    before = parameters[found.rows]
    assert (before > MAXIMA).any(axis=1).all()
    clamped = np.array(found.how) == "clamped"
    np.testing.assert_array_equal(found.parameters[clamped], np.minimum(before[clamped], MAXIMA))


def test_original_and_repaired_voice_are_both_sounds_with_their_names():
    broken, whole = voice(op2_output_level=102), voice(op2_output_level=99)
    decoded = pl.DataFrame(np.stack([broken]), schema=dict.fromkeys(PARAMETER_NAMES, pl.UInt8)).select(
        pl.lit("0" * 64).alias("sha256"),
        pl.lit(0, pl.UInt64).alias("offset"),
        pl.lit(1, pl.UInt16).alias("slot"),
        pl.lit("vmem").alias("format"),
        pl.lit(None, pl.UInt8).alias("channel"),
        pl.lit(None, pl.String).alias("checksum"),
        pl.lit("BRIGHT EP").alias("name"),
        pl.lit(sound_ids(broken[None])[0]).alias("sound_id"),
        pl.lit(False).alias("valid"),
        pl.lit([], DecodedVoices.create_empty().schema["findings"]).alias("findings"),
        *PARAMETER_NAMES,
    )
    sounds = UniqueVoices.validate(unique_sounds(decoded, RepairSettings()))
    original, repaired_sound = (
        sounds.row(by_predicate=pl.col("sound_id") == id_, named=True) for id_ in sound_ids(np.stack([broken, whole]))
    )
    assert (original["repair"], original["repaired_id"]) == ("clamped", repaired_sound["sound_id"])
    assert (original["in_range"], repaired_sound["in_range"]) == (False, True)
    assert (original["files"], repaired_sound["files"], repaired_sound["names"]) == (1, 0, ["BRIGHT EP"])
