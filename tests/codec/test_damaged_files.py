"""What the reader saves from damaged files, and what it must not see in foreign ones."""

from collections import Counter
from functools import cache

import pytest

from deepdx_core.codec.reader import read
from studies.foreign_files import FOREIGN, foreign, require_an_account
from tests.support.damage import DAMAGES, Case, damaged, files_below, files_in, framed_banks, voices_in
from tests.support.paths import CORPUS, DEMO, needs_corpus

CASES_OF_A_KIND = 15
FOREIGN_OF_A_KIND = 80


@cache
def banks(source):
    files = files_below(DEMO) if source == "demo" else files_in(CORPUS / "dx7-library.zip")
    return framed_banks(files)


@cache
def outcome(source):
    """By kind of damage: intact voices, how many were found, the same for displaced ones, and what was invented."""
    tally = {}
    for kind in DAMAGES:
        count = tally[kind] = Counter()
        for seed in range(CASES_OF_A_KIND):
            count.update(compared(damaged(kind, banks(source), seed)))
    return tally


def compared(case: Case):
    found = voices_in(read(case.data))
    return {
        "intact": len(case.intact),
        "found": len(case.intact & found),
        "displaced": len(case.displaced),
        "displaced found": len(case.displaced & found),
        "invented": len(found - case.intact - case.displaced - case.slots),
    }


def in_words(tally):
    return "\n" + "\n".join(
        f"{kind:34}{count['found']:6} of {count['intact']:6} intact, "
        f"{count['displaced found']:5} of {count['displaced']:5} displaced, {count['invented']:4} invented"
        for kind, count in tally.items()
    )


sources = pytest.mark.parametrize("source", ["demo", pytest.param("corpus", marks=needs_corpus)])


@sources
def test_intact_voices_are_found(source):
    tally = outcome(source)
    total = sum(tally.values(), Counter())
    assert total["found"] >= 0.99 * total["intact"], in_words(tally)
    assert all(count["found"] >= 0.95 * count["intact"] for count in tally.values()), in_words(tally)


@sources
def test_no_voice_is_invented(source):
    tally = outcome(source)
    assert sum(tally.values(), Counter())["invented"] == 0, in_words(tally)


@pytest.mark.parametrize("kind", DAMAGES)
def test_damage_is_the_same_for_a_seed(kind):
    first, again, other = (damaged(kind, banks("demo"), seed) for seed in (1, 1, 2))
    assert first == again
    assert first.data != other.data


@pytest.mark.parametrize("kind", DAMAGES)
def test_every_byte_of_a_damaged_file_is_accounted_for(kind):
    for seed in range(3):
        require_an_account(damaged(kind, banks("demo"), seed).data)


@pytest.mark.parametrize("kind", FOREIGN)
def test_foreign_files_hold_no_voices(kind):
    for seed in range(FOREIGN_OF_A_KIND):
        assert require_an_account(foreign(kind, seed)).voices == 0, f"{kind}, seed {seed}"
