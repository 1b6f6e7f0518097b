"""What of a voice can be heard at all: parameters without effect get one value, so that equal sounds are equal bytes.

Heard means played by keys alone: at any key and velocity, but with no wheel, pedal, breath or aftertouch, which could
bring in an LFO that has no depth of its own.

Measured with Dexed's engine on 27,458 real sounds at three keys and velocities: all but 11 render the same samples. Of
these, 10 have algorithm 4 or 6, feedback, and a silent operator in its loop: Dexed's shortcut for these loops leaves a
residue 72 dB under a full carrier, and steps where the envelope should glide. In the other, velocity sensitivity 7 at
velocity 127 lifts an envelope without levels to the engine's last bit. One thing only Dexed hears: amplitude modulation
sensitivity lowers an operator by up to 1 dB even where there is nothing to be sensitive to, which a note in its source
calls unfinished; for this comparison the sensitivity was left as it is.
"""

import numpy as np
import numpy.typing as npt

from deepdx_core.arrays import BoolArray, UInt8Array
from deepdx_core.codec.packing import INIT_VOICE
from deepdx_core.voice.algorithms import ALGORITHMS
from deepdx_core.voice.columns import CARRIERS, operator_columns
from deepdx_core.voice.parameters import INDEX

_OPERATORS = range(1, 7)
_LIFTING = 2  # the first of the curves that raise the level: +EXP, +LIN
_FIXED_COARSE = 4  # 1, 10, 100 and 1000 Hz, over and over


_OPERATOR_COLUMNS = np.array([[i for name, i in INDEX.items() if name.startswith(f"op{o}_")] for o in _OPERATORS])
_RATES = np.array([operator_columns(f"eg_rate_{n}") for n in (1, 2, 3, 4)])
_LEVELS = np.array([operator_columns(f"eg_level_{n}") for n in (1, 2, 3, 4)])
_PITCH_RATES = [INDEX[f"pitch_eg_rate_{n}"] for n in (1, 2, 3, 4)]
_PITCH_LEVELS = [INDEX[f"pitch_eg_level_{n}"] for n in (1, 2, 3, 4)]
_LFO = [INDEX[f"lfo_{name}"] for name in ("speed", "delay", "sync", "wave")]
_SILENCE: UInt8Array = INIT_VOICE.copy()
_SILENCE[operator_columns("output_level")] = 0

_MODULATED = np.array(
    [[[(m, o) in algorithm.modulations for o in _OPERATORS] for m in _OPERATORS] for algorithm in ALGORITHMS]
)
"""`bool[32, 6, 6]`: whether an operator modulates another, by algorithm."""
_FEEDBACK = np.array([algorithm.feedback for algorithm in ALGORITHMS]) - 1
_BITS = 1 << np.arange(6)


def _first_alike() -> UInt8Array:
    """The lowest algorithm that wires the heard operators alike, `uint8[32, 64 sets of these, feedback off and on]`."""
    table = np.empty((len(ALGORITHMS), 64, 2), dtype=np.uint8)
    for heard in range(64):
        operators = {o for o in _OPERATORS if heard >> (o - 1) & 1}
        for feedback in (False, True):
            first: dict[object, int] = {}
            for number, algorithm in enumerate(ALGORITHMS):
                wiring = (
                    frozenset(operators.intersection(algorithm.carriers)),
                    frozenset(pair for pair in algorithm.modulations if operators.issuperset(pair)),
                    algorithm.feedback if feedback else None,
                )
                table[number, heard, int(feedback)] = first.setdefault(wiring, number)
    return table


_FIRST_ALIKE = _first_alike()


def audible_operators(parameters: UInt8Array) -> BoolArray:
    """Which operators of legal voices, `uint8[n, 145]`, take part in what is heard, `bool[n, 6]`, operator 1 first.

    Not those that are silent: at output level 0, unless keyboard scaling raises it towards one side, or with all four
    envelope levels 0. Nor those from which no carrier is reached through operators that are not silent.
    """
    lifted = np.zeros((len(parameters), len(_OPERATORS)), dtype=bool)
    for side in ("left", "right"):
        lifted |= (parameters[:, operator_columns(f"{side}_depth")] > 0) & (
            parameters[:, operator_columns(f"{side}_curve")] >= _LIFTING
        )
    loud = ((parameters[:, operator_columns("output_level")] > 0) | lifted) & parameters[:, _LEVELS].any(axis=1)
    algorithms = parameters[:, INDEX["algorithm"]]
    heard: BoolArray = loud & CARRIERS[algorithms]
    # A modulator always has a higher number than what it modulates.
    for operator in range(1, len(_OPERATORS)):
        reaches = (_MODULATED[algorithms, operator] & heard).any(axis=1)
        heard[:, operator] |= loud[:, operator] & reaches
    return heard


def functional_parameters(parameters: UInt8Array) -> UInt8Array:
    """Legal voices, `uint8[n, 145]`, with all that cannot be heard set back to INIT VOICE's value.

    Voices that this makes equal sound the same. What is set back, and why it cannot be heard:

    - operators that take no part (`audible_operators`), at output level 0; a voice without any becomes one silence
    - feedback, where an end of its loop takes no part
    - the algorithm, to the lowest that wires the remaining operators alike. A DX7 makes an algorithm of more carriers
      softer as a whole; that alone is not taken for another sound
    - the LFO's pitch side where its depth or the sensitivity is 0, its amplitude side where its depth is 0 or no
      operator is sensitive; without both, its speed, delay, wave and sync
    - the curve of a side of keyboard scaling with depth 0, and the break point without depths
    - rates 2 and 3 of an envelope that stays where it is in these stages; the pitch envelope's rates where all four
      levels are equal
    - rate scaling where all four rates are 99 already, the fastest there is
    - in operators of fixed frequency, what coarse counts beyond its four decades, and detune downwards, which the
      engine does not know
    """
    voices = parameters.copy()
    heard = audible_operators(voices)

    def reset(columns: npt.ArrayLike, where: BoolArray) -> None:
        """Set back the columns, one or one by operator, of the voices or of their operators."""
        columns = np.asarray(columns)
        voices[:, columns] = np.where(where, INIT_VOICE[columns], voices[:, columns])

    for operator, columns in enumerate(_OPERATOR_COLUMNS):
        unheard = np.flatnonzero(~heard[:, operator])
        voices[unheard[:, None], columns] = _SILENCE[columns]

    algorithms = voices[:, INDEX["algorithm"]]
    rows = np.arange(len(voices))
    ends = heard[rows[:, None], _FEEDBACK[algorithms]].all(axis=1)
    reset(INDEX["feedback"], ~ends)
    feedback = (voices[:, INDEX["feedback"]] > 0).astype(np.intp)
    voices[:, INDEX["algorithm"]] = _FIRST_ALIKE[algorithms, heard @ _BITS, feedback]

    pitch_off = (voices[:, INDEX["lfo_pitch_depth"]] == 0) | (voices[:, INDEX["pitch_mod_sensitivity"]] == 0)
    reset(INDEX["lfo_pitch_depth"], pitch_off)
    reset(INDEX["pitch_mod_sensitivity"], pitch_off)
    sensitive = voices[:, operator_columns("amp_mod_sensitivity")].any(axis=1)
    amp_off = (voices[:, INDEX["lfo_amp_depth"]] == 0) | ~sensitive
    reset(INDEX["lfo_amp_depth"], amp_off)
    reset(operator_columns("amp_mod_sensitivity"), amp_off[:, None])
    reset(_LFO, (pitch_off & amp_off)[:, None])

    left, right = (voices[:, operator_columns(f"{side}_depth")] == 0 for side in ("left", "right"))
    reset(operator_columns("left_curve"), left)
    reset(operator_columns("right_curve"), right)
    reset(operator_columns("break_point"), left & right)

    levels = [voices[:, columns] for columns in _LEVELS]
    reset(_RATES[2], levels[1] == levels[2])
    reset(_RATES[1], (levels[0] == levels[1]) & (levels[1] == levels[2]))
    reset(operator_columns("rate_scaling"), (voices[:, _RATES] == INIT_VOICE[_RATES]).all(axis=1))
    pitch = [voices[:, [column]] for column in _PITCH_LEVELS]
    held = pitch[1] == pitch[2]
    reset(_PITCH_RATES[2:3], held)
    reset(_PITCH_RATES[1:2], held & (pitch[0] == pitch[1]))
    reset(_PITCH_RATES, held & (pitch[0] == pitch[1]) & (pitch[2] == pitch[3]))

    fixed = voices[:, operator_columns("mode")] == 1
    coarse = operator_columns("coarse")
    voices[:, coarse] = np.where(fixed, voices[:, coarse] % _FIXED_COARSE, voices[:, coarse])
    detune = operator_columns("detune")
    reset(detune, fixed & (voices[:, detune] < INIT_VOICE[detune]))

    voices[~heard.any(axis=1)] = _SILENCE
    return voices
