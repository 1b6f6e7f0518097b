"""Write the engine's tables as JavaScript: `python -m tools.engine_tables`.

The engine in the browser takes its tables and levels from `tables.js`, which is generated from the Python modules.
"""

import ast
import inspect
import textwrap
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

import deepdx_core.sound.engine as engine
from deepdx_core.sound.engine import routing, tables
from deepdx_core.voice.parameters import PARAMETERS

TARGET = Path(engine.__file__).parent / "browser" / "tables.js"

_TABLES = (
    *("SAMPLE_RATE", "BLOCK", "OCTAVE"),
    *("SILENT", "FIRST_ATTENUATION", "INAUDIBLE", "MODULATION_SHIFT"),
    *("LOWEST_TARGET", "FULL_TARGET", "JUMP", "CEILING", "FULL_HOLD_RATE", "SHORT_HOLD"),
    *("BREAK_POINT_0", "FULL_LEVEL", "NEUTRAL_VELOCITY"),
    *("OUTPUT_LEVELS", "VELOCITIES", "EXPONENTIAL_CURVE"),
    *("COARSE_RATIOS", "FINE_RATIOS", "DETUNED_KEYS", "FIXED_STEP", "FIXED_DETUNE", "INCREMENTS"),
    *("PITCH_EG_RATES", "PITCH_EG_LEVELS", "PITCH_SENSITIVITIES", "AMP_SENSITIVITIES", "HOLDS"),
    *("LFO_STEPS", "LFO_SINE", "LOG_SINE", "EXPONENTIAL"),
)
_ROUTING = ("IS_CARRIER", "FEEDBACK_OPERATOR", "LOOP_END", "FEEDBACK_SHIFT")

_HEADER = """\
// Tables of the engine. Generated from the Python modules by `python -m tools.engine_tables`: do not edit.
//
// {sources}
"""


def format_tables() -> str:
    """Return the text of `tables.js`."""
    sources = inspect.cleandoc(tables.__doc__ or "").partition("\n\n")[2]
    parts = [_HEADER.format(sources=sources.replace("\n", "\n// "))]
    for module, names in ((tables, _TABLES), (routing, _ROUTING)):
        docstrings = _attribute_docstrings(module)
        parts += [_export(name, docstrings[name], getattr(module, name)) for name in names]
    modulators = [
        [operators[:count].tolist() for operators, count in zip(rows, counts, strict=True)]
        for rows, counts in zip(routing.MODULATORS, routing.MODULATOR_COUNTS, strict=True)
    ]
    parts.append(_export("MODULATORS", "Operators that modulate an operator, by algorithm and operator.", modulators))
    names_and_maxima = [[parameter.name, parameter.maximum] for parameter in PARAMETERS]
    parts.append(_export("PARAMETERS", "Name and maximum of each parameter, in VCED order.", names_and_maxima))
    return "\n".join(parts)


def _attribute_docstrings(module: ModuleType) -> dict[str, str]:
    """Return the docstring after each assignment of a module. Names assigned together share the last one's."""
    docstrings: dict[str, str] = {}
    pending: list[str] = []
    for statement in ast.parse(inspect.getsource(module)).body:
        if isinstance(statement, ast.Assign | ast.AnnAssign):
            targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
            pending += [node.id for target in targets for node in ast.walk(target) if isinstance(node, ast.Name)]
        elif isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
            docstrings |= dict.fromkeys(pending, inspect.cleandoc(str(statement.value.value)))
            pending = []
        else:
            pending = []
    return docstrings


def _export(name: str, docstring: str, value: Any) -> str:
    comment = docstring.replace("\n", "\n * ")
    return f"/** {comment} */\nexport const {name} = {_format(value)};\n"


def _format(value: Any) -> str:
    """Return an integer, a table of integers as an `Int32Array`, or rows as an array of arrays."""
    if isinstance(value, int):
        return str(value)
    if isinstance(value, np.ndarray) and value.ndim == 1:
        return f"Int32Array.of(\n{_wrap(value.tolist())}\n)"
    return "[\n" + "".join(f"{_wrap([_compact(row)])},\n" for row in value) + "]"


def _compact(row: Any) -> str:
    if isinstance(row, np.ndarray):
        row = row.astype(int).tolist()
    return str(row).replace("'", '"')


def _wrap(items: Sequence[int | str]) -> str:
    return textwrap.fill(
        ", ".join(map(str, items)), 118, initial_indent="  ", subsequent_indent="  ", break_on_hyphens=False
    )


def main() -> None:
    """Write `tables.js` next to the engine's JavaScript."""
    TARGET.write_text(format_tables())


if __name__ == "__main__":
    main()
