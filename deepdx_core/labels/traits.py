"""Traits: properties of a voice that matter to a player, whichever operators they come from."""

import numpy as np
import polars as pl

from deepdx_core.arrays import Float32Array, Float64Array, UInt8Array
from deepdx_core.voice.columns import CARRIERS, operator_columns
from deepdx_core.voice.parameters import INDEX, PARAMETERS

_LOUDEST = 3  # operators of each role with traits of their own
_STEPS_PER_DOUBLING = 8.0  # output levels
_TRANSPOSE = PARAMETERS[INDEX["transpose"]].default
_DETUNE = PARAMETERS[INDEX["op1_detune"]].default
_NO_PITCH_CHANGE = PARAMETERS[INDEX["pitch_eg_level_1"]].default


def compute_traits(parameters: UInt8Array) -> dict[str, Float32Array]:
    """Return the traits of voices in range, `uint8[n, 145]`, by name, each `float32[n]`.

    Traits of "carriers" and "modulators" are means over the operators of that role, weighted by loudness. Traits of
    "carrier 1" are of the loudest carrier, and so on; NaN if the algorithm has fewer. Rates are 0 (slowest) to 99 and
    levels 0 to 99, as on the panel; ratios and frequencies are in octaves above the key and above 1 Hz.
    """
    # Each `float64[n, 6]`, by operator.
    of = {name: parameters[:, operator_columns(name)].astype(np.float64) for name in _OPERATOR_NAMES}
    carrier = CARRIERS[parameters[:, INDEX["algorithm"]]]
    fixed = of["mode"] == 1
    ratio = np.log2(np.where(of["coarse"] == 0, 0.5, of["coarse"]) * (1 + of["fine"] / 100))
    hertz = (of["coarse"] % 4 + of["fine"] / 100) * np.log2(10)
    peak = np.maximum.reduce([of[f"eg_level_{n}"] for n in (1, 2, 3)])
    loudness = np.where(of["output_level"] > 0, 2 ** ((of["output_level"] + peak - 2 * 99) / _STEPS_PER_DOUBLING), 0)
    of |= {
        "fixed": fixed.astype(np.float64),
        "ratio": np.where(fixed, np.nan, ratio),
        "inharmonic": np.where(fixed, np.nan, np.abs(2 * 2**ratio - np.rint(2 * 2**ratio))),
        "hertz": np.where(fixed, hertz, np.nan),
        "detuned": np.abs(of["detune"] - _DETUNE),
        # The duration of an envelope stage grows with its height and falls with its rate.
        "attack": np.abs(of["eg_level_1"] - of["eg_level_4"]) * 2 ** (-of["eg_rate_1"] / 8),
        "first_decay": (of["eg_level_1"] - of["eg_level_2"]) * 2 ** (-of["eg_rate_2"] / 8),
        "second_decay": (of["eg_level_2"] - of["eg_level_3"]) * 2 ** (-of["eg_rate_3"] / 8),
        "start": of["output_level"] + of["eg_level_1"],
        "sustain": of["output_level"] + of["eg_level_3"],
        "sustain_below_peak": peak - of["eg_level_3"],
    }
    found: dict[str, Float64Array] = {}
    for role, members in (("carrier", carrier), ("modulator", ~carrier)):
        weights = np.where(members, loudness, 0.0)
        for name in _MEANS:
            known = ~np.isnan(of[name])
            total = (weights * known).sum(axis=1)
            mean = (weights * np.where(known, of[name], 0)).sum(axis=1) / np.where(total > 0, total, 1)
            found[f"{role}s_{name}"] = np.where(total > 0, mean, np.nan)
        found[f"{role}s_loudness"] = np.log2(weights.sum(axis=1) + 1e-6)
        found[f"{role}s_audible"] = (weights > weights.max(axis=1, keepdims=True) / 16).sum(axis=1).astype(np.float64)
        audible = np.where(weights > weights.max(axis=1, keepdims=True) / 16, of["ratio"], np.nan)
        missing = np.isnan(audible).all(axis=1)
        found[f"{role}s_lowest_ratio"] = np.where(missing, np.nan, np.nan_to_num(audible, nan=99).min(axis=1))
        found[f"{role}s_highest_ratio"] = np.where(missing, np.nan, np.nan_to_num(audible, nan=-99).max(axis=1))
        order = np.argsort(-weights, axis=1, kind="stable")[:, :_LOUDEST]
        there = np.take_along_axis(weights, order, axis=1) > 0
        for name in _SINGLE:
            values = np.where(there, np.take_along_axis(of[name], order, axis=1), np.nan)
            found |= {f"{role}_{place + 1}_{name}": values[:, place] for place in range(_LOUDEST)}
    common = {name: parameters[:, INDEX[name]].astype(np.float64) for name in _COMMON}
    pitch = np.stack([common[f"pitch_eg_level_{n}"] for n in (1, 2, 3, 4)]) - _NO_PITCH_CHANGE
    found |= {
        "pitch_eg_range": pitch.max(axis=0) - pitch.min(axis=0),
        "pitch_start": pitch[3],
        "vibrato": common["lfo_pitch_depth"] * common["pitch_mod_sensitivity"],
        "tremolo": common["lfo_amp_depth"] * of["amp_mod_sensitivity"].max(axis=1),
        "feedback": common["feedback"],
        "lowest_octave": (common["transpose"] - _TRANSPOSE) / 12 + found["carriers_lowest_ratio"],
    }
    return {name: values.astype(np.float32) for name, values in found.items()}


def stack_traits(found: dict[str, Float32Array]) -> Float32Array:
    """Return the traits of voices as columns, `float32[n, traits]`."""
    return np.column_stack(list(found.values()))


def describe_traits(found: dict[str, Float32Array]) -> pl.Series:
    """Return the traits of each voice that a player would name, such as "slow attack, dies away"; empty if none."""
    of = {name: pl.Series(values, nan_to_null=True) for name, values in found.items()}
    flags = {
        "slow attack": of["carriers_eg_rate_1"] < 55,
        "sustains": of["carriers_sustain_below_peak"] < 10,
        "dies away": of["carriers_eg_level_3"] < 10,
        "fixed frequencies": of["carriers_fixed"] + of["modulators_fixed"].fill_null(0) > 0.3,
        "inharmonic": of["carriers_inharmonic"].fill_null(0) + of["modulators_inharmonic"].fill_null(0) > 0.3,
        "full feedback": of["feedback"] == 7,
        "low": of["lowest_octave"] <= -1,
        "pitch glides": of["pitch_eg_range"] >= 12,
        "vibrato": of["vibrato"] >= 60,
        "answers to velocity": of["carriers_velocity_sensitivity"] >= 3,
    }
    words = [pl.when(flag.alias(word)).then(pl.lit(word)) for word, flag in flags.items()]
    return pl.select(pl.concat_list(words).list.drop_nulls().list.join(", ")).to_series()


_OPERATOR_NAMES = tuple(p.name.removeprefix("op1_") for p in PARAMETERS if p.name.startswith("op1_"))
_COMMON = tuple(p.name for p in PARAMETERS if not p.name.startswith("op"))
_ENVELOPE = tuple(f"eg_{kind}_{n}" for kind in ("rate", "level") for n in (1, 2, 3, 4))
_SINGLE = (*_ENVELOPE, "output_level", "velocity_sensitivity", "ratio", "hertz", "rate_scaling")
_MEANS = (
    *_ENVELOPE,
    *("attack", "first_decay", "second_decay", "start", "sustain", "sustain_below_peak"),
    *("fixed", "ratio", "inharmonic", "hertz", "detuned"),
    *("velocity_sensitivity", "rate_scaling", "left_depth", "right_depth", "amp_mod_sensitivity", "output_level"),
)
