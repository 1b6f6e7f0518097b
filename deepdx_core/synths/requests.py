"""Dump requests: messages that ask an instrument for its voices, and the dumps that answer them.

`F0 43 2n ff F7` asks for a dump of format ff, `F0 43 2n 7E name F7` for bulk data by name; n is the channel. A DX7 of
1983 ignores both.
Source: "dump request" in the manuals of TX816 (formats 0 and 9), DX7s (0, 5, 6, 9 and names) and DX21 (3 and 4);
JSynthLib's drivers of DX7II and TX802 for the blocks; KnobKraft Orm's SY77, tested on the instrument.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from deepdx_core.synths.dx7ii.blocks import BLOCKS, select_receive_block, select_transmit_block
from deepdx_core.synths.instruments import Wanted
from deepdx_core.synths.kinds import PERFORMANCES, TX802_PERFORMANCES
from deepdx_core.synths.sy77.layouts import BANK_VOICES, CLASSIFICATION, INTERNAL

_VCED, _VMEM, _ACED, _AMEM, _BULK, _SY = b"\x00", b"\x09", b"\x05", b"\x06", b"\x7e", b"\x7a"
_FOUR_OPERATOR_VCED, _FOUR_OPERATOR_VMEM = b"\x03", b"\x04"


@dataclass(frozen=True)
class Request:
    """A dump to wait for.

    what: in words. ask: messages that ask for it; empty if somebody starts it on the instrument. answer: matches the
    beginning of the dump; None for any voices. head: message to put before the dump, so that it returns to its place.
    """

    what: str
    ask: bytes = b""
    answer: re.Pattern[bytes] | None = None
    head: bytes = b""


UNASKED = Request("voice dump")


def write_requests(wanted: Wanted, channel: int = 0) -> list[Request]:
    """Return the requests for a dump, one after another. channel: 0 to 15; of an SY77, its device number."""

    def ask(what: str, format_: bytes, name: bytes = b"", rest: bytes = b"") -> Request:
        byte_count = b".." if name else b""
        answer = rb"\xf0\x43[\x00-\x0f]" + re.escape(format_) + byte_count + re.escape(name)
        message = bytes([0xF0, 0x43, 0x20 | channel]) + format_ + name + rest + b"\xf7"
        return Request(what, message, re.compile(answer, re.DOTALL))

    def ask_for_banks(select: Callable[[int, int], bytes]) -> list[Request]:
        requests = []
        for block, what in enumerate(BLOCKS):
            supplement = ask(f"supplement of {what}", _AMEM)
            selected = select(block, channel) + supplement.ask
            requests.append(replace(supplement, ask=selected, head=select_receive_block(block, channel)))
            requests.append(ask(what, _VMEM))
        return requests

    match wanted:
        case Wanted.VOICE:
            return [ask("voice", _VCED)]
        case Wanted.BANK:
            return [ask("bank", _VMEM)]
        case Wanted.DX7II_VOICE:
            return [ask("supplement of the voice", _ACED), ask("voice", _VCED)]
        case Wanted.DX7II_BANKS:
            return ask_for_banks(select_transmit_block)
        case Wanted.TX802_BANKS:
            return ask_for_banks(select_receive_block)
        case Wanted.DX7II_PERFORMANCES:
            return [ask("performances", _BULK, PERFORMANCES.start)]
        case Wanted.TX802_PERFORMANCES:
            return [ask("performances", _BULK, TX802_PERFORMANCES.start)]
        case Wanted.FOUR_OPERATOR_VOICE:
            return [ask("voice", _FOUR_OPERATOR_VCED)]
        case Wanted.FOUR_OPERATOR_BANK:
            return [ask("bank", _FOUR_OPERATOR_VMEM)]
        case Wanted.SY77_VOICES:
            places = (bytes(14) + bytes([INTERNAL, number]) for number in range(BANK_VOICES))
            return [ask(f"voice {number}", _SY, CLASSIFICATION, place) for number, place in enumerate(places, 1)]
