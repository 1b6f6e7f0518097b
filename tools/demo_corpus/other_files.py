"""Files without DX7 voices that are found beside banks."""

import numpy as np

from tools.demo_corpus.random_draws import Draws


def make_performances(draws: Draws) -> bytes:
    """Return the data of TX7 performances, 4096 bytes: 64 of 64 bytes."""
    blocks = np.zeros((64, 64), dtype=np.uint8)
    blocks[:, :30] = draws.integers(0, 15, (64, 30))
    blocks[:, 34:] = np.frombuffer(b"PERFORMANCE OF A TX7".ljust(30), dtype=np.uint8)
    return blocks.tobytes()


def make_roland_message(draws: Draws) -> bytes:
    """Return a Roland data set message, 271 bytes."""
    data = draws.integers(0, 127, (264,)).astype(np.uint8).tobytes()
    return bytes([0xF0, 0x41, 0x00, 0x14, 0x12]) + data + bytes([-sum(data) & 0x7F, 0xF7])


def make_noise(draws: Draws) -> bytes:
    """Return 3000 random bytes."""
    return draws.integers(0, 255, (3000,)).astype(np.uint8).tobytes()


def make_text() -> bytes:
    """Return a typed list of voices."""
    lines = (
        "My DX7 banks, summer 1987",
        "",
        "EPIANOS1   use with chorus pedal",
        "BRASS1     first eight are the good ones",
        "",
    )
    return "\n".join(lines).encode()


def make_web_page() -> bytes:
    """Return the web page that links to the banks."""
    return (
        b"<!DOCTYPE html>\n<html><head><title>DX7 banks</title></head>\n"
        b'<body><h1>DX7 banks</h1><p><a href="two_banks.zip">two_banks.zip</a></p></body></html>\n'
    )


def make_apple_double() -> bytes:
    """Return the header of an AppleDouble file with an empty Finder entry (32 bytes)."""
    header = bytes.fromhex("00051607 00020000") + b"Mac OS X".ljust(16) + bytes.fromhex("0001")
    finder_info = bytes.fromhex("00000009 00000026 00000020")
    return header + finder_info + bytes(32)
