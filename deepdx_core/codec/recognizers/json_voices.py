"""JSON of converters that write a voice as an object with its parameters by name. `SHAPES` lists those that are known.

Arrays of bytes, and dumps in base64 or hexadecimal digits, are read as any text; tables of `deepdx convert` are read by
it alone.
"""

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from deepdx_core.arrays import UInt8Array
from deepdx_core.codec.segments import Format, Kind, Reading, Segment
from deepdx_core.codec.splitting import junk
from deepdx_core.display import counted
from deepdx_core.voice.parameters import INDEX, NAME_LENGTH, PARAMETERS

_MAX_SIZE = 2**24  # bytes: 4,000 voices. Python objects take twenty times the memory of the text.
_WAVES = ("triangle", "saw down", "saw up", "square", "sine", "sample and hold")
_CURVES = ("-lin", "-exp", "+exp", "+lin")
_TONES = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_NOTE = re.compile(r"([A-G])(#?)(-?\d)")
_BREAK_POINT_0, _TRANSPOSE_0 = "A-1", "C1"  # notes of the value 0


@dataclass(frozen=True)
class Shape:
    """Names of parameters in the objects of a converter, with dots between an object and its members.

    voice, operator: name of each parameter that the converter writes. Operators are in the list `operators`, from 1 to
    6. Lists of rates and levels have the number in them after a dot, from 0. All others have their initial value.
    """

    voice: Mapping[str, str]
    operator: Mapping[str, str]


def _envelope(prefix: str, rate: str, level: str, first: int) -> dict[str, str]:
    return {
        f"{prefix}eg_{kind}_{number + 1}": name.format(number + first)
        for kind, name in (("rate", rate), ("level", level))
        for number in range(4)
    }


SHAPES = {
    # github.com/itsjoesullivan/dx7-patches
    "keyboardLevelScaling": Shape(
        {
            **_envelope("pitch_", "pitchEG.rate{}", "pitchEG.level{}", 1),
            "algorithm": "algorithm",
            "feedback": "feedback",
            "oscillator_sync": "oscillatorKeySync",
            "lfo_speed": "lfo.speed",
            "lfo_delay": "lfo.delay",
            "lfo_pitch_depth": "lfo.pitchModDepth",
            "lfo_amp_depth": "lfo.amDepth",
            "lfo_sync": "lfo.sync",
            "lfo_wave": "lfo.wave",
            "pitch_mod_sensitivity": "lfo.pitchModSensitivity",
            "transpose": "transpose",
        },
        {
            **_envelope("", "eg.rate{}", "eg.level{}", 1),
            "break_point": "keyboardLevelScaling.breakpoint",
            "left_depth": "keyboardLevelScaling.leftDepth",
            "right_depth": "keyboardLevelScaling.rightDepth",
            "left_curve": "keyboardLevelScaling.leftCurve",
            "right_curve": "keyboardLevelScaling.rightCurve",
            "rate_scaling": "keyboardRateScaling",
            "amp_mod_sensitivity": "amSensitivity",
            "velocity_sensitivity": "keyVelocitySensitivity",
            "output_level": "outputLevel",
            "mode": "oscillatorMode",
            "coarse": "frequency",
            "fine": "frequency",
            "detune": "detune",
        },
    ),
    # github.com/mmontag/dx7-synth-js and its descendants
    "keyScaleBreakpoint": Shape(
        {
            **_envelope("pitch_", "pitchEnvelope.rates.{}", "pitchEnvelope.levels.{}", 0),
            "algorithm": "algorithm",
            "feedback": "feedback",
            "lfo_speed": "lfoSpeed",
            "lfo_delay": "lfoDelay",
            "lfo_pitch_depth": "lfoPitchModDepth",
            "lfo_amp_depth": "lfoAmpModDepth",
            "lfo_sync": "lfoSync",
            "lfo_wave": "lfoWaveform",
            "pitch_mod_sensitivity": "lfoPitchModSens",
        },
        {
            **_envelope("", "rates.{}", "levels.{}", 0),
            "break_point": "keyScaleBreakpoint",
            "left_depth": "keyScaleDepthL",
            "right_depth": "keyScaleDepthR",
            "left_curve": "keyScaleCurveL",
            "right_curve": "keyScaleCurveR",
            "rate_scaling": "keyScaleRate",
            "amp_mod_sensitivity": "lfoAmpModSens",
            "velocity_sensitivity": "velocitySens",
            "output_level": "volume",
            "mode": "oscMode",
            "coarse": "freqCoarse",
            "fine": "freqFine",
            "detune": "detune",
        },
    ),
}
"""The known shapes, by a key that the operators of each have."""


def recognize(data: bytes) -> Reading | None:
    """Read the voices in a JSON text, or in several one after the other, each as one segment."""
    if b'"operators"' not in data or len(data) > _MAX_SIZE or not any(key.encode() in data for key in SHAPES):
        return None
    segments: list[Segment] = []
    done = 0
    for start, end, document in _documents(data.decode("latin-1")):
        records = [record for voice in _find_voices(document) if (record := _read_voice(voice)) is not None]
        if not records:
            continue
        if start > done:
            segments.append(junk(data, done, start))
        what = f"{counted(len(records), 'voice')} in JSON"
        payload = np.concatenate(records).tobytes()
        segments.append(Segment(start, end - start, Kind.VOICES, what, format=Format.HEADERLESS_VCED, payload=payload))
        done = end
    if not segments:
        return None
    return Reading((*segments, junk(data, done, len(data))) if done < len(data) else tuple(segments))


def _documents(text: str) -> Iterator[tuple[int, int, Any]]:
    """Yield the bounds and the content of each JSON value, up to the first fault."""
    decoder = json.JSONDecoder(parse_int=float)  # integers of any length take quadratic time
    end = 0
    while match := re.compile(r"[^\s,;]").search(text, end):
        try:
            document, end = decoder.raw_decode(text, match.start())
        except (ValueError, RecursionError):
            return
        yield match.start(), end, document


def _find_voices(document: Any) -> Iterator[dict[str, Any]]:
    """Yield the objects with six operators, in the order of the document."""
    waiting = [document]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            operators = value.get("operators")
            if isinstance(operators, list) and len(operators) == 6 and all(isinstance(o, dict) for o in operators):
                yield value
            else:
                waiting += reversed(value.values())
        elif isinstance(value, list):
            waiting += reversed(value)


def _read_voice(voice: dict[str, Any]) -> UInt8Array | None:
    """Return the record of a voice, `uint8[1, 155]`, None if it has no known shape or lacks a value."""
    shape = next((shape for key, shape in SHAPES.items() if key in voice["operators"][0]), None)
    if shape is None:
        return None
    values = np.array([p.default for p in PARAMETERS])
    for number, operator in enumerate(voice["operators"], 1):
        for name, path in shape.operator.items():
            value = _read_value(name, _look_up(operator, path), operator)
            if value is None:
                return None
            values[INDEX[f"op{number}_{name}"]] = value
    for name, path in shape.voice.items():
        if (value := _read_value(name, _look_up(voice, path), voice)) is None:
            return None
        values[INDEX[name]] = value
    name_ = str(voice.get("name", "")).encode("ascii", "replace")[:NAME_LENGTH].ljust(NAME_LENGTH)
    return np.concatenate([values.clip(0, 127).astype(np.uint8), np.frombuffer(name_, dtype=np.uint8)])[None]


def _look_up(value: Any, path: str) -> Any:
    for key in path.split("."):
        if isinstance(value, list) and key.isdigit() and int(key) < len(value):
            value = value[int(key)]
        else:
            value = value.get(key) if isinstance(value, dict) else None
    return value


def _read_value(name: str, value: Any, owner: dict[str, Any]) -> int | None:
    """Return the value of a parameter as in a dump; None if it has none."""
    if isinstance(value, str):
        value = _read_word(name, value.strip())
    if not isinstance(value, int | float) or not math.isfinite(value) or abs(value) > 1e6:
        return None
    if "frequency" in owner and name in ("coarse", "fine"):
        fixed = str(owner.get("oscillatorMode")).lower().startswith("fix")
        return _split_frequency(float(value), fixed)[name == "fine"]
    shift = {"detune": 7, "algorithm": -1}.get(name, 0)  # from -7, and from 1
    return round(value) + shift


def _read_word(name: str, word: str) -> float | None:
    lower = word.lower()
    if name in ("break_point", "transpose") and (note := _NOTE.fullmatch(word)):
        zero = _NOTE.fullmatch(_BREAK_POINT_0 if name == "break_point" else _TRANSPOSE_0)
        return _semitones(note) - _semitones(zero) if zero else None
    if name.endswith("wave"):
        words = [wave for wave in _WAVES if wave.startswith(lower.replace("&", "and").replace("/", " and ")[:5])]
        exact = [wave for wave in _WAVES if wave == lower.replace("-", " ")]
        return float(_WAVES.index((exact or words)[0])) if exact or words else None
    if name.endswith("curve"):
        return float(_CURVES.index(lower)) if lower in _CURVES else None
    if lower in ("on", "off", "fixed", "ratio"):
        return float(lower in ("on", "fixed"))
    try:
        return float(word)
    except ValueError:
        return None


def _semitones(note: re.Match[str]) -> int:
    return 12 * int(note[3]) + _TONES[note[1]] + len(note[2])


def _split_frequency(frequency: float, fixed: bool) -> tuple[int, int]:
    """Return the coarse and fine values of a ratio, or of a fixed frequency in hertz, with the largest coarse value.

    The collection has whole ratios only, 0 for the ratio 0.5.
    """
    if fixed:
        hundredths = round(100 * math.log10(max(frequency, 1.0)))
        return min(hundredths // 100, 3), hundredths - 100 * min(hundredths // 100, 3)
    if frequency < 1:
        return 0, max(round((frequency / 0.5 - 1) * 100), 0)
    for coarse in range(min(int(frequency), 31), int(frequency / 2), -1):
        fine = (frequency / coarse - 1) * 100
        if fine < 99.5 and abs(fine - round(fine)) * coarse < 0.6:
            return coarse, round(fine)
    return min(int(frequency), 31), 0
