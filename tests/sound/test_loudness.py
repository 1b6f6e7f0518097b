"""Loudness after ITU-R BS.1770, and levels: matched, without clipping, and silent where there is silence."""

import numpy as np
import pytest

from deepdx_core.sound.loudness import PEAK, TARGET_LUFS, common_gain, find_peaks, match_loudness, measure_loudness
from deepdx_core.sound.rendering import SAMPLE_RATE, render
from tests.support.voices import random_voices

TIME = np.arange(3 * SAMPLE_RATE) / SAMPLE_RATE


def sine(hertz, amplitude=1.0):
    return (amplitude * np.sin(2 * np.pi * hertz * TIME)).astype(np.float32)


@pytest.mark.parametrize(
    ("hertz", "lufs"),
    # 997 Hz: the standard. Others: its filters at 48 kHz, as tabled, in scipy.signal.sosfreqz.
    [(997, -3.01), (60, -6.6), (10_000, 0.34)],
)
def test_a_sine_has_the_loudness_of_the_standard(hertz, lufs):
    assert measure_loudness(sine(hertz)[None])[0] == pytest.approx(lufs, abs=0.05)


def test_silence_after_a_sound_does_not_make_it_softer():
    clip = sine(997, 0.1)
    clip[SAMPLE_RATE // 2 :] = 0
    assert measure_loudness(clip[None])[0] == pytest.approx(-23.01, abs=1.8)


def test_a_clip_shorter_than_a_block_is_measured():
    assert measure_loudness(sine(997)[None, :4410])[0] == pytest.approx(-3.01 - 6.02, abs=0.1)


def test_matched_clips_are_equally_loud():
    voices, _ = random_voices(40)
    clips = render(voices, 60, 100, 1.5)
    clips = np.concatenate([clips, clips[:8] * np.float32(0.02)])
    loudness = measure_loudness(clips)
    matched = match_loudness(clips)
    audible = loudness > -60
    assert audible.sum() > 20
    limited = find_peaks(matched) > PEAK * 0.999
    assert measure_loudness(matched)[audible & ~limited] == pytest.approx(TARGET_LUFS, abs=0.1)
    assert find_peaks(matched).max() <= PEAK * 1.0001
    assert np.isfinite(matched).all()


def test_peaks_limit_the_gain():
    click = np.zeros((1, SAMPLE_RATE), np.float32)
    click[0, 100] = 5
    assert find_peaks(match_loudness(click))[0] == pytest.approx(PEAK)
    assert measure_loudness(match_loudness(click))[0] < TARGET_LUFS


def test_silence_and_what_is_inaudible_are_not_amplified():
    clips = np.stack([np.zeros_like(TIME, np.float32), sine(440, 2e-4), sine(440, 2e-3)])
    matched = match_loudness(clips)
    assert (matched[:2] == clips[:2]).all()
    assert measure_loudness(matched)[2] == pytest.approx(TARGET_LUFS, abs=0.1)


def test_a_common_gain_brings_the_highest_peak_to_the_bound():
    assert common_gain(8.0) * 8.0 == pytest.approx(PEAK)
    assert common_gain(0.0) == common_gain(1e-4) == 1
