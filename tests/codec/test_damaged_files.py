"""The reader finds the intact voices of damaged files, and invents none in damaged or foreign ones."""

from collections import Counter
from functools import cache

import pytest

from deepdx_core.codec.reader import read
from tests.support.banks import files_below, files_in, framed_banks
from tests.support.damage import DAMAGES, Case, damaged_file
from tests.support.foreign import FOREIGN, foreign_file
from tests.support.paths import CORPUS, DEMO, needs_corpus
from tests.support.readings import read_checked, voices_in

CASES_PER_KIND = 15
FOREIGN_FILES_PER_KIND = 80


@cache
def banks(source):
    files = files_below(DEMO) if source == "demo" else files_in(CORPUS / "dx7-library.zip")
    return framed_banks(files)


@cache
def tally_cases(source):
    """Count intact, displaced, found and invented voices by kind of damage."""
    tally = {}
    for kind in DAMAGES:
        count = tally[kind] = Counter()
        for seed in range(CASES_PER_KIND):
            count.update(compare(damaged_file(kind, banks(source), seed)))
    return tally


def compare(case: Case):
    found = voices_in(read(case.data))
    return {
        "intact": len(case.intact),
        "found": len(case.intact & found),
        "displaced": len(case.displaced),
        "displaced found": len(case.displaced & found),
        "invented": len(found - case.intact - case.displaced - case.slots),
    }


def describe(tally):
    return "\n" + "\n".join(
        f"{kind:34}{count['found']:6} of {count['intact']:6} intact, "
        f"{count['displaced found']:5} of {count['displaced']:5} displaced, {count['invented']:4} invented"
        for kind, count in tally.items()
    )


sources = pytest.mark.parametrize("source", ["demo", pytest.param("corpus", marks=needs_corpus)])


@sources
def test_intact_voices_are_found(source):
    tally = tally_cases(source)
    total = sum(tally.values(), Counter())
    assert total["found"] >= 0.99 * total["intact"], describe(tally)
    assert all(count["found"] >= 0.95 * count["intact"] for count in tally.values()), describe(tally)


@sources
def test_no_voice_is_invented(source):
    tally = tally_cases(source)
    assert sum(tally.values(), Counter())["invented"] == 0, describe(tally)


@pytest.mark.parametrize("kind", DAMAGES)
def test_damage_is_the_same_for_a_seed(kind):
    first, again, other = (damaged_file(kind, banks("demo"), seed) for seed in (1, 1, 2))
    assert first == again
    assert first.data != other.data


@pytest.mark.parametrize("kind", DAMAGES)
def test_segments_cover_every_byte_of_a_damaged_file(kind):
    for seed in range(3):
        read_checked(damaged_file(kind, banks("demo"), seed).data)


@pytest.mark.parametrize("kind", FOREIGN)
def test_foreign_files_hold_no_voices(kind):
    for seed in range(FOREIGN_FILES_PER_KIND):
        assert read_checked(foreign_file(kind, seed)).voices == 0, f"{kind}, seed {seed}"
