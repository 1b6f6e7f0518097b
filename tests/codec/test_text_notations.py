"""Dumps written as text, in the notations of many programs: read whole, and nothing around them is taken for data."""

import base64
import binascii
import gzip
import json
import quopri
import shutil
import subprocess
import textwrap
from urllib.parse import quote_from_bytes

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deepdx_core.codec.notations import escapes, numbers
from deepdx_core.codec.recognizers.text import NOTATIONS
from deepdx_core.codec.segments import Kind
from tests.support.paths import DEMO
from tests.support.readings import read_checked

BANK = (DEMO / "Keys" / "EPIANOS1.syx").read_bytes()
OTHER = (DEMO / "Basses" / "EBASS1.syx").read_bytes()
SINGLE = (DEMO / "Singles" / "voice_1.syx").read_bytes()
WITH_REPEATS = (DEMO / "From the net" / "empty_slots.syx").read_bytes()


def payloads(text):
    """Return the payloads of the voices in a text."""
    data = text if isinstance(text, bytes) else text.encode()
    return [segment.payload for segment in read_checked(data).segments if segment.kind is Kind.VOICES]


def payload(dump):
    return dump[6:-2]


def each(data, pattern="%02X", between=" "):
    """Write every byte by a pattern."""
    return between.join(pattern % byte for byte in data)


def rows(data, width=16):
    return [data[start : start + width] for start in range(0, len(data), width)]


def printable(row):
    return "".join(chr(byte) if 32 <= byte < 127 else "." for byte in row)


TOOLS = [
    *("hexdump -C", "hexdump", "hexdump -x", "hexdump -b", "hexdump -d", "hexdump -o", "hexdump -v -C"),
    *("xxd", "xxd -g1", "xxd -p", "xxd -i", "xxd -e", "xxd -b", "xxd -u -c 32", "xxd -c 8"),
    *("od", "od -x", "od -t x1", "od -A x -t x1z", "od -v -An -tx1", "od -t u1", "od -t d1", "od -b", "od -A d -t x1"),
    *("od -An -tx1", "od -An -x", "od -An -b", "od -An -tu1 -w32"),
    *("od -t x4", "od -t x8", "od -A x -t o1", "od -t d2", "base64", "base64 -w 0", "uuencode bank.syx"),
]


@pytest.mark.parametrize("command", TOOLS)
@pytest.mark.parametrize("dumps", [(BANK,), (SINGLE,), (WITH_REPEATS,), (BANK, OTHER)], ids=len)
def test_the_output_of_a_tool_is_read_whole(command, dumps):
    if not shutil.which(command.split()[0]):
        pytest.skip(f"{command.split()[0]} is not installed")
    text = subprocess.run(command.split(), input=b"".join(dumps), stdout=subprocess.PIPE, check=True).stdout
    assert payloads(text) == [payload(dump) for dump in dumps]


LISTS = {
    "spaces": lambda d: each(d),
    "commas": lambda d: each(d, between=", "),
    "no leading zeros": lambda d: each(d, "%x"),
    "colons": lambda d: each(d, between=":"),
    "hyphens": lambda d: each(d, between="-"),
    "semicolons": lambda d: each(d, between=";"),
    "one on a line": lambda d: each(d, between="\n"),
    "wrapped at 72": lambda d: textwrap.fill(each(d), 72).replace("\n", "\r\n"),
    "0x": lambda d: each(d, "0x%02x", ", "),
    "0x, no leading zeros": lambda d: each(d, "0x%X", ","),
    "Pascal": lambda d: each(d, "$%02X", ","),
    "assembler": lambda d: "\r\n".join("   db " + each(row, "0%02Xh", ",") for row in rows(d)),
    "Rust": lambda d: f"let b: [u8; {len(d)}] = [" + each(d, "0x%02xu8", ", ") + "];",
    "Java": lambda d: "{" + ", ".join(f"(byte) 0x{b:02X}" if b > 127 else f"0x{b:02X}" for b in d) + "}",
    "Java, signed": lambda d: "byte[] b = {" + ", ".join(str(b - 256 if b > 127 else b) for b in d) + "};",
    "BASIC": lambda d: "\n".join(f"{1000 + 10 * n} DATA {each(r, '%d', ',')}" for n, r in enumerate(rows(d, 8))),
    "BASIC, &H": lambda d: "\n".join(f"{10 * n} DATA {each(r, '&H%02X', ',')}" for n, r in enumerate(rows(d, 8), 1)),
    "C, comments at the ends of lines": lambda d: (
        "/* DX7: F0 43 */\nconst unsigned char bank[4104] = { // 240 67 1 2\n"
        + "\n".join(f"  {each(row, '0x%02X,')} /* 0x{16 * n:04x}: voice {n // 8} */" for n, row in enumerate(rows(d)))
        + "\n}; // 0x12 0x34"
    ),
    "C, decimal with comments": lambda d: (
        "uint8_t bank[] = { // 240 67 1 2\n"
        + "\n".join(f"  {each(row, '%d,')} // voice {n // 8}, 12 34" for n, row in enumerate(rows(d)))
        + "\n};\n"
    ),
    "C, comments in a line": lambda d: "{" + ", ".join(f"0x{b:02x} /* {n} */" for n, b in enumerate(d)) + "}",
    "C string": lambda d: "char s[] =\n" + "\n".join(f'"{each(row, chr(92) + "x%02x", "")}"' for row in rows(d)) + ";",
    "Python list": lambda d: str(list(d)),
    "Python list, wrapped": lambda d: textwrap.fill(str(list(d))),
    "Python bytes": lambda d: f"bank = {d!r}",
    "JSON list, a number on a line": lambda d: json.dumps(list(d), indent=2),
    "JSON of a Uint8Array": lambda d: json.dumps({str(n): byte for n, byte in enumerate(d)}),
    "JSON with data": lambda d: json.dumps({"name": "bank 1", "version": 2, "data": list(d)}),
    "JSON, hex": lambda d: json.dumps({"name": "bank 1", "data": d.hex()}),
    "JSON, base64": lambda d: json.dumps({"data": base64.encodebytes(d).decode()}),
    "JSON, characters": lambda d: json.dumps({"data": d.decode("latin-1")}),
    "decimal, tabs": lambda d: each(d, "%d", "\t"),
    "decimal, one on a line": lambda d: each(d, "%d", "\n"),
    "URL": quote_from_bytes,
    "URL, all escaped": lambda d: each(d, "%%%02X", ""),
    "addresses": lambda d: "\n".join(f"{16 * n:04X}: {each(row)}" for n, row in enumerate(rows(d))),
    "0x addresses": lambda d: "\n".join(f"0x{16 * n:04x} {each(row)}" for n, row in enumerate(rows(d))),
    "addresses in brackets": lambda d: "\n".join(f"[{16 * n:04x}] {each(row)}" for n, row in enumerate(rows(d))),
    "decimal addresses": lambda d: "\n".join(f"{16 * n:5d}  {each(row, '%3d')}" for n, row in enumerate(rows(d))),
    "short addresses": lambda d: "\n".join(f"{16 * n:02X} {each(row)}" for n, row in enumerate(rows(d))),
    "debug": lambda d: "\n".join(
        f"1AF3:{256 + 16 * n:04X}  {each(row[:8])}-{each(row[8:])}   {printable(row)}" for n, row in enumerate(rows(d))
    ),
    "hex editor": lambda d: (
        "Offset(h) 00 01 02 03 04 05 06 07 08 09 0A 0B 0C 0D 0E 0F\r\n\r\n"
        + "\r\n".join(f"{16 * n:08X}  {each(row):48}  {printable(row)}" for n, row in enumerate(rows(d)))
    ),
    "characters, no addresses": lambda d: "\n".join(f"{each(row):48}  {printable(row)}" for row in rows(d)),
    "MIDI-OX": lambda d: (
        f" 0000283A   1  --     F0  Buffer:  {len(d)} Bytes   System Exclusive       \r\n"
        + "".join(f" SYSX: {each(row)}\r\n" for row in rows(d, 18))
    ),
    "KnobKraft Orm": lambda d: (
        "07:41:50.424: Out DX7 Sysex [f0 43 20 09 f7]\n"
        f"07:41:50.559: In  DX7 DIN 7 Sysex [{each(d, '%02x')}]\n"
    ),
    "ReceiveMIDI": lambda d: f"17:05:55.123   system-exclusive hex {each(d[1:-1])} dec\nchannel  1   note-on  C3  64\n",
    "ReceiveMIDI, decimal": lambda d: f"system-exclusive {each(d[1:-1], '%d')}\n",
    "SendMIDI": lambda d: f'sendmidi dev "DX7" syx hex {each(d[1:-1])}\n',
    "SendMIDI, hex first": lambda d: f'sendmidi dev "DX7" hex syx {each(d[1:-1])}\n',
    "SendMIDI, H": lambda d: f'sendmidi dev "DX7" syx {each(d[1:-1], "%02XH")}\n',
    "SendMIDI, decimal": lambda d: f'sendmidi dev "DX7" syx {each(d[1:-1], "%d")}\n',
    "mido": lambda d: f"sysex data=({each(d[1:-1], '%d', ',')}) time=0\n",
    "mido, repr": lambda d: f"Message('sysex', data=({each(d[1:-1], '%d', ', ')}), time=0)\n",
    "aseqdump": lambda d: f" 28:0   System exclusive          {each(d)}\n",
    "MIDI Monitor": lambda d: f"17:05:55.123\tFrom DX7\tSysEx\t\tYamaha {len(d)} bytes\t{each(d)}\n",
    "quoted": lambda d: "On Tue, Bob wrote:\n" + "".join(f"> {each(row)}\n" for row in rows(d)),
    "quoted twice": lambda d: "".join(f">> {16 * n:08x}  {each(row)}\n" for n, row in enumerate(rows(d))),
    "UTF-16": lambda d: each(d).encode("utf-16"),
    "UTF-16, no mark": lambda d: each(d).encode("utf-16-le"),
    "UTF-16, high byte first, no mark": lambda d: each(d, "0x%02x", ", ").encode("utf-16-be"),
    "UTF-32": lambda d: each(d).encode("utf-32"),
    "UTF-8 with a mark": lambda d: each(d).encode("utf-8-sig"),
    "base64": base64.encodebytes,
    "base64 of URLs": base64.urlsafe_b64encode,
    "base64, quoted": lambda d: b"".join(b"> " + line + b"\n" for line in base64.encodebytes(d).splitlines()),
    "data URL": lambda d: b'<a href="data:application/octet-stream;base64,' + base64.b64encode(d) + b'">DX7</a>',
    "begin-base64": lambda d: b"begin-base64 644 bank.syx\n" + base64.encodebytes(d) + b"====\n",
    "uuencode": lambda d: uuencode(d),
    "uuencode, no spaces at the ends of lines": lambda d: b"\n".join(map(bytes.rstrip, uuencode(d).split(b"\n"))),
    "uuencode, quoted": lambda d: b"".join(b"> " + line + b"\n" for line in uuencode(d).splitlines()),
    "quoted-printable": quopri.encodestring,
    "quoted-printable of data": lambda d: b"Subject: x\n\n" + binascii.b2a_qp(d, istext=False),
    "XML, hex": lambda d: f"<bank><voice name='a'>{d.hex()}</voice></bank>",
    "XML, base64 with references": lambda d: b"<p>" + base64.encodebytes(d).replace(b"\n", b"&#13;\n") + b"</p>",
    "XML, compressed": lambda d: b'<p d="' + base64.b64encode(gzip.compress(d)) + b'"/>',
    "property list": lambda d: (
        b'<plist version="1.0"><dict><key>data</key><data>\n\t\t'
        + base64.encodebytes(d).replace(b"\n", b"\n\t\t")
        + b"</data></dict></plist>"
    ),
}  # fmt: skip


def uuencode(data):
    return b"begin 644 bank.syx\n" + b"".join(binascii.b2a_uu(row) for row in rows(data, 45)) + b" \nend\n"


@pytest.mark.parametrize("write", LISTS.values(), ids=LISTS)
@pytest.mark.parametrize("dump", [BANK, SINGLE], ids=["bank", "single"])
def test_a_dump_is_read_in_any_notation(write, dump):
    if write is LISTS["short addresses"] and dump is BANK:
        pytest.skip("two digits are not enough for addresses of a bank")
    assert payloads(write(dump)) == [payload(dump)]


@pytest.mark.parametrize(
    "name", ["Python list", "0x", "spaces", "base64", "XML, compressed", "addresses", "property list"]
)
def test_voices_without_a_header_are_read_too(name):
    assert payloads(LISTS[name](payload(BANK))) == [payload(BANK)]


def test_voices_in_elements_of_their_own_are_read_in_order():
    voices = rows(payload(BANK), 128)
    elements = (b"<dict><key>v</key><data>\n\t" + base64.encodebytes(voice) + b"</data></dict>" for voice in voices)
    assert payloads(b'<?xml version="1.0"?><plist><array>' + b"".join(elements) + b"</array></plist>") == [
        payload(BANK)
    ]


def test_patches_of_a_jsynthlib_library_are_read():
    patch = b"<patch><patchData>" + base64.encodebytes(gzip.compress(SINGLE)) + b"</patchData></patch>"
    assert payloads(b"<xmlDevice><patchLib>" + patch * 5 + b"</patchLib></xmlDevice>") == [payload(SINGLE)] * 5


def test_dumps_in_several_notations_are_read_in_their_order():
    text = "\n\n".join(
        [
            "Hi, this is my bank:",
            LISTS["hex editor"](BANK),
            "and as C:",
            LISTS["0x"](OTHER),
            "my favourite:",
            LISTS["base64"](SINGLE).decode(),
            LISTS["decimal, tabs"](BANK),
        ]
    )
    assert payloads(text) == [payload(dump) for dump in (BANK, OTHER, SINGLE, BANK)]


def test_segments_are_where_the_dump_is_in_the_text():
    text = b"Hello!\n" + LISTS["addresses"](SINGLE).encode() + b"\nBye."
    before, dump, after = read_checked(text).segments
    assert text[dump.offset :].startswith(b"F0 43")
    assert text[: dump.offset + dump.length].endswith(b"F7")
    assert (before.what, after.what, dump.note) == ("text", "text", "hex text")
    wide = text.decode().encode("utf-16-le")
    assert [2 * s.offset for s in (before, dump, after)] == [s.offset for s in read_checked(wide).segments]


@pytest.mark.parametrize(
    "text", [b"240, 67, 0, 9, 32, 0, " * 99, b"F0 43 00 09 20 00 " * 99, b"F0 43 10 01 02 03\n" * 99]
)
def test_headers_without_voices_are_no_dumps(text):
    assert read_checked(text).voices == 0


def test_compressed_data_that_grows_beyond_all_banks_is_read_within_a_limit():
    bomb = base64.b64encode(gzip.compress(bytes(2**24)))
    reading = read_checked(b"<patchData>" + bomb + b"</patchData>")
    assert (reading.voices, reading.reason) == (0, "web page or XML, not a dump")


@settings(deadline=None, max_examples=150)
@given(st.data())
def test_changed_texts_are_covered(data):
    write = LISTS[data.draw(st.sampled_from(sorted(LISTS)))]
    written = write(SINGLE)
    text = bytearray(written if isinstance(written, bytes) else written.encode())
    for _ in range(data.draw(st.integers(1, 8))):
        at = data.draw(st.integers(0, len(text) - 1))
        text[at : at + data.draw(st.integers(0, 3))] = data.draw(
            st.sampled_from([b"", b"*", b"\n", b"0", b"=", b"\xff", b"> "])
        )
    read_checked(bytes(text))


@settings(deadline=None, max_examples=300)
@given(st.lists(st.sampled_from([*b"0179fF43:x \n*>=%\\\"'&#<A-,", *range(0x20, 0x7F)]), max_size=400).map(bytes))
def test_notations_decode_any_text(text):
    for notation in NOTATIONS:
        decoded = notation.decode(text)
        if decoded:
            offsets = decoded.offsets.tolist()
            assert len(offsets) == len(decoded.data)
            assert offsets == sorted(offsets)
            assert all(0 <= offset < len(text) for offset in offsets)


@pytest.mark.parametrize(
    "name", ["commas", "0x", "Python list", "hex editor", "URL", "Python bytes", "JSON, characters", "quoted-printable"]
)
@pytest.mark.parametrize("size", [997, 1000, 1001])
def test_a_dump_that_is_decoded_in_blocks_is_whole(monkeypatch, name, size):
    monkeypatch.setattr(numbers, "_BLOCK", size)
    monkeypatch.setattr(escapes, "_BLOCK", size)
    assert payloads(LISTS[name](BANK)) == [payload(BANK)]
