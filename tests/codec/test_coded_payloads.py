"""Voices in codes of their own: nibbles, libraries with the names apart, JSON with parameters by name."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deepdx_core.codec.packing import unpack_vced, unpack_vmem
from deepdx_core.codec.segments import Format, Kind
from deepdx_core.voice.parameters import INDEX
from tests.support.paths import DEMO
from tests.support.readings import read_checked, to_records

BANK = (DEMO / "Keys" / "EPIANOS1.syx").read_bytes()
OTHER = (DEMO / "Basses" / "EBASS1.syx").read_bytes()
SINGLE = (DEMO / "Singles" / "voice_1.syx").read_bytes()
VOICES = to_records(BANK[6:-2], 128)


def voices_in(data):
    return [segment for segment in read_checked(data).segments if segment.kind is Kind.VOICES]


def to_nibbles(data, low_first):
    pairs = [(byte & 15, byte >> 4) if low_first else (byte >> 4, byte & 15) for byte in data]
    return bytes(nibble for pair in pairs for nibble in pair)


@pytest.mark.parametrize("low_first", [True, False])
@pytest.mark.parametrize("before", [b"\xf0\x12\0\0\0\0\0", b"\xf0\x12\0\0", b"", b"E! BANK\0"])
@pytest.mark.parametrize("after", [b"\x0a\xf7", b"\xf7", b""])
def test_a_bank_in_nibbles_is_read(low_first, before, after):
    (segment,) = voices_in(before + to_nibbles(BANK[6:-2], low_first) + after)
    assert (segment.payload, segment.note) == (BANK[6:-2], "in nibbles")
    assert abs(segment.offset - len(before)) <= 1
    assert segment.length == 8192


def test_a_whole_dump_in_nibbles_is_read_between_others():
    nibbles = to_nibbles(BANK, True)
    found = voices_in(OTHER + nibbles + SINGLE)
    assert [segment.payload for segment in found] == [OTHER[6:-2], BANK[6:-2], SINGLE[6:-2]]
    assert [segment.format for segment in found] == [Format.VMEM, Format.VMEM, Format.VCED]


@settings(deadline=None, max_examples=60)
@given(st.binary(min_size=300, max_size=2000).map(lambda data: bytes(byte & 15 for byte in data)))
def test_small_numbers_are_no_voices(data):
    assert not voices_in(data)


def make_polyframe(voices):
    library = b"PolyFrame Lib".ljust(33, b"\0")
    for voice in voices:
        library += b"\x60\0\0\x0a" + voice[118:].tobytes() + b"DX7\0" + voice[:118].tobytes()
    return library


@pytest.mark.parametrize("count", [1, 5, 32])
def test_voices_of_a_polyframe_library_are_read_with_their_names(count):
    library = make_polyframe(VOICES[:count])
    (segment,) = voices_in(library + b"end")
    assert segment.payload == VOICES[:count].tobytes()
    assert segment.what.startswith("PolyFrame library of")
    assert not voices_in(b"PolyFrame Lib" + bytes(4000))


def name_of(value, zero):
    tone = ["C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B"]
    return f"{tone[(value + zero) % 12]}{(value + zero) // 12 - 1}"


CURVES = ["-LIN", "-EXP", "+EXP", "+LIN"]
WAVES = ["triangle", "saw down", "saw up", "square", "sine", "sample & hold"]


def ratio(coarse, fine):
    return (coarse or 0.5) * (100 + fine) / 100


def as_dx7_patches(v, name):
    """A voice as github.com/itsjoesullivan/dx7-patches writes it."""

    def get(parameter):
        return int(v[INDEX[parameter]])

    def envelope(prefix):
        return {f"{kind}{n}": get(f"{prefix}eg_{kind}_{n}") for kind in ("rate", "level") for n in range(1, 5)}

    return {
        "name": name,
        "algorithm": get("algorithm") + 1,
        "feedback": get("feedback"),
        "lfo": {
            "wave": WAVES[get("lfo_wave")],
            "speed": get("lfo_speed"),
            "delay": get("lfo_delay"),
            "pitchModDepth": get("lfo_pitch_depth"),
            "amDepth": str(get("lfo_amp_depth")),
            "sync": "on" if get("lfo_sync") else "off",
            "pitchModSensitivity": get("pitch_mod_sensitivity"),
        },
        "oscillatorKeySync": "On" if get("oscillator_sync") else "Off",
        "pitchEG": envelope("pitch_"),
        "transpose": name_of(get("transpose"), 24),
        "operators": [
            {
                "amSensitivity": get(f"op{n}_amp_mod_sensitivity"),
                "oscillatorMode": "fixed" if get(f"op{n}_mode") else "ratio",
                "frequency": round(10 ** (get(f"op{n}_coarse") % 4 + get(f"op{n}_fine") / 100), 3)
                if get(f"op{n}_mode")
                else ratio(get(f"op{n}_coarse"), get(f"op{n}_fine")),
                "detune": get(f"op{n}_detune") - 7,
                "eg": envelope(f"op{n}_"),
                "keyboardLevelScaling": {
                    "breakpoint": name_of(get(f"op{n}_break_point"), 9),
                    "leftCurve": CURVES[get(f"op{n}_left_curve")],
                    "rightCurve": CURVES[get(f"op{n}_right_curve")],
                    "leftDepth": get(f"op{n}_left_depth"),
                    "rightDepth": get(f"op{n}_right_depth"),
                },
                "keyboardRateScaling": get(f"op{n}_rate_scaling"),
                "outputLevel": get(f"op{n}_output_level"),
                "keyVelocitySensitivity": get(f"op{n}_velocity_sensitivity"),
            }
            for n in range(1, 7)
        ],
    }


def as_dx7_synth_js(v, name):
    """A voice as github.com/mmontag/dx7-synth-js writes it."""

    def get(parameter):
        return int(v[INDEX[parameter]])

    def four(parameter):
        return [get(f"{parameter}_{n}") for n in range(1, 5)]

    return {
        "name": name,
        "algorithm": get("algorithm") + 1,
        "feedback": get("feedback"),
        "lfoSpeed": get("lfo_speed"),
        "lfoDelay": get("lfo_delay"),
        "lfoPitchModDepth": get("lfo_pitch_depth"),
        "lfoAmpModDepth": get("lfo_amp_depth"),
        "lfoPitchModSens": get("pitch_mod_sensitivity"),
        "lfoWaveform": get("lfo_wave"),
        "lfoSync": get("lfo_sync"),
        "pitchEnvelope": {"rates": four("pitch_eg_rate"), "levels": four("pitch_eg_level")},
        "operators": [
            {
                "idx": n - 1,
                "enabled": True,
                "rates": four(f"op{n}_eg_rate"),
                "levels": four(f"op{n}_eg_level"),
                "keyScaleBreakpoint": get(f"op{n}_break_point"),
                "keyScaleDepthL": get(f"op{n}_left_depth"),
                "keyScaleDepthR": get(f"op{n}_right_depth"),
                "keyScaleCurveL": get(f"op{n}_left_curve"),
                "keyScaleCurveR": get(f"op{n}_right_curve"),
                "keyScaleRate": get(f"op{n}_rate_scaling"),
                "detune": get(f"op{n}_detune") - 7,
                "lfoAmpModSens": get(f"op{n}_amp_mod_sensitivity"),
                "velocitySens": get(f"op{n}_velocity_sensitivity"),
                "volume": get(f"op{n}_output_level"),
                "oscMode": get(f"op{n}_mode"),
                "freqCoarse": get(f"op{n}_coarse"),
                "freqFine": get(f"op{n}_fine"),
                "ampL": 0.7071,
            }
            for n in range(1, 7)
        ],
    }


PARAMETERS, NAMES = unpack_vmem(VOICES)
NAMED = [bytes(name).decode("ascii") for name in NAMES]
UNKNOWN_TO = {as_dx7_patches: [], as_dx7_synth_js: [INDEX["oscillator_sync"], INDEX["transpose"]]}


@pytest.mark.parametrize("write", [as_dx7_patches, as_dx7_synth_js])
@pytest.mark.parametrize("wrap", [json.dumps, lambda voices: json.dumps({"bank": voices}, indent=2)])
def test_voices_in_json_of_converters_are_read(write, wrap):
    text = wrap([write(v, name) for v, name in zip(PARAMETERS, NAMED, strict=True)])
    (segment,) = voices_in(text.encode())
    parameters, names = unpack_vced(to_records(segment.payload, 155))
    assert np.array_equal(names, NAMES)
    parameters = parameters.copy()
    parameters[:, UNKNOWN_TO[write]] = PARAMETERS[:, UNKNOWN_TO[write]]
    frequencies = np.array([INDEX[f"op{n}_{p}"] for n in range(1, 7) for p in ("coarse", "fine")])
    others = np.setdiff1d(np.arange(145), frequencies)
    assert np.array_equal(parameters[:, others], PARAMETERS[:, others])
    if write is as_dx7_synth_js:
        assert np.array_equal(parameters[:, frequencies], PARAMETERS[:, frequencies])


def test_the_frequencies_of_voices_in_json_are_right():
    voices = PARAMETERS.copy()
    random = np.random.default_rng(0)
    for n in range(1, 7):
        voices[:, INDEX[f"op{n}_coarse"]] = random.integers(0, 32, 32)
        voices[:, INDEX[f"op{n}_fine"]] = random.integers(0, 100, 32)
        voices[:, INDEX[f"op{n}_mode"]] = random.integers(0, 2, 32)
    text = json.dumps([as_dx7_patches(v, "X") for v in voices])
    read = unpack_vced(to_records(voices_in(text.encode())[0].payload, 155))[0]
    for n in range(1, 7):
        coarse, fine, mode = (INDEX[f"op{n}_{p}"] for p in ("coarse", "fine", "mode"))
        for one, other in zip(voices.astype(int), read.astype(int), strict=True):
            if one[mode]:
                assert 100 * (one[coarse] % 4) + one[fine] == 100 * other[coarse] + other[fine]
            else:
                assert ratio(one[coarse], one[fine]) == pytest.approx(ratio(other[coarse], other[fine]), rel=1e-6)


def test_json_lines_and_broken_json_are_read_as_far_as_they_go():
    lines = "\n".join(json.dumps(as_dx7_patches(v, n)) for v, n in zip(PARAMETERS[:4], NAMED, strict=False))
    assert [segment.voices for segment in voices_in(lines.encode())] == [1, 1, 1, 1]
    assert [segment.voices for segment in voices_in(lines.encode()[:-900])] == [1, 1, 1]
    deep = b'{"operators": "keyScaleBreakpoint", "x": ' + b"[" * 200_000
    assert not voices_in(deep)
    incomplete = as_dx7_patches(PARAMETERS[0], "X")
    del incomplete["operators"][3]["eg"]["rate2"]
    assert not voices_in(json.dumps(incomplete).encode())
