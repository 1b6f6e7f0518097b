"""Voices written for DX7II, DX7s and TX802, each with its supplement: before a bank as AMEM, before a single as ACED.

`supplements` is `uint8[n, fields]`, values of `parameters.ACED`. Parameters and names are those of DX7 voices,
`uint8[n, 145]` and `uint8[n, 10]`.
"""

import numpy as np

from deepdx_core.arrays import UInt8Array
from deepdx_core.codec.packing import INIT_VOICE
from deepdx_core.codec.writer import write_banks, write_singles
from deepdx_core.synths.dx7ii.blocks import BLOCKS, select_receive_block
from deepdx_core.synths.dx7ii.parameters import ACED, AMEM, FRACTIONAL_SCALING
from deepdx_core.synths.kinds import ACED as ACED_KIND
from deepdx_core.synths.kinds import AMEM as AMEM_KIND
from deepdx_core.synths.kinds import FRACTIONAL_SCALINGS
from deepdx_core.synths.messages import write_messages
from deepdx_core.voice.parameters import INDEX, OPERATORS, VMEM_VOICES

_PLAIN = {"bend_range": 2, "breath_pitch_bias": 50, "aftertouch_pitch_bias": 50}
_SENSITIVITIES = [INDEX[f"op{operator}_amp_mod_sensitivity"] for operator in OPERATORS]


def plain_supplements(parameters: UInt8Array) -> UInt8Array:
    """Return supplements that do not change the sound: each operator keeps its amplitude modulation sensitivity.

    Features that a DX7 lacks stay unused. Source: JSynthLib's drivers of these instruments for the values of a new
    voice; measured on DX7II banks: supplement and voice hold the same sensitivity, up to the DX7's 3.
    """
    values = np.zeros((len(parameters), len(ACED.fields)), dtype=np.uint8)
    for name, value in _PLAIN.items():
        values[:, ACED.index[name]] = value
    values[:, ACED.columns("op{}_amp_mod_sensitivity", OPERATORS)] = parameters[:, _SENSITIVITIES]
    return values


def write_dx7ii_singles(
    parameters: UInt8Array, names: UInt8Array, channel: int = 0, supplements: UInt8Array | None = None
) -> list[bytes]:
    """Write each voice as two dumps, 220 bytes: its supplement, by default a plain one, then the voice (VCED).

    Raises ValueError like `codec.writer`.
    """
    voices = write_singles(parameters, names, channel)
    values = plain_supplements(parameters) if supplements is None else supplements
    parts = write_messages(ACED_KIND, ACED.pack(values), bytes([0x43, channel, 5]))
    return [supplement + voice for supplement, voice in zip(parts, voices, strict=True)]


def write_dx7ii_banks(
    parameters: UInt8Array,
    names: UInt8Array,
    channel: int = 0,
    supplements: UInt8Array | None = None,
    scalings: UInt8Array | None = None,
) -> list[bytes]:
    """Write any number of voices as banks of 32: the supplements (AMEM), then the voices (VMEM).

    scalings: fractional level scaling of each voice, `uint8[n, 246]`, written before both. If there are several banks,
    each begins with a block select, by turns for the first and the second half of an instrument's memory. INIT VOICE
    fills the last bank. Raises ValueError like `codec.writer`.
    """
    banks = write_banks(parameters, names, channel)
    values = plain_supplements(parameters) if supplements is None else supplements
    missing = np.tile(INIT_VOICE, (len(banks) * VMEM_VOICES - len(values), 1))
    filled = np.concatenate([values, plain_supplements(missing)])
    parts = write_messages(AMEM_KIND, AMEM.pack(filled), bytes([0x43, channel, 6]))
    whole = [supplement + bank for supplement, bank in zip(parts, banks, strict=True)]
    if scalings is not None:
        unused = np.full((len(filled) - len(scalings), FRACTIONAL_SCALING.size), 0xFF, np.uint8)
        head = bytes([0x43, channel, 0x7E])
        levels = write_messages(FRACTIONAL_SCALINGS, np.concatenate([scalings, unused]), head)
        whole = [scaling + bank for scaling, bank in zip(levels, whole, strict=True)]
    if len(whole) > 1:
        whole = [select_receive_block(number % len(BLOCKS), channel) + bank for number, bank in enumerate(whole)]
    return whole
