"""Multisamples: zones cover the keyboard, loops are seamless, and SFZ files map samples."""

import re

import numpy as np
import pytest

from deepdx_core.codec.packing import INIT_VOICE
from deepdx_core.sound.multisamples import find_loops, find_peak, format_region, format_sfz, plan_zones, render_zones
from deepdx_core.sound.rendering import SAMPLE_RATE, render
from tests.support.voices import init_voice, random_voices, two_carriers

SENSITIVE = init_voice(op1_velocity_sensitivity=5)
VIBRATO = init_voice(lfo_speed=60, lfo_pitch_depth=20, pitch_mod_sensitivity=3)
DETUNED = two_carriers(op1_detune=9, op3_detune=5, op3_coarse=1, op3_output_level=97)
DECAYING = init_voice(op1_eg_rate_3=25, op1_eg_level_3=0)


def first_batch(voice, every=12, seconds=6.0):
    return next(render_zones(voice, plan_zones(voice, every), seconds))


@pytest.mark.parametrize("every", [1, 2, 3, 4, 5, 12, 24])
@pytest.mark.parametrize("layers", [1, 2, 4, 8])
def test_zones_cover_each_key_and_velocity_once(every, layers):
    covered = np.zeros((128, 128), int)
    zones = plan_zones(SENSITIVE, every, layers)
    for zone in zones:
        covered[zone.lowest_key : zone.highest_key + 1, zone.lowest_velocity : zone.highest_velocity + 1] += 1
        assert zone.lowest_key <= zone.note <= zone.highest_key
        assert zone.lowest_velocity <= zone.velocity <= zone.highest_velocity
    assert (covered[:, 1:] == 1).all()
    assert not covered[:, 0].any()
    assert len({zone.name for zone in zones}) == len(zones)
    inner = [zone for zone in zones if 21 < zone.note < 108 - every]
    assert {zone.highest_key - zone.lowest_key + 1 for zone in inner} == {every}


def test_a_voice_without_velocity_has_one_layer():
    assert {zone.velocity for zone in plan_zones(SENSITIVE)} == {16, 48, 80, 111}
    assert {zone.velocity for zone in plan_zones(INIT_VOICE)} == {64}
    # An operator without output does not count.
    assert {zone.velocity for zone in plan_zones(init_voice(op2_velocity_sensitivity=7))} == {64}


@pytest.mark.parametrize("voice", [INIT_VOICE, VIBRATO, DETUNED])
def test_a_loop_is_seamless(voice):
    samples = [sample for sample in first_batch(voice) if sample.loop]
    assert len(samples) >= 4
    for sample in samples:
        start, end = sample.loop
        assert len(sample.audio) > end + 1
        played = np.concatenate([sample.audio[: end + 1], sample.audio[start : end + 1], sample.audio[start:end]])
        bends = np.abs(np.diff(played, 2))
        assert (
            bends[end - 4 : end + 4].max() <= bends[SAMPLE_RATE // 10 : end - 8192].max() * 1.05
        )  # no step, no corner
        np.testing.assert_array_equal(sample.audio[end + 1 :], played[end + 1 :][: len(sample.audio) - end - 1])
        powers = (played[SAMPLE_RATE // 4 :] ** 2)[: len(played) // 8192 * 8192 - 16384].reshape(-1, 8192).mean(axis=1)
        before = powers[: (end - SAMPLE_RATE // 4) // 8192 - 1]
        assert powers.max() < before.max() * 1.2
        assert powers.min() > before.min() / 1.2


def test_a_vibrato_goes_on_across_the_ends_of_a_loop():
    sample = next(sample for sample in first_batch(VIBRATO) if sample.zone.note == 57)
    start, end = sample.loop
    played = np.concatenate([sample.audio[: end + 1], sample.audio[start : end + 1]])
    before = np.flatnonzero((played[:-1] < 0) & (played[1:] >= 0))
    crossings = before + played[before] / (played[before] - played[before + 1])
    periods = np.diff(crossings)[10:]
    assert np.ptp(periods) > 2
    steps = np.abs(np.diff(periods))
    at_joint = np.abs(crossings[11:-1] - end) < 1000
    assert steps[at_joint].max() < steps[~at_joint].max() * 1.1
    cycle = np.abs(np.fft.rfft(periods - periods.mean(), 2**16)).argmax() / 2**16 / periods.mean()  # per sample
    cycles = (end + 1 - start) * cycle
    assert cycles > 2
    assert abs(cycles - round(cycles)) < 0.1


@pytest.mark.parametrize("voice", [DECAYING, init_voice(op1_output_level=0), init_voice(op1_eg_rate_1=15)])
def test_a_sound_that_changes_level_or_is_silent_has_no_loop(voice):
    assert not any(sample.loop for sample in first_batch(voice, 24))


def test_short_holds_have_no_loop():
    assert (find_loops(render(np.tile(INIT_VOICE, (2, 1)), 60, 100, 0.5)) == -1).all()
    assert not any(sample.loop for sample in first_batch(INIT_VOICE, 24, 0.1))


def test_samples_without_a_loop_have_their_release_and_no_silent_end():
    percussive = init_voice(op1_eg_rate_2=60, op1_eg_level_2=0, op1_eg_level_3=0)
    for sample in first_batch(percussive, 24):
        assert np.abs(sample.audio[-1]) > 0
        assert len(sample.audio) < 3 * SAMPLE_RATE
    (silent, *_) = first_batch(init_voice(op1_output_level=0), 24)
    assert 0 < len(silent.audio) < SAMPLE_RATE
    assert not silent.audio.any()


def test_releases_are_those_of_the_voice():
    fast, slow = (first_batch(init_voice(op1_eg_rate_4=rate), 24)[1].release for rate in (99, 60))
    assert fast == pytest.approx(0.01, abs=0.011)
    assert 0.3 < slow < 2


def test_the_peak_is_that_of_all_samples():
    (voice, *_), _ = random_voices(1)
    zones = plan_zones(voice, 12)
    samples = [sample for batch in render_zones(voice, zones, 2.0) for sample in batch]
    assert [sample.zone for sample in samples] == zones
    assert find_peak(voice, zones, 2.0) >= max(np.abs(sample.audio).max() for sample in samples)


def test_an_sfz_file_maps_every_sample():
    samples = first_batch(INIT_VOICE)
    text = format_sfz("evil\nname", [format_region(s, f"A B/{s.zone.name}.wav") for s in samples]).decode()
    comment, header, *regions = text.splitlines()
    assert comment == r"// evil\nname"
    assert header == "<global> amp_veltrack=0"
    assert len(regions) == len(samples)
    for line, sample in zip(regions, samples, strict=True):
        opcodes, path = re.fullmatch("<region> (.*) sample=(.*)", line).groups()
        values = dict(pair.split("=") for pair in opcodes.split())
        assert path == f"A B/{sample.zone.name}.wav"
        assert int(values["pitch_keycenter"]) == sample.zone.note
        assert values["loop_mode"] == "loop_continuous"
        assert (int(values["loop_start"]), int(values["loop_end"])) == sample.loop
