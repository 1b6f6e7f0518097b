"""How long the stages of an operator's envelope last, as SQL over the parameters of a sound.

The laws and tables are those of the engine: see `sound.engine.control` and `sound.engine.notes`. Levels are in 1/256
octave. The engine takes blocks of 64 samples; here, only a rise is not counted block by block.
"""

import math
from collections.abc import Sequence

from deepdx_core.sound.engine.tables import (
    BLOCK,
    BREAK_POINT_0,
    CEILING,
    EXPONENTIAL_CURVE,
    FULL_HOLD_RATE,
    FULL_LEVEL,
    FULL_TARGET,
    HOLDS,
    JUMP,
    LOWEST_TARGET,
    NEUTRAL_VELOCITY,
    OCTAVE,
    OUTPUT_LEVELS,
    PITCH_EG_LEVELS,
    PITCH_EG_RATES,
    SAMPLE_RATE,
    SHORT_HOLD,
    VELOCITIES,
)

KEY = 60
VELOCITY = 100
"""The key, middle C, and velocity for which durations hold: those of the main rendered note."""

_UNIT = 1 << 16  # of the engine's levels in a level here
_CEILING = CEILING // _UNIT
_JUMP = JUMP // _UNIT
_STEPS = [(4 + (rate & 3)) * 2.0 ** (8 + (rate >> 2)) / _UNIT for rate in range(64)]
_VELOCITY_LEVELS = [
    ((sensitivity * int(VELOCITIES[VELOCITY >> 1] - NEUTRAL_VELOCITY) + 7) >> 3) << 4 for sensitivity in range(8)
]
_OCTAVES = _CEILING // 256
_RISES = [sum(256 / octave for octave in range(away + 1, _OCTAVES)) for away in range(_OCTAVES)]
"""Steps of a rise to the octave that is so many octaves below the ceiling."""

PITCH_SEMITONES = [level * 12 / 32 for level in PITCH_EG_LEVELS.tolist()]
"""Semitones of pitch envelope levels 0 to 99."""
_PITCH_STEP = math.floor(BLOCK * OCTAVE / 21.3 / SAMPLE_RATE + 0.5) * 32 / OCTAVE
_PITCH_STEPS = [rate * _PITCH_STEP for rate in PITCH_EG_RATES.tolist()]


def element(values: Sequence[object], index: str) -> str:
    """Return the element of a list at an index from 0, as SQL. All elements are of the type of the first."""
    kind = {int: "INTEGER", float: "DOUBLE", str: "VARCHAR"}[type(values[0])]
    return f"({list(values)}::{kind}[])[({index}) + 1]"


def pitch_seconds(stage: int) -> str:
    """Return the seconds of a stage, 1 to 4, of the pitch envelope. It starts at level 4."""
    before, after = (element(PITCH_EG_LEVELS.tolist(), f"pitch_eg_level_{n}") for n in (stage - 1 or 4, stage))
    step = element(_PITCH_STEPS, f"pitch_eg_rate_{stage}")
    return f"greatest(1, ceil(abs({after} - {before}) / {step})) * {BLOCK / SAMPLE_RATE!r}"


def with_durations(operators: str) -> str:
    """Return a query for the rows of another, with the seconds of their stages: `eg_seconds_1` to `eg_seconds_4`.

    operators: a query for operators in range, with their parameters by name, as in `eg_rate_1`, and `transpose`.
    """
    keyed = f"""
        SELECT *, greatest(0, least(127, {KEY} + transpose::INTEGER - 24)) AS _key,
            _key - break_point::INTEGER - {BREAK_POINT_0} AS _distance,
            (abs(_distance) + 1) // 3 AS _groups,
            CASE WHEN _distance < 0 THEN left_depth ELSE right_depth END::INTEGER AS _depth,
            CASE WHEN _distance < 0 THEN left_curve ELSE right_curve END AS _curve,
            CASE WHEN _curve IN (0, 3) THEN (_groups * _depth * 329) >> 12
            ELSE ({element(EXPONENTIAL_CURVE.tolist(), "least(_groups, 32)")} * _depth * 329) >> 15
            END * CASE WHEN _curve < 2 THEN -1 ELSE 1 END AS _scaling,
            greatest(0, least({element(OUTPUT_LEVELS.tolist(), "output_level")} + _scaling, {FULL_LEVEL}) * 32
                + {element(_VELOCITY_LEVELS, "velocity_sensitivity")}) AS _output,
            (rate_scaling::INTEGER * greatest(0, least(31, _key // 3 - 7))) >> 3 AS _faster
        FROM ({operators})
    """
    targets = ((OUTPUT_LEVELS >> 1) << 6).tolist()
    stages = ", ".join(
        f"""
        greatest({LOWEST_TARGET}, {element(targets, f"eg_level_{n}")} + _output - {FULL_TARGET}) AS _target_{n},
        {element(_STEPS, f"least(63, ((eg_rate_{n}::INTEGER * 41) >> 6) + _faster)")} AS _step_{n},
        {element(HOLDS.tolist(), f"least(99, eg_rate_{n} + _faster)")} AS _hold_{n}"""
        for n in range(1, 5)
    )
    # A note starts at level 0, below the lowest target. If level 1 is 0, its envelope stays there for a while.
    waiting = "eg_level_1 = 0 AND _hold_1 > 0"
    starts = ["0", f"CASE WHEN {waiting} THEN 0 ELSE _target_1 END", "_target_2", "_target_3"]
    waits = f"CASE WHEN eg_rate_1 + _faster < {FULL_HOLD_RATE} THEN _hold_1 // {SHORT_HOLD} ELSE _hold_1 END"
    blocks = [_blocks(n, start) for n, start in enumerate(starts, 1)]
    blocks[0] = f"CASE WHEN {waiting} THEN ceil(({waits}) / {BLOCK}) ELSE {blocks[0]} END"
    seconds = ", ".join(f"({count}) * {BLOCK / SAMPLE_RATE!r} AS eg_seconds_{n}" for n, count in enumerate(blocks, 1))
    internal = "_key, _distance, _groups, _depth, _curve, _scaling, _output, _faster"
    of_stages = ", ".join(f"_target_{n}, _step_{n}, _hold_{n}" for n in range(1, 5))
    return f"SELECT * EXCLUDE ({internal}, {of_stages}), {seconds} FROM (SELECT *, {stages} FROM ({keyed}))"


def _blocks(stage: int, start: str) -> str:
    """Return the blocks of a stage: a fall by its step, a rise by its step times the octaves left, or a hold."""
    target, step = f"_target_{stage}", f"_step_{stage}"
    return f"""
        CASE WHEN {target} = {start} THEN greatest(1, ceil(_hold_{stage} / {BLOCK}))
        WHEN {target} < {start} THEN ceil(({start} - {target}) / {step})
        ELSE greatest(1, ceil(({_rise(target)} - {_rise(f"greatest({start}, {_JUMP})")}) / {step})) END
    """


def _rise(level: str) -> str:
    away = f"(({_CEILING} - {level}) // 256)"
    return f"({element(_RISES, away)} + ({level} - ({_CEILING} - 256 * ({away} + 1))) / {away})"
