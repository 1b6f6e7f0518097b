"""Column names that other programs use for the parameters. A column is matched by rule, never guessed."""

import re
from collections.abc import Iterable, Mapping

from deepdx_core.voice.parameters import PARAMETER_NAMES

# Only letters and digits count, in either case: "OP1 EG Rate 1", "op-1_eg_rate_1" and "op1_eg_rate_1" are the same.
_SEPARATORS = re.compile(r"[^a-z0-9]+")

_VALUE_COLUMN = re.compile(r"(pitch_)?eg_(rate|level)_([1-4])")
_OPERATOR = re.compile(r"op([1-6])_(.+)")

# Names of the same parameter on the DX7's panel, in its manual, and in Dexed.
_SYNONYMS = {
    "coarse": ("freq coarse", "frequency coarse", "f coarse"),
    "fine": ("freq fine", "frequency fine", "f fine"),
    "detune": ("osc detune",),
    "mode": ("osc mode", "oscillator mode"),
    "velocity_sensitivity": ("key velocity sensitivity", "key velocity", "key vel sens", "velocity sens"),
    "amp_mod_sensitivity": ("amp mod sens", "a mod sens", "amplitude modulation sensitivity"),
    "left_depth": ("left scale depth", "l scale depth"),
    "right_depth": ("right scale depth", "r scale depth"),
    "left_curve": ("left scale curve", "l key scale"),
    "right_curve": ("right scale curve", "r key scale"),
    "oscillator_sync": ("osc sync", "osc key sync", "oscillator key sync"),
    "lfo_sync": ("lfo key sync",),
    "lfo_wave": ("lfo waveform",),
    "lfo_pitch_depth": ("lfo pm depth", "lfo pitch mod depth"),
    "lfo_amp_depth": ("lfo am depth", "lfo amp mod depth"),
    "pitch_mod_sensitivity": ("pitch mod sens", "p mod sens"),
    "name": ("voice name", "patch name"),
}


def alias_key(text: str) -> str:
    """Return the letters and digits of a column name, in lower case."""
    return _SEPARATORS.sub("", text.lower())


def _parameter_aliases(name: str) -> Iterable[str]:
    """Yield every alias of a parameter, without its operator."""
    yield name
    yield from _SYNONYMS.get(name, ())
    if match := _VALUE_COLUMN.fullmatch(name):
        pitch, kind, number = match.groups()
        for word in (kind, kind[0]):
            if pitch:
                yield from (f"pitch eg {word}{number}", f"peg {word}{number}", f"p{word[0]}{number}")
            else:
                yield from (f"eg {word}{number}", f"{word}{number}")


def _list_aliases() -> Iterable[tuple[str, str]]:
    for name in ("name", *PARAMETER_NAMES):
        if match := _OPERATOR.fullmatch(name):
            operator, rest = match.groups()
            yield from (
                (alias_key(f"{prefix}{operator}{alias}"), name)
                for prefix in ("op", "operator")
                for alias in _parameter_aliases(rest)
            )
        else:
            yield from ((alias_key(alias), name) for alias in _parameter_aliases(name))


ALIASES: Mapping[str, str] = dict(_list_aliases())
"""`name` or a parameter's name, by `alias_key` of every alias."""


def match_columns(columns: Iterable[str]) -> dict[str, list[str]]:
    """Return the matching columns of `name` and of each parameter, by its name. Other columns are left out.

    A column under the parameter's own name takes precedence over all aliases.
    """
    found: dict[str, list[str]] = {}
    for column in columns:
        if name := ALIASES.get(alias_key(column)):
            found.setdefault(name, []).append(column)
    return {name: [name] if name in matches else matches for name, matches in found.items()}
