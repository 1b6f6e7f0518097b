"""Files of nothing but whole dumps: read as any other recognizer would read them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deepdx_core.codec.recognizers import sysex, whole_dumps
from deepdx_core.codec.writer import frame
from tests.codec.test_messages import BANK, PACKED, SINGLES, four_operator_bank

LOST = frame(9, BANK[6:500] + BANK[503:-2] + bytes(3))  # three bytes lost, then framed anew
PIECES = [BANK, LOST, frame(9, bytes(4096)), *SINGLES[:3]]
OTHERS = [
    frame(9, four_operator_bank(0)),
    BANK[:-1],
    BANK[:3] + b"\x08" + BANK[4:],
    SINGLES[0][:90],
    b"\xf0\x41\x01\xf7",
    b"\0",
    PACKED[0].tobytes(),
]


@given(st.lists(st.sampled_from(PIECES), min_size=1, max_size=5))
@settings(max_examples=60, deadline=None)
def test_whole_dumps_are_read_as_by_the_last_recognizer(pieces):
    data = b"".join(pieces)
    assert whole_dumps.recognize(data) == sysex.recognize(data)


@pytest.mark.parametrize("other", OTHERS, ids=range(len(OTHERS)))
def test_any_other_bytes_are_left_to_the_others(other):
    for data in (other, BANK + other, other + BANK, BANK + other + BANK):
        assert whole_dumps.recognize(data) is None
