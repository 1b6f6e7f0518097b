"""Checks of voices, and their findings: faults that make a voice illegal in a DX7.

Findings are a table with a row for each fault, so that thousands of voices are checked at once.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl

from deepdx_core.arrays import UInt8Array
from deepdx_core.codec.packing import MAXIMA
from deepdx_core.codec.segments import RECORD_SIZE, Format
from deepdx_core.voice.parameters import PARAMETER_NAMES, PARAMETERS, VCED_NAME, VMEM_NAME, VMEM_SIZE


@dataclass(frozen=True)
class Check:
    """A check of voices.

    id: the `rule` of its findings.
    reason: why a voice that fails it is illegal.
    source: of the limit that it checks.
    """

    id: str
    reason: str
    source: str


BYTE_OVER_127 = Check(
    "byte-over-127",
    "a byte of the voice is over 127, which system exclusive data cannot be",
    "MIDI 1.0 specification: data bytes have their top bit clear",
)
OUT_OF_RANGE = Check(
    "out-of-range",
    "a parameter is over its highest value",
    "Yamaha DX7 Operating Manual, voice parameter ranges",
)
ALL_ZERO = Check(
    "all-zero",
    "every parameter is 0: a blank slot, not a sound",
    "measured: 12,110 such slots in public collections",
)


def describe_finding(finding: Mapping[str, object]) -> str:
    """Return a finding of the table `decoded_voices` as text."""
    return " ".join(str(value) for value in finding.values() if value is not None)


def find_high_bytes(records: UInt8Array, format_: Format) -> pl.DataFrame:
    """Return findings of BYTE_OVER_127 in voice records `uint8[n, record size]`: voice, rule, parameter, value.

    `voice` is the row of the record. For a packed byte with two parameters, `parameter` is the first in VCED order.
    """
    voices, offsets = np.nonzero(records > 127)
    return _to_table(BYTE_OVER_127, voices, _NAMES_BY_OFFSET[format_][offsets], records[voices, offsets])


def find_out_of_range(parameters: UInt8Array) -> pl.DataFrame:
    """Return findings of OUT_OF_RANGE in `uint8[n, 145]`: voice, rule, parameter, value."""
    voices, columns = np.nonzero(parameters > MAXIMA)
    return _to_table(OUT_OF_RANGE, voices, _NAMES[columns], parameters[voices, columns])


def find_all_zero(parameters: UInt8Array) -> pl.DataFrame:
    """Return findings of ALL_ZERO in `uint8[n, 145]`: voice and rule; parameter and value are null."""
    (voices,) = np.nonzero(~parameters.any(axis=1))
    nothing = np.full(len(voices), None)
    return _to_table(ALL_ZERO, voices, nothing, nothing)


_NAMES = np.array(PARAMETER_NAMES, dtype=object)


def _names_by_offset(format_: Format) -> np.ndarray[tuple[int], np.dtype[np.object_]]:
    packed = RECORD_SIZE[format_] == VMEM_SIZE
    names = np.full(RECORD_SIZE[format_], "name", dtype=object)
    if packed:
        for p in reversed(PARAMETERS):
            names[p.vmem] = p.name
        assert names[VMEM_NAME] == "name"
    else:
        names[:VCED_NAME] = PARAMETER_NAMES
        names[VCED_NAME + 10 :] = "operator_switches"
    return names


_NAMES_BY_OFFSET = {format_: _names_by_offset(format_) for format_ in Format}


def _to_table(rule: Check, voices: object, parameters: object, values: object) -> pl.DataFrame:
    return pl.DataFrame(
        {"voice": voices, "parameter": parameters, "value": values},
        schema={"voice": pl.Int64, "parameter": pl.String, "value": pl.UInt8},
    ).select("voice", pl.lit(rule.id).alias("rule"), "parameter", "value")
