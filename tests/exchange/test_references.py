"""Voices as users name them."""

import polars as pl
import pytest

from deepdx_core.decoding.dumps import decode_dumps
from deepdx_core.dedup.exact import unique_sounds
from deepdx_core.errors import DeepDXError
from deepdx_core.exchange.inspection import load_voice
from deepdx_core.exchange.references import InvalidReferenceError, read_voice
from deepdx_core.home import Home
from deepdx_core.intake.survey import survey
from deepdx_core.quality.rules import load_rules
from deepdx_core.tables.storage import Tables
from tests.support.paths import DEMO

KEYS = DEMO / "Keys" / "EPIANOS1.syx"


@pytest.fixture(scope="module")
def demo_home(tmp_path_factory):
    """A home whose corpus is one bank."""
    home = Home(tmp_path_factory.mktemp("references"))
    decoded = decode_dumps(survey(KEYS.parent).dumps)
    Tables(home).write("decoded_voices", decoded)
    Tables(home).write("unique_voices", unique_sounds(decoded, load_rules().repair))
    return home


def test_a_slot_of_a_file_and_the_sound_in_it_are_the_same_voice(demo_home):
    parameters, name = read_voice(demo_home, f"{KEYS}:3")
    assert (parameters.tolist(), name) == (load_voice(KEYS, 3)[0].tolist(), load_voice(KEYS, 3)[1])
    rows = Tables(demo_home).read("decoded_voices").filter(pl.col("name") == name, pl.col("slot") == 3)
    same, _ = read_voice(demo_home, rows["sound_id"][0])
    assert same.tolist() == parameters.tolist()


@pytest.mark.parametrize("text", ["", "bank.syx", "bank.syx:0", "0123456789abcdef", "\x1b[2Jx"])
def test_other_texts_are_refused_by_name(demo_home, text):
    with pytest.raises(InvalidReferenceError, match="is not FILE:SLOT") as error:
        read_voice(demo_home, text)
    assert str(error.value).isprintable()


def test_an_unknown_sound_is_refused(demo_home):
    with pytest.raises(DeepDXError, match="no sound 00000000000000000000"):
        read_voice(demo_home, "0" * 20)
