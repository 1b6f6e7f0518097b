"""Performances of DX7II and TX802 as performances of MiniDexed: an `.ini` file of eight parts, voices included.

Source: MiniDexed's documentation of `performance.ini`; a file made by another converter, for the keys and their order.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from deepdx_core.arrays import UInt8Array
from deepdx_core.codec.names import names_to_text, text_to_names
from deepdx_core.codec.packing import INIT_VOICE
from deepdx_core.conversions.instruments import voice_data
from deepdx_core.synths.dx7ii.parameters import ACED, PERFORMANCE, TX802_PERFORMANCE
from deepdx_core.synths.dx7ii.writer import plain_supplements

PARTS = 8
_OMNI = 17
_CONTROLLERS = (
    ("ModulationWheel", "wheel"),
    ("FootControl", "foot"),
    ("BreathControl", "breath"),
    ("Aftertouch", "aftertouch"),
)
_TARGETS = (("pitch", 1), ("amp", 2), ("eg_bias", 4))
_SPLIT, _DUAL = 2, 1
_TX802_ALL = 16  # receive channel
_EFFECTS = {
    "CompressorEnable": 1,
    "ReverbEnable": 1,
    "ReverbSize": 70,
    "ReverbHighDamp": 50,
    "ReverbLowDamp": 50,
    "ReverbLowPass": 30,
    "ReverbDiffusion": 65,
    "ReverbLevel": 0,
}


@dataclass(frozen=True)
class VoiceMemory:
    """The voices that performances name by number: banks in order, with their supplements.

    parameters: `uint8[n, 145]`. names: `uint8[n, 10]`. supplements: values of ACED, `uint8[n, fields]`.
    """

    parameters: UInt8Array
    names: UInt8Array
    supplements: UInt8Array


@dataclass(frozen=True)
class Performance:
    """A performance as MiniDexed has it: its file, and what was not carried over."""

    name: str
    text: str
    losses: list[str]


def convert_dx7ii_performances(values: UInt8Array, names: UInt8Array, memory: VoiceMemory) -> list[Performance]:
    """Convert performances of DX7II and DX7s, values of PERFORMANCE `uint8[n, fields]`."""
    return [
        _convert_dx7ii(dict(zip(PERFORMANCE.index, row.tolist(), strict=True)), name, memory)
        for row, name in zip(values, names_to_text(names).tolist(), strict=True)
    ]


def convert_tx802_performances(values: UInt8Array, names: UInt8Array, memory: VoiceMemory) -> list[Performance]:
    """Convert performances of the TX802, values of TX802_PERFORMANCE `uint8[n, fields]`."""
    return [
        _convert_tx802(dict(zip(TX802_PERFORMANCE.index, row.tolist(), strict=True)), name, memory)
        for row, name in zip(values, names_to_text(names).tolist(), strict=True)
    ]


def _convert_dx7ii(performance: Mapping[str, int], name: str, memory: VoiceMemory) -> Performance:
    mode = performance["mode"]
    balance = performance["balance"]
    losses: list[str] = []
    parts = []
    for letter, sign, loudness in (("a", -1, 100 - balance), ("b", 1, balance)):
        if letter == "b" and mode not in (_DUAL, _SPLIT):
            continue
        part = {
            "MIDIChannel": 1,
            "Volume": round(performance["volume"] * 127 / 99 * min(1, loudness / 50)) if mode else 127,
            "Pan": 64,
            "Detune": sign * performance["detune"] if mode == _DUAL else 0,
            "NoteLimitLow": performance["split"] if (mode, letter) == (_SPLIT, "b") else 0,
            "NoteLimitHigh": max(performance["split"] - 1, 0) if (mode, letter) == (_SPLIT, "a") else 127,
            "NoteShift": performance[f"note_shift_{letter}"] - 24,
        }
        if not mode:
            part["Volume"] = round(performance["volume"] * 127 / 99)
        parts.append(_part(part, performance[f"voice_{letter}"], memory, losses))
    for lost, present in (
        ("microtuning", performance["tuning_switch"] > 0),
        ("pan", performance["pan_mode"] > 0 and mode > 0),
        ("EG forced damp", performance["eg_damp"] > 0),
        ("foot switch and sliders", performance["foot_switch"] + performance["slider_1"] + performance["slider_2"] > 0),
    ):
        losses += [lost] if present else []
    return Performance(name, _format(name, "DX7II", parts), list(dict.fromkeys(losses)))


def _convert_tx802(performance: Mapping[str, int], name: str, memory: VoiceMemory) -> Performance:
    losses: list[str] = []
    parts: list[dict[str, int | str] | None] = []
    for n in range(1, PARTS + 1):
        field = {
            key: performance[f"part{n}_{key}"] for key in ("channel_offset", "channel", "voice", "volume", "output")
        }
        if field["channel_offset"] != n - 1:  # linked to another part, whose voice plays with more notes
            parts.append(None)
            continue
        channel = field["channel"]
        part = {
            "MIDIChannel": _OMNI if channel >= _TX802_ALL else channel + 1,
            "Volume": round(field["volume"] * 127 / 99),
            "Pan": (64, 0, 127, 64)[field["output"]],
            "Detune": performance[f"part{n}_detune"] - 7,
            "NoteLimitLow": performance[f"part{n}_note_low"],
            "NoteLimitHigh": performance[f"part{n}_note_high"],
            "NoteShift": performance[f"part{n}_note_shift"] - 24,
        }
        parts.append(_part(part, field["voice"], memory, losses) if field["output"] else None)
        for key, lost in (
            ("tuning", "microtuning"),
            ("eg_damp", "EG forced damp"),
            ("assign_group", "key assign groups"),
        ):
            losses += [lost] if performance[f"part{n}_{key}"] else []
    return Performance(name, _format(name, "TX802", parts), list(dict.fromkeys(losses)))


def _part(part: dict[str, int], voice: int, memory: VoiceMemory, losses: list[str]) -> dict[str, int | str]:
    """Return a part with its voice and the settings of the voice's supplement."""
    found = voice < len(memory.parameters)
    parameters = memory.parameters[voice] if found else INIT_VOICE
    name = memory.names[voice] if found else text_to_names(["INIT VOICE"])[0]
    values = memory.supplements[voice] if found else plain_supplements(INIT_VOICE[None])[0]
    supplement = dict(zip(ACED.index, values.tolist(), strict=True))
    losses += [] if found else [f"voice {voice + 1}, which is not among those given"]
    whole: dict[str, int | str] = {"BankNumber": 0, "VoiceNumber": 1, **part}
    whole |= {
        "PitchBendRange": supplement["bend_range"],
        "PitchBendStep": supplement["bend_step"],
        "PortamentoMode": supplement["portamento_mode"],
        "PortamentoGlissando": int(supplement["portamento_step"] > 0),
        "PortamentoTime": supplement["portamento_time"],
        "VoiceData": voice_data(parameters[None], name[None])[0].tobytes().hex(" ").upper(),
        "MonoMode": supplement["mono"] & 1,
    }
    for key, controller in _CONTROLLERS:
        depths = [supplement[f"{controller}_{target}"] for target, _ in _TARGETS]
        used = [depth for depth in depths if depth]
        whole[f"{key}Range"] = max(depths)
        whole[f"{key}Target"] = sum(bit for (_, bit), depth in zip(_TARGETS, depths, strict=True) if depth)
        losses += ["different depths of a controller"] if len(set(used)) > 1 else []
    for lost, present in (
        ("unison", supplement["mono"] > 1),
        ("random pitch", supplement["random_pitch"] > 0),
        ("fractional level scaling", any(supplement[f"op{k}_fractional"] for k in range(1, 7))),
        (
            "amplitude modulation sensitivity over 3",
            any(supplement[f"op{k}_amp_mod_sensitivity"] > 3 for k in range(1, 7)),
        ),
        (
            "pitch envelope range, velocity and scaling",
            supplement["pitch_eg_range"] + supplement["pitch_eg_velocity"] > 0,
        ),
        ("LFO of each key", supplement["lfo_key_trigger"] > 0),
        ("foot volume, pitch bias, second foot and MIDI controller", _has_other_controllers(supplement)),
    ):
        losses += [lost] if present else []
    return whole


def _has_other_controllers(supplement: Mapping[str, int]) -> bool:
    biased = supplement["breath_pitch_bias"] != 50 or supplement["aftertouch_pitch_bias"] != 50
    return (
        biased
        or supplement["foot_volume"] > 0
        or any(supplement[k] for k in supplement if k.startswith(("foot_2", "midi")))
    )


def _format(name: str, origin: str, parts: Sequence[dict[str, int | str] | None]) -> str:
    lines = ["# General", f"Name={name}", "Category=Converted", f"Origin={origin}", "Version=1", ""]
    for number in range(1, PARTS + 1):
        part = parts[number - 1] if number <= len(parts) else None
        lines.append(f"# TG{number}")
        lines += [f"{key}{number}={value}" for key, value in (part or _SILENT).items()]
        lines.append("")
    lines += ["# Effects", *(f"{key}={value}" for key, value in _EFFECTS.items())]
    return "\n".join(lines) + "\n"


_SILENT: dict[str, int | str] = {"BankNumber": 0, "VoiceNumber": 1, "MIDIChannel": 0, "Volume": 0}
"""A part that no voice plays: MIDI channel 0 is off."""


def empty_memory() -> VoiceMemory:
    """Return a memory without voices."""
    return VoiceMemory(
        np.zeros((0, len(INIT_VOICE)), np.uint8), np.zeros((0, 10), np.uint8), plain_supplements(INIT_VOICE[None])[:0]
    )
