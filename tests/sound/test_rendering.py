"""The engine: the same samples as Dexed's, whatever the grouping; notes, chords, controllers; refused arguments."""

import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deepdx_core.codec.packing import MAXIMA
from deepdx_core.sound.engine.compilation import is_compiled
from deepdx_core.sound.engine.operators import sine
from deepdx_core.sound.rendering import GROUP, SAMPLE_RATE, Controllers, render
from deepdx_core.voice.parameters import INDEX
from tests.support.oracle import Oracle
from tests.support.paths import ROOT
from tests.support.voices import init_voice, legal_voices, random_voices
from tools.demo_corpus.voices import compose_voices

VIBRATO = {"lfo_speed": 12, "lfo_pitch_depth": 0, "pitch_mod_sensitivity": 7, "lfo_wave": 4}
TREMOLO = {"lfo_speed": 80, "lfo_amp_depth": 0, "op1_amp_mod_sensitivity": 3}


def one(seconds=0.5, note=60, velocity=100, held=None, controllers=None, **changes):
    """Samples of INIT VOICE with some parameters changed."""
    controllers = controllers or Controllers()
    return render(init_voice(**changes)[None], note, velocity, seconds, held, controllers=controllers)[0]


def pitch(samples):
    """The strongest frequency, in Hz."""
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples)), 1 << 18))
    return spectrum.argmax() * SAMPLE_RATE / (1 << 18)


@pytest.mark.parametrize("voices", ["composed", "random"])
def test_samples_are_those_of_dexed(voices):
    oracle = Oracle()
    random = np.random.default_rng(5)
    parameters = compose_voices(7).parameters[:150] if voices == "composed" else random_voices(150, seed=5)[0]
    notes, velocities = random.integers(0, 128, 150), random.integers(1, 128, 150)
    notes[:100], velocities[:100] = 60, 100
    rendered = render(parameters, notes, velocities, 0.8, 0.5)
    for voice, note, velocity, samples in zip(parameters, notes.tolist(), velocities.tolist(), rendered, strict=True):
        assert np.array_equal(oracle.render(voice, note, velocity, 0.5, 0.8), samples)


@given(legal_voices(most=20), st.data())
@settings(max_examples=20, deadline=None)
def test_any_legal_voice_is_rendered_whatever_its_neighbors(drawn, data):
    parameters, _ = drawn
    notes = np.array(data.draw(st.lists(st.integers(0, 127), min_size=len(parameters), max_size=len(parameters))))
    velocities = np.array(data.draw(st.lists(st.integers(1, 127), min_size=len(parameters), max_size=len(parameters))))
    rendered = render(parameters, notes, velocities, 0.06, 0.03)
    assert rendered.dtype == np.float32 and rendered.shape == (len(parameters), round(0.06 * SAMPLE_RATE))
    assert np.isfinite(rendered).all() and np.abs(rendered).max() <= 6 * 2
    row = data.draw(st.integers(0, len(parameters) - 1))
    alone = render(parameters[row : row + 1], int(notes[row]), int(velocities[row]), 0.06, 0.03)
    assert np.array_equal(alone[0], rendered[row])


def test_threads_order_and_batches_change_nothing():
    parameters, _ = random_voices(3 * GROUP + 5, seed=2)
    whole = render(parameters, seconds=0.1, threads=1)
    assert np.array_equal(render(parameters, seconds=0.1, threads=3), whole)
    assert np.array_equal(render(parameters[::-1], seconds=0.1)[::-1], whole)
    assert np.array_equal(render(parameters[:7], seconds=0.1), whole[:7])
    assert np.array_equal(render(parameters, seconds=0.05, held=0.1 * 2 / 3), whole[:, : round(0.05 * SAMPLE_RATE)])


def test_no_voices_give_no_clips():
    assert render(random_voices(2)[0][:0], seconds=0.1).shape == (0, 4410)


def test_a_chord_is_the_sum_of_its_notes():
    parameters, _ = random_voices(20, seed=3)
    notes = [render(parameters, note, 90, 0.2) for note in (48, 60, 67)]
    assert np.array_equal(render(parameters, (48, 60, 67), 90, 0.2), notes[0] + notes[1] + notes[2])
    assert np.array_equal(render(parameters, (60,), 90, 0.2), notes[1])


def test_a_sine_has_its_pitch_and_the_level_of_its_carrier():
    for note, hertz in ((36, 65.41), (60, 261.63), (84, 1046.5)):
        samples = one(1.0, note)
        assert pitch(samples) == pytest.approx(hertz, rel=1e-3)
        assert np.abs(samples).max() == pytest.approx(1, abs=0.02)
    assert pitch(one(1.0, 60, transpose=36)) == pytest.approx(523.25, rel=1e-3)


def test_silence_is_silence():
    assert not one(1.0, op1_output_level=0).any()
    assert not one(1.0, velocity=1, op1_output_level=0, op1_velocity_sensitivity=7).any()


def test_a_note_is_held_until_key_up():
    held, released = one(1.0, held=1.0), one(1.0, held=0.5, op1_eg_rate_4=60)
    key_up = 0.5 * SAMPLE_RATE
    first = np.flatnonzero(held != released)[0]
    assert key_up <= first < key_up + 2 * 64
    assert np.array_equal(one(1.0, held=700.0), held)
    assert np.abs(one(1.0, held=0.0)[1000:]).max() < 0.01


def test_the_wheel_adds_vibrato_only_where_the_voice_is_sensitive():
    full = Controllers(wheel=1.0)
    insensitive = VIBRATO | {"pitch_mod_sensitivity": 0}
    assert np.array_equal(one(1.0, controllers=full, **insensitive), one(1.0, **insensitive))
    still, moved = one(1.0, **VIBRATO), one(1.0, controllers=full, **VIBRATO)
    deepest = one(1.0, **VIBRATO | {"lfo_pitch_depth": 99})
    spread = [np.ptp([pitch(part) for part in samples[:26460].reshape(15, -1)]) for samples in (still, moved)]
    assert spread[0] < 1 < 100 < spread[1]
    # The wheel up is the full depth, to which there is nothing to add.
    assert np.array_equal(moved, deepest)
    assert np.array_equal(one(1.0, controllers=full, **VIBRATO | {"lfo_pitch_depth": 99}), deepest)


def test_aftertouch_adds_tremolo_only_where_the_voice_is_sensitive():
    full = Controllers(aftertouch=1.0)
    assert np.array_equal(one(1.0, controllers=full, lfo_speed=80), one(1.0, lfo_speed=80))
    still, moved = one(1.0, **TREMOLO), one(1.0, controllers=full, **TREMOLO)
    levels = [np.abs(samples[8820:26460]).reshape(-1, 294).max(axis=1) for samples in (still, moved)]
    assert np.ptp(levels[0]) < 0.05
    assert levels[1].min() < 0.1 < 0.8 < levels[1].max()


def test_breath_opens_sensitive_operators():
    peaks = []
    for breath in (0.0, 0.5, 1.0):
        samples = one(controllers=Controllers(breath=breath), op1_amp_mod_sensitivity=3)
        peaks.append(np.abs(samples[4410:]).max())
    assert peaks[0] < 0.001 < peaks[1] < peaks[2]
    unused = one(op1_amp_mod_sensitivity=3)
    assert np.array_equal(one(controllers=Controllers(breath=1.0), op1_amp_mod_sensitivity=3), unused)
    assert np.array_equal(one(controllers=Controllers(breath=0.0)), one())


def test_pitch_bend_is_in_semitones_and_leaves_fixed_frequencies():
    for semitones in (-12, -1, 2.5, 12):
        bent = one(1.0, controllers=Controllers(pitch_bend=semitones))
        assert pitch(bent) == pytest.approx(261.63 * 2 ** (semitones / 12), rel=1e-3)
    fixed = {"op1_mode": 1, "op1_coarse": 2, "op1_fine": 50}
    assert np.array_equal(one(controllers=Controllers(pitch_bend=5), **fixed), one(**fixed))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"note": 128}, "note is 128, its range is 0 to 127"),
        ({"note": -1}, "note is -1"),
        ({"note": (60, 200)}, "note is 200"),
        ({"note": ()}, "empty chord"),
        ({"note": 60.0}, "note must be an integer"),
        ({"note": [60, 61]}, r"note must be an integer or int\[3\]"),
        ({"velocity": 0}, "velocity is 0, its range is 1 to 127"),
        ({"velocity": [1, 2, 128]}, "velocity is 128"),
        ({"seconds": 0}, "seconds is 0"),
        ({"seconds": float("nan")}, "seconds is nan"),
        ({"seconds": 601}, "seconds is 601"),
        ({"held": -0.1}, "held is -0.1"),
        ({"held": float("inf")}, "held is inf"),
        ({"threads": 0}, "threads is 0"),
    ],
)
def test_arguments_out_of_range_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        render(random_voices(3)[0], **arguments)


@pytest.mark.parametrize(
    ("controller", "message"),
    [
        ({"wheel": 1.1}, "wheel is 1.1, its range is 0 to 1"),
        ({"wheel": None}, "wheel is None, its range is 0 to 1"),
        ({"pitch_bend": -13}, "pitch_bend is -13, its range is -12 to 12"),
        ({"breath": float("nan")}, "breath is nan"),
        ({"aftertouch": -1}, "aftertouch is -1"),
    ],
)
def test_positions_out_of_range_are_named(controller, message):
    with pytest.raises(ValueError, match=message):
        Controllers(**controller)


def test_illegal_parameters_are_named():
    voices = random_voices(3)[0]
    voices[1, INDEX["algorithm"]] = 32
    with pytest.raises(ValueError, match="voice 1: algorithm is 32, its range is 0 to 31"):
        render(voices)
    with pytest.raises(ValueError, match=r"expected uint8\[n, 145\]"):
        render(voices.astype(np.int64))
    with pytest.raises(ValueError, match=r"expected uint8\[n, 145\]"):
        render(voices[:, :144])


def test_the_loudest_sample_of_a_carrier_does_not_overflow():
    loud = np.array([[sine(np.int32(phase), np.int32(-896)) for phase in range(0, 1 << 24, 1 << 16)]])
    assert 4096 < loud.max() < 8192 and loud.min() == -loud.max() - 1
    voice = np.minimum(random_voices(1)[0], MAXIMA)
    voice[:, [INDEX[f"op{o}_velocity_sensitivity"] for o in range(1, 7)]] = 7
    assert np.isfinite(render(voice, 127, 127, 0.2)).all()


RENDER_IN_PROCESS = """
import hashlib, warnings
import numpy as np
from deepdx_core.codec.packing import INIT_VOICE
from deepdx_core.sound.rendering import render
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    samples = render(INIT_VOICE[None], seconds=0.1)
print(hashlib.sha256(samples.tobytes()).hexdigest(), *[w.message for w in caught], sep="\\n")
"""


def render_in_process(folder):
    """Render with the folder for compiled code in another process. Return a digest of the samples, and warnings."""
    environment = os.environ | {"NUMBA_CACHE_DIR": str(folder), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", RENDER_IN_PROCESS]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.splitlines()


@pytest.mark.slow
@pytest.mark.parametrize("obstacle", ["not writable", "writable for others", "of another user", "a file"])
def test_without_a_folder_for_compiled_code_the_engine_warns_and_works(obstacle, tmp_path):
    folder = tmp_path / "cache"
    expected = render_in_process(folder)
    assert len(expected) == 1
    (compiled,) = folder.iterdir()
    assert list(compiled.rglob("*.nbc"))
    if obstacle == "not writable":
        if os.getuid() == 0:
            folder = folder / "\0".replace("\0", "x" * 300)  # root may write anywhere, but not under such a name
        else:
            compiled.chmod(0o500)
    elif obstacle == "writable for others":
        compiled.chmod(0o777)
    elif obstacle == "of another user":
        if os.getuid() != 0:
            pytest.skip("only root can give files away")
        os.chown(compiled, 12345, 12345)
    else:
        folder = tmp_path / "file"
        folder.write_text("")
    samples, warning = render_in_process(folder)
    assert samples == expected[0]
    assert "compiles the DX7 engine again" in warning and str(folder) in warning


@pytest.mark.slow
@pytest.mark.parametrize("damaged", ["*.nbc", "*.nbi"])
def test_damaged_compiled_code_is_replaced(damaged, tmp_path):
    expected = render_in_process(tmp_path)
    (path,) = tmp_path.rglob(damaged)
    whole = path.stat().st_size
    os.truncate(path, whole // 2)
    assert render_in_process(tmp_path) == expected
    assert path.stat().st_size == whole


def test_a_folder_that_cannot_be_entered_holds_no_compiled_code(monkeypatch):
    monkeypatch.setenv("NUMBA_CACHE_DIR", "x" * 300)
    assert not is_compiled()
