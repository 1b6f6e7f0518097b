"""DX7 voices in the files of instruments of today: Deluge, M-VAVE FM-1, and the part of a MiniDexed performance.

All of them play DX7 voices as they are: nothing is lost. Parameters are legal, `uint8[n, 145]`, names `uint8[n, 10]`.
"""

import csv
import io
from xml.sax.saxutils import quoteattr

import numpy as np

from deepdx_core.arrays import UInt8Array
from deepdx_core.codec.names import names_to_text
from deepdx_core.codec.packing import pack_vced
from deepdx_core.codec.writer import ALL_OPERATORS_ON, fill_up, write_banks
from deepdx_core.voice.parameters import VMEM_VOICES

FM1_SLOTS = 128
FM1_ORDER = "order.csv"

# A preset of the Deluge's community firmware. Its own envelope stays open until the DX7's have ended, and velocity acts
# in the DX7 voice alone, as in a synth that the Deluge makes for DX7 patches. Source: its documentation, "DX7 synth".
_DELUGE = """\
<?xml version="1.0" encoding="UTF-8"?>
<sound
	firmwareVersion="c1.2.0"
	earliestCompatibleFirmware="4.1.0-alpha"
	polyphonic="poly"
	voicePriority="1"
	mode="subtractive"
	lpfMode="24dB"
	modFXType="none">
	<osc1
		type="dx7"
		transpose="0"
		cents="0"
		retrigPhase="0"
		dx7patch={patch} />
	<osc2
		type="square"
		transpose="0"
		cents="0"
		retrigPhase="-1" />
	<unison
		num="1"
		detune="8" />
	<defaultParams
		oscAVolume="0x7FFFFFFF"
		oscBVolume="0x80000000"
		noiseVolume="0x80000000"
		volume="0x4CCCCCA8"
		pan="0x00000000"
		lpfFrequency="0x7FFFFFFF"
		lpfResonance="0x80000000"
		hpfFrequency="0x80000000"
		hpfResonance="0x80000000">
		<envelope1
			attack="0x80000000"
			decay="0x7FFFFFFF"
			sustain="0x7FFFFFFF"
			release="0x7FFFFFFF" />
		<patchCables />
	</defaultParams>
</sound>
"""


def voice_data(parameters: UInt8Array, names: UInt8Array) -> UInt8Array:
    """Return voices as Deluge and MiniDexed hold them, `uint8[n, 156]`: VCED, and all operators switched on."""
    return np.pad(pack_vced(parameters, names), ((0, 0), (0, 1)), constant_values=ALL_OPERATORS_ON)


def write_deluge_presets(parameters: UInt8Array, names: UInt8Array) -> list[bytes]:
    """Write each voice as a synth preset of the Deluge's community firmware, an XML file."""
    data = voice_data(parameters, names)
    return [_DELUGE.format(patch=quoteattr(row.tobytes().hex().upper())).encode() for row in data]


def write_fm1_set(parameters: UInt8Array, names: UInt8Array) -> dict[str, bytes]:
    """Write up to 128 voices as a set for the M-VAVE FM-1: four banks of 32, and their order, by file name.

    The order is a table of the 128 slots: slot, bank file, number in the bank, name. INIT VOICE fills the rest.
    Raises ValueError for no voices or more than 128.
    """
    if not 0 < len(parameters) <= FM1_SLOTS:
        raise ValueError(f"a set takes 1 to {FM1_SLOTS} voices, got {len(parameters)}")
    parameters, names = fill_up(parameters, names, FM1_SLOTS)
    files = {f"bank-{number}.syx": bank for number, bank in enumerate(write_banks(parameters, names), 1)}
    order = io.StringIO()
    table = csv.writer(order, lineterminator="\n")
    table.writerow(("slot", "bank", "number", "name"))
    for slot, text in enumerate(names_to_text(names).tolist()):
        table.writerow((slot + 1, f"bank-{slot // VMEM_VOICES + 1}.syx", slot % VMEM_VOICES + 1, text))
    return files | {FM1_ORDER: order.getvalue().encode()}
