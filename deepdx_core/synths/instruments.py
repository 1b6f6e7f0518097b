"""Instruments that voices are sent to, and dumps that they are asked for, by name. Imports nothing."""

from enum import StrEnum


class Instrument(StrEnum):
    """An instrument that takes voices."""

    DX7 = "dx7"
    """Also TX7, TX816 and others with a memory of 32 voices."""
    DX7II = "dx7ii"
    """Also DX7s."""
    TX802 = "tx802"
    SY77 = "sy77"
    """Also TG77 and SY99."""


class Wanted(StrEnum):
    """A dump to ask for."""

    VOICE = "voice"
    BANK = "bank"
    DX7II_VOICE = "dx7ii-voice"
    DX7II_BANKS = "dx7ii-banks"
    DX7II_PERFORMANCES = "dx7ii-performances"
    TX802_BANKS = "tx802-banks"
    TX802_PERFORMANCES = "tx802-performances"
    FOUR_OPERATOR_VOICE = "4op-voice"
    FOUR_OPERATOR_BANK = "4op-bank"
    SY77_VOICES = "sy77-voices"
