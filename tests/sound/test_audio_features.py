"""Features of rendered sounds, on voices with features known in advance."""

import numpy as np
import polars as pl
import pytest

from deepdx_core.decoding.sound_ids import sound_ids
from deepdx_core.dedup.audio_similarity import similar_pairs
from deepdx_core.progress import silent
from deepdx_core.sound.audio_features import CLIPS, compute_audio_features, renderer_version, summarize_by_sound
from deepdx_core.tables.audio import AudioFeatures
from deepdx_core.voice.parameters import INDEX, PARAMETER_NAMES
from tests.support.voices import init_voice, random_voices

NOTHING = AudioFeatures.create_empty()
ORGAN = {"algorithm": 31, "op2_output_level": 90, "op3_output_level": 85, "op2_coarse": 2, "op3_coarse": 3}
VOICES = {
    "init": {},
    "organ": ORGAN,
    "silent": {"op1_output_level": 0},
    "drone": {"op1_eg_level_4": 80},
    "slow attack": {"op1_eg_rate_1": 25},
    "slow release": {"op1_eg_rate_4": 30},
    "plucked": {"op1_eg_rate_2": 55, "op1_eg_level_2": 0, "op1_eg_level_3": 0},
    "squeal": {"op1_coarse": 24},
    "noise": {"op1_output_level": 99, "algorithm": 17, "op2_output_level": 99, "op3_output_level": 99,
              "op4_output_level": 99, "op3_coarse": 13, "op3_fine": 37, "op4_coarse": 7, "op4_fine": 61, "feedback": 7},
    # Begins after the end of every clip.
    "late": {"op1_eg_rate_1": 0, "op1_eg_level_1": 0, "op1_eg_rate_2": 0, "op1_eg_level_2": 0},
    # Audible only without its amplitude modulation, which breath or the wheel can remove.
    "breath": {"op1_amp_mod_sensitivity": 3, "lfo_amp_depth": 99, "lfo_speed": 0, "lfo_wave": 3, "lfo_sync": 1,
               "op1_output_level": 30},
}  # fmt: skip


def make_sounds(parameters):
    frame = pl.DataFrame(np.asarray(parameters), schema=list(PARAMETER_NAMES))
    return frame.with_columns(sound_id=pl.Series(sound_ids(parameters))).unique("sound_id", maintain_order=True)


def compute(*arguments, **options):
    return list(compute_audio_features(*arguments, silent, **options))[-1]


@pytest.fixture(scope="module")
def features():
    """The features of each of `VOICES` at middle C, by name."""
    parameters = np.stack([init_voice(**changes) for changes in VOICES.values()])
    table = compute(make_sounds(parameters), NOTHING)
    AudioFeatures.validate(table)
    main = {}
    for name, sound_id in zip(VOICES, sound_ids(parameters), strict=True):
        rows = table.filter(pl.col("sound_id") == sound_id)
        assert len(rows) == len(CLIPS)
        main[name] = rows.row(by_predicate=(pl.col("note") == 60) & (pl.col("velocity") == 100), named=True)
    return main


@pytest.fixture(scope="module")
def some():
    return make_sounds(random_voices(40, seed=1)[0])


def test_features_of_a_sine(features):
    sine = features["init"]
    assert sine["pitch_hz"] == pytest.approx(261.63, rel=1e-3)
    assert sine["brightness_hz"] == pytest.approx(261.63, rel=0.02)
    assert sine["harmonicity"] > 0.99
    assert sine["harshness"] < 0.001
    assert sine["flatness"] < 0.001
    assert sine["peak_db"] == pytest.approx(0, abs=0.1)
    # The DX7 gives each of this algorithm's two carriers half of its output.
    assert sine["loudness_db"] == pytest.approx(-6.02, abs=0.1)
    assert sine["attack_seconds"] < 0.03
    assert sine["release_seconds"] < 0.1
    assert sine["decay_seconds"] is None
    assert not sine["silent"] and not sine["sounds_at_rest"]
    assert sine["late_band_2"] == pytest.approx(0, abs=0.1)


def test_silence_has_no_features(features):
    nothing = features["silent"]
    assert nothing["silent"] and nothing["never_heard"]
    assert nothing["pitch_hz"] is None and nothing["attack_seconds"] is None
    assert nothing["loudness_db"] == nothing["level_1"] == -100
    assert not nothing["sounds_at_rest"]


def test_sounds_at_rest_and_slow_releases(features):
    drone, release = features["drone"], features["slow release"]
    assert drone["sounds_at_rest"] and drone["release_seconds"] is None
    assert -20 < drone["rest_db"] < -5
    assert release["end_db"] > -40 and release["release_seconds"] is None
    assert not release["sounds_at_rest"] and release["rest_db"] < -90


def test_features_follow_loudness_over_time(features):
    assert 0.5 < features["slow attack"]["attack_seconds"] < 2
    assert 0.02 < features["plucked"]["decay_seconds"] < 1
    assert features["plucked"]["sustain_db"] < -30
    assert features["organ"]["sustain_db"] > -3


def test_features_distinguish_harsh_and_noisy_sounds(features):
    assert features["squeal"]["harshness"] > 0.9
    assert features["organ"]["harshness"] < 0.1
    assert features["organ"]["harmonicity"] > 0.95 > 0.7 > features["noise"]["harmonicity"]
    assert features["noise"]["flatness"] > 0.05 > features["organ"]["flatness"]


def test_a_sound_that_breath_or_a_long_key_press_makes_audible_is_not_never_heard(features):
    assert features["late"]["silent"] and not features["late"]["never_heard"]
    assert features["breath"]["silent"] and not features["breath"]["never_heard"]


def test_a_summary_has_a_row_for_each_sound(some):
    table = compute(some, NOTHING)
    summary = summarize_by_sound(table)
    assert summary["sound_id"].to_list() == sorted(some["sound_id"])
    assert summary["peak_db"].null_count() == summary["silent"].null_count() == summary["rest_db"].null_count() == 0
    peaks = table.group_by("sound_id").agg(pl.col("peak_db").max()).sort("sound_id")
    assert summary["peak_db"].equals(peaks["peak_db"])


def test_threads_and_order_change_nothing(some):
    table = compute(some, NOTHING, threads=1)
    assert table.equals(table.sort("sound_id", "note", "velocity"))
    assert compute(some, NOTHING, threads=3).equals(table)
    assert compute(some.reverse(), NOTHING, threads=2).equals(table)


def test_an_incremental_computation_equals_one_from_scratch(some):
    cold = compute(some, NOTHING)
    known = pl.concat([compute(some.head(25), NOTHING), compute(make_sounds(random_voices(3, seed=9)[0]), NOTHING)])
    reports = []
    warm = list(compute_audio_features(some, known.sort("sound_id"), lambda *report: reports.append(report)))[-1]
    assert warm.equals(cold)
    assert reports[0] == ("sounds rendered", 25, 40) and reports[-1] == ("sounds rendered", 40, 40)


def test_rows_of_another_renderer_are_replaced(some):
    few = some.head(3)
    table = compute(few, NOTHING)
    foreign = table.with_columns(renderer=pl.lit("another"), peak_db=pl.lit(1, pl.Float32))
    assert compute(few, foreign).equals(table)
    assert set(table["renderer"]) == {renderer_version()}


def test_rows_computed_before_an_interruption_are_reused(some):
    cold = compute(some, NOTHING)
    work = compute_audio_features(some, NOTHING, silent, threads=1, every=0)
    part = next(work)
    work.close()
    AudioFeatures.validate(part)
    assert 0 < part["sound_id"].n_unique() < len(some)
    reports = []
    assert list(compute_audio_features(some, part, lambda *report: reports.append(report)))[-1].equals(cold)
    assert reports[0][1] == part["sound_id"].n_unique()


def test_no_sounds_give_no_rows(some):
    assert compute(some.clear(), NOTHING).is_empty()
    assert compute(some.clear(), compute(some.head(2), NOTHING)).is_empty()


def test_illegal_parameters_are_not_rendered():
    illegal = init_voice()
    illegal[INDEX["algorithm"]] = 32
    with pytest.raises(ValueError, match="algorithm is 32"):
        next(compute_audio_features(make_sounds([illegal]), NOTHING, silent))


def test_similar_pairs_are_sounds_nearly_equal_by_ear():
    changes = {
        "itself": ORGAN,
        "an inaudible operator": ORGAN | {"op5_coarse": 7, "op5_eg_rate_1": 3},
        "a step of the LFO": ORGAN | {"lfo_speed": 36},
        "a step of a level": ORGAN | {"op3_output_level": 84},
        "a semitone": ORGAN | {"transpose": 25},
        "an octave": ORGAN | {"transpose": 36},
        "another timbre": ORGAN | {"op3_coarse": 7},
        "a slow attack": ORGAN | {"op1_eg_rate_1": 40, "op2_eg_rate_1": 40, "op3_eg_rate_1": 40},
        "silence": {"op1_output_level": 0},
        "another silence": {"op1_output_level": 0, "op1_coarse": 2},
    }
    names = list(changes)
    parameters = np.stack([init_voice(**changed) for changed in changes.values()])
    table = compute(make_sounds(parameters), NOTHING)
    ids = dict(zip(names, sound_ids(parameters), strict=True))
    expected = sorted(
        tuple(sorted([ids[a], ids[b]])) for number, a in enumerate(names[:4]) for b in names[number + 1 : 4]
    )
    assert similar_pairs(table).rows() == expected
    assert similar_pairs(table.reverse()).rows() == expected
    assert similar_pairs(NOTHING).is_empty()
    assert similar_pairs(table.filter(pl.col("sound_id") == ids["itself"])).is_empty()
