"""Voices of the SY77 with one FM (AFM) element as DX7 voices, where their routing is one of a DX7's."""

import numpy as np

from deepdx_core.arrays import BoolArray, Int64Array, UInt8Array
from deepdx_core.codec.packing import INIT_VOICE, MAXIMA
from deepdx_core.conversions import sy77_laws as laws
from deepdx_core.conversions.level_scaling import fit_curves
from deepdx_core.conversions.losses import OUT_OF_RANGE, Converted, collect_losses
from deepdx_core.conversions.sy77_routing import Routings, match_algorithms
from deepdx_core.synths.sy77.layouts import ELEMENT_MODES, LAYOUTS, OPERATORS
from deepdx_core.voice.columns import operator_columns
from deepdx_core.voice.parameters import INDEX

_TOLERANCE = 4  # steps of 0.75 dB
MONO = 0
"""Element mode of one AFM element that plays one note at a time."""
_OCTAVE_SHIFTS = np.array([0, 2, 3, 4])
"""Powers of two by which a range of the pitch envelope is narrower than 8 octaves."""

# Starts of the names of fields that a DX7 lacks, by the words for them.
_UNHEARD = {
    "effects": ("effect_",),
    "pan": ("element1_pan",),
    "pitch bend range": ("bend_range",),
    "controllers": (
        "aftertouch_bend",
        *(f"{target}_" for target in ("pitch", "amp", "filter", "pan", "cutoff", "eg", "volume")),
    ),
    "portamento": ("portamento_",),
    "microtuning": ("micro_tuning", "element1_micro_tuned"),
    "random pitch": ("random_pitch",),
    "volume": ("volume", "element1_level"),
    "note and velocity limits": ("element1_note_low", "element1_note_high", "element1_velocity_"),
    "element detune": ("element1_detune",),
    "filters": ("element1_filter_",),
    "pitch envelope scaling": ("element1_pitch_eg_rate_scaling", "element1_pitch_eg_velocity"),
    "LFO to filter": ("element1_lfo_filter_depth",),
}


def convert_from_sy77(values: UInt8Array, names: UInt8Array, mode: int) -> Converted:
    """Convert SY77 voices of an element mode, values of its layout `uint8[n, fields]`.

    Voices with other elements than one AFM, other waves than sines, or another routing have no counterpart.
    """
    n = len(values)
    layout, elements = LAYOUTS[mode], ELEMENT_MODES[mode]
    if (elements.afm, elements.awm) != (1, 0):
        reason = f"elements: {elements.name}"
        nothing = np.tile(INIT_VOICE, (n, 1))
        return Converted(nothing, names, np.zeros(n, bool), collect_losses({reason: np.ones(n, bool)}))
    sy77 = values.astype(np.int64)

    def of(name: str) -> Int64Array:
        """Return a field of operators 6 to 1, `int64[n, 6]`."""
        return sy77[:, layout.columns("element1_op{}_" + name, OPERATORS)]

    def element(name: str) -> Int64Array:
        return sy77[:, layout.index["element1_" + name]]

    levels = np.stack([of("input_level_0"), of("input_level_1")], axis=2).astype(np.uint8)
    routings = (of(name).astype(np.uint8) for name in ("inputs", "accumulator", "bus"))
    inputs, accumulator, bus = routings
    matches = match_algorithms(Routings(inputs, levels, accumulator, bus))
    heard = of("output_level") > 0
    other_waves = ((of("wave") > 0) & heard).any(axis=1)
    possible = (matches.algorithm >= 0) & ~other_waves

    dx7 = np.tile(INIT_VOICE.astype(np.int64), (n, 1))
    order = np.argsort(matches.standing, axis=1)  # places of the DX7's operators 1 to 6

    def put(name: str, by_place: Int64Array) -> None:
        dx7[:, operator_columns(name)] = np.take_along_axis(by_place, order, axis=1)

    for k in (1, 2, 3):
        put(f"eg_rate_{k}", laws.nearest(laws.RATES, of(f"eg_rate_{k}")))
        put(f"eg_level_{k}", laws.nearest(laws.LEVELS, of(f"eg_level_{k}")))
    put("eg_rate_4", laws.nearest(laws.RATES, of("eg_release_rate_1")))
    put("eg_level_4", laws.nearest(laws.LEVELS, of("eg_release_level_2")))
    put("output_level", laws.nearest(laws.TOTAL_LEVELS, of("output_level")))
    rate_scaling, velocity = (laws.from_signed(of(name), 7) for name in ("rate_scaling", "velocity_sensitivity"))
    put("rate_scaling", rate_scaling.clip(0))
    put("velocity_sensitivity", velocity.clip(0))
    put("amp_mod_sensitivity", of("amp_mod_sensitivity").clip(max=3))
    fixed, coarse = of("fixed"), of("coarse")
    put("mode", fixed)
    put("coarse", np.where(fixed == 1, (coarse - laws.FIXED_COARSE) & 3, coarse))
    put("fine", of("fine"))
    detune = laws.from_signed(of("detune"), 15)
    put("detune", (detune + laws.DETUNE_CENTER).clip(0, 2 * laws.DETUNE_CENTER))
    points = np.stack([of(f"break_point_{k}") for k in range(1, 5)], axis=2).reshape(-1, 4)
    offsets = np.stack([of(f"offset_{k}") for k in range(1, 5)], axis=2).reshape(-1, 4) - 128
    scaling, errors = fit_curves(points, offsets)
    for k, name in enumerate(("break_point", "left_depth", "right_depth", "left_curve", "right_curve")):
        put(name, scaling[:, k].reshape(n, len(OPERATORS)))

    dx7[:, INDEX["algorithm"]] = matches.algorithm.clip(0)
    dx7[:, INDEX["feedback"]] = matches.feedback
    dx7[:, INDEX["oscillator_sync"]] = of("phase_reset").max(axis=1)
    sensitivity = of("pitch_mod_sensitivity")
    dx7[:, INDEX["pitch_mod_sensitivity"]] = np.where(heard, sensitivity, 0).max(axis=1)
    narrower = _OCTAVE_SHIFTS[element("pitch_eg_range").clip(0, 3)]
    for dx7_number, name in ((1, "1"), (2, "2"), (3, "3")):
        dx7[:, INDEX[f"pitch_eg_rate_{dx7_number}"]] = laws.nearest(laws.PITCH_RATES, element(f"pitch_eg_rate_{name}"))
    dx7[:, INDEX["pitch_eg_rate_4"]] = laws.nearest(laws.PITCH_RATES, element("pitch_eg_release_rate"))
    for dx7_number, name in ((1, "level_1"), (2, "level_2"), (3, "level_3"), (4, "release_level")):
        wide = 64 + np.trunc((element(f"pitch_eg_{name}") - 64) / 2.0**narrower).astype(np.int64)
        level = np.where(wide == 64, 50, laws.nearest(laws.PITCH_LEVELS, wide))
        dx7[:, INDEX[f"pitch_eg_level_{dx7_number}"]] = level
    dx7[:, INDEX["lfo_speed"]] = np.where(
        element("lfo_speed") >= 99, 53, laws.nearest(laws.LFO_SPEEDS, element("lfo_speed"))
    )
    for name in ("lfo_delay", "lfo_pitch_depth", "lfo_amp_depth", "lfo_wave"):
        dx7[:, INDEX[name]] = element(name)
    dx7[:, INDEX["lfo_sync"]] = element("lfo_phase") > 0
    transpose = element("note_shift") - laws.NOTE_SHIFT
    dx7[:, INDEX["transpose"]] = transpose

    def any_heard(found: BoolArray) -> BoolArray:
        return np.asarray((found & heard).any(axis=1))

    flat = (dx7[:, [INDEX[f"pitch_eg_level_{k}"] for k in range(1, 5)]] == 50).all(axis=1)
    losses = {
        OUT_OF_RANGE: np.asarray(layout.out_of_range(values).any(axis=1)),
        "routing that no DX7 algorithm has": matches.algorithm < 0,
        "waves other than sines": other_waves,
        "inputs that are neither open nor closed": matches.attenuated,
        "fourth stage of the envelope": any_heard((of("eg_level_4") != of("eg_level_3")) & (of("eg_loop") >= 3)),
        "second stage of the release": any_heard(of("eg_release_level_1") != of("eg_release_level_2")),
        "level at key-on": any_heard(of("eg_level_0") != of("eg_release_level_2")),
        "envelope loop": any_heard(of("eg_loop") != 3),
        "envelope hold time": any_heard(of("eg_hold") != 63),
        "negative rate scaling or velocity": any_heard((rate_scaling < 0) | (velocity < 0)),
        "velocity to envelope rates": any_heard(of("velocity_rate") > 0),
        "amplitude modulation sensitivity over 3": any_heard(of("amp_mod_sensitivity") > 3),
        "fixed frequency beyond the DX7's": any_heard((fixed == 1) & ((coarse < 1) | (coarse > 4))),
        "detune beyond the DX7's": any_heard(np.abs(detune) > laws.DETUNE_CENTER),
        "level scaling, by over 3 dB at some key": any_heard((errors > _TOLERANCE).reshape(n, len(OPERATORS))),
        "phase": any_heard((of("phase") > 0) | (of("phase_reset") != of("phase_reset").max(axis=1, keepdims=True))),
        "pitch modulation by operator": any_heard(sensitivity != dx7[:, [INDEX["pitch_mod_sensitivity"]]]),
        "pitch envelope by operator": any_heard(of("pitch_eg") == 0) & ~flat,
        "pitch envelope start": (element("pitch_eg_level_0") != element("pitch_eg_release_level")) & ~flat,
        "LFO phase": element("lfo_phase") > 1,
        "sub LFO": element("sub_lfo_depth") > 0,
        "note shift beyond the DX7's": (transpose < 0) | (transpose > MAXIMA[INDEX["transpose"]]),
        "mono mode": np.full(n, mode == MONO),
    }
    neutral = np.array([laws.TEMPLATE.get(field.name, 0) for field in layout.fields])
    for reason, starts in _UNHEARD.items():
        columns = [i for i, field in enumerate(layout.fields) if field.name.startswith(starts)]
        losses[reason] = (sy77[:, columns] != neutral[columns]).any(axis=1)
    dx7 = np.where(possible[:, None], dx7.clip(0, MAXIMA), INIT_VOICE)
    return Converted(dx7.astype(np.uint8), names, possible, collect_losses(losses))
