"""Parts of a voice by name: sets of parameters that a user thinks of as one."""

from collections.abc import Iterable, Mapping

from deepdx_core.voice.parameters import INDEX, OPERATORS, PARAMETER_NAMES


def _of_operators(*names: str) -> tuple[str, ...]:
    return tuple(f"op{operator}_{name}" for operator in sorted(OPERATORS) for name in names)


def _beginning_with(*prefixes: str) -> tuple[str, ...]:
    return tuple(name for name in PARAMETER_NAMES if name.startswith(prefixes))


_STAGES = range(1, 5)

PARTS: Mapping[str, tuple[str, ...]] = {
    **{f"op{operator}": _beginning_with(f"op{operator}_") for operator in sorted(OPERATORS)},
    "envelopes": _of_operators(*(f"eg_{kind}_{stage}" for kind in ("rate", "level") for stage in _STAGES)),
    "levels": _of_operators("output_level"),
    "frequencies": (*_of_operators("mode", "coarse", "fine", "detune"), "transpose", "oscillator_sync"),
    "scaling": _of_operators("break_point", "left_depth", "right_depth", "left_curve", "right_curve", "rate_scaling"),
    "sensitivities": _of_operators("velocity_sensitivity", "amp_mod_sensitivity"),
    "pitch-envelope": _beginning_with("pitch_eg_"),
    "lfo": (*_beginning_with("lfo_"), "pitch_mod_sensitivity"),
    "algorithm": ("algorithm",),
    "feedback": ("feedback",),
}
"""The parameters of each part, by its name. Every parameter is in at least one."""


def part_columns(names: Iterable[str]) -> list[int]:
    """Return the columns of parts, or of single parameters, by their names, in ascending order.

    Raises ValueError for a name that is neither.
    """
    columns: set[int] = set()
    for name in names:
        if name not in PARTS and name not in INDEX:
            raise ValueError(f"{name!r} is none of {', '.join(PARTS)}, and no parameter")
        columns |= {INDEX[parameter] for parameter in PARTS.get(name, (name,))}
    return sorted(columns)
