"""The composer of the demo corpus, and the corpus in `data/demo`."""

import re
from pathlib import Path

import numpy as np
import pytest

from deepdx_core.arrays import UInt8Array
from deepdx_core.codec.packing import INIT_VOICE, MAXIMA, unpack_vmem
from deepdx_core.sound.rendering import render
from deepdx_core.voice.algorithms import ALGORITHMS
from deepdx_core.voice.columns import CARRIERS
from deepdx_core.voice.parameters import INDEX, NAME_LENGTH, VMEM_SIZE, VMEM_VOICES
from tools.demo_corpus.compose import compose_family
from tools.demo_corpus.corpus import compose_corpus, write_corpus
from tools.demo_corpus.families import FAMILIES
from tools.demo_corpus.operator_roles import DEPTH, STACK
from tools.demo_corpus.random_draws import Draws
from tools.demo_corpus.sheets import Family, Part
from tools.demo_corpus.voices import Voices, compose_voices

COMMITTED = Path(__file__).parents[2] / "data" / "demo"
BANK = re.compile(rb"\xf0\x43[\x00-\x0f]\x09\x20\x00(.{4096}).\xf7", re.DOTALL)
PLANTED_ROW = re.compile(r"^\| `(.+?)` \| .+ \| (\d+) \| (\d+) \|$", re.MULTILINE)


@pytest.fixture(scope="module")
def corpus() -> dict[str, bytes]:
    return compose_corpus()


@pytest.fixture(scope="module")
def voices() -> Voices:
    return compose_voices(1983)


def rows_of_banks(corpus: dict[str, bytes]) -> UInt8Array:
    """Return packed voices of all framed banks, `uint8[n, 128]`, including the archive, whose members are stored."""
    data = b"".join(bank for content in corpus.values() for bank in BANK.findall(content))
    return np.frombuffer(data, dtype=np.uint8).reshape(-1, VMEM_SIZE)


def test_the_same_seed_gives_the_same_bytes(corpus: dict[str, bytes]) -> None:
    assert compose_corpus() == corpus
    assert compose_corpus(1984) != corpus


def test_the_committed_folder_matches_the_composer(corpus: dict[str, bytes]) -> None:
    found = {path.relative_to(COMMITTED).as_posix() for path in COMMITTED.rglob("*") if path.is_file()}
    assert found == set(corpus)
    different = [path for path, content in corpus.items() if (COMMITTED / path).read_bytes() != content]
    assert not different, "rebuild with: python -m tools.demo_corpus data/demo"


def test_writing_replaces_and_leaves_other_files_alone(corpus: dict[str, bytes], tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("old")
    (tmp_path / "mine.syx").write_text("mine")
    write_corpus(tmp_path)
    written = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    assert written == {*corpus, "mine.syx"}
    assert (tmp_path / "mine.syx").read_text() == "mine"
    assert (tmp_path / "README.md").read_bytes() == corpus["README.md"]


def test_size_of_the_corpus(corpus: dict[str, bytes]) -> None:
    assert sum(map(len, corpus.values())) < 400_000
    assert 64 <= sum(len(content) >= 2600 and path.endswith(("syx", "bin")) for path, content in corpus.items()) <= 80


def test_the_banks_hold_enough_different_sounds(corpus: dict[str, bytes]) -> None:
    parameters, _ = unpack_vmem(rows_of_banks(corpus))
    real = parameters[(parameters <= MAXIMA).all(axis=1) & parameters.any(axis=1) & (parameters != INIT_VOICE).any(1)]
    assert len(real) >= 1800
    assert len(np.unique(real, axis=0)) >= 1500


def test_no_two_voices_are_the_same_and_all_are_legal(voices: Voices) -> None:
    assert (voices.parameters <= MAXIMA).all()
    assert len(np.unique(voices.parameters, axis=0)) == len(voices)


def test_every_algorithm_and_every_label_is_well_represented(voices: Voices) -> None:
    assert np.bincount(voices.parameters[:, INDEX["algorithm"]], minlength=32).min() >= 15
    labels = np.array([family.label for family in FAMILIES])[voices.families]
    names, counts = np.unique(labels, return_counts=True)
    assert set(names) == {"Pads", "Pianos", "Plucked", "Bass", "Orchestra", "Synth", "Perc", "Other"}
    assert counts.min() >= 90


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.names[0])
def test_a_family_decays_to_silence_and_uses_its_algorithms(family: Family) -> None:
    parameters, variants = compose_family(family, 1983)
    assert len(parameters) == len(variants) == family.count
    assert (parameters <= MAXIMA).all()
    algorithms = parameters[:, INDEX["algorithm"]]
    assert set((algorithms + 1).tolist()) <= set(map(int, family.algorithms.split()))
    assert max(map(len, family.names)) <= NAME_LENGTH
    for operator in range(6):
        carriers = parameters[DEPTH[algorithms, operator] == 0]
        assert (carriers[:, INDEX[f"op{operator + 1}_eg_level_4"]] == 0).all()
        assert (carriers[:, INDEX[f"op{operator + 1}_output_level"]] > 60).all()


def test_names_are_printable_and_mostly_different(voices: Voices) -> None:
    assert ((voices.names >= 32) & (voices.names < 127)).all()
    assert len(np.unique(voices.names, axis=0)) > 0.9 * len(voices)


def test_every_planted_file_is_listed(corpus: dict[str, bytes]) -> None:
    rows = PLANTED_ROW.findall(corpus["README.md"].decode())
    assert {path for path in corpus if path.startswith(("From the net/", "Singles/"))} == {path for path, _, _ in rows}
    assert all(int(sounds) <= int(slots) for _, slots, sounds in rows)


def test_planted_files_are_as_described(corpus: dict[str, bytes]) -> None:
    expected = {path: int(sounds) for path, _, sounds in PLANTED_ROW.findall(corpus["README.md"].decode())}
    for name in ("bytes_over_127", "out_of_range", "empty_slots", "init_slots", "channel_6", "wrong_checksum"):
        path = f"From the net/{name}.syx"
        parameters, _ = unpack_vmem(rows_of_banks({path: corpus[path]}))
        legal = (parameters <= MAXIMA).all(1) & parameters.any(1) & (parameters != INIT_VOICE).any(1)
        assert (len(parameters), legal.sum()) == (VMEM_VOICES, expected[path])
    for name in ("four_operators", "tx7_performances", "other_maker"):
        content = corpus[f"From the net/{name}.syx"]
        assert (content[0], content[-1]) == (0xF0, 0xF7)
        assert max(content[1:-1]) < 0x80


def test_roles_follow_the_chart() -> None:
    for algorithm, depths, stacks in zip(ALGORITHMS, DEPTH, STACK, strict=True):
        assert tuple(np.flatnonzero(depths == 0) + 1) == algorithm.carriers
        assert stacks.max() == len(algorithm.carriers) - 1
        assert all(depths[high - 1] > 0 for high, _ in algorithm.modulations)


def test_tuning_is_parsed_as_on_the_panel() -> None:
    part = Part("0.5 1 3.5 1.41 14 F199-200", "99 99 99 99", "99 99 99 0")
    assert part.tunings().tolist() == [[0, 0, 0], [0, 1, 0], [0, 2, 75], [0, 1, 41], [0, 14, 0], [1, 1, 99], [1, 2, 0]]


def test_draws_stay_in_range() -> None:
    drawn = Draws(1).integers(-3, 3, (1000,))
    assert (drawn.min(), drawn.max()) == (-3, 3)
    assert sorted(Draws(1).order(50)) == list(range(50))


def test_a_sample_of_the_voices_is_audible(voices: Voices) -> None:
    sample = voices.parameters[Draws(3).order(len(voices))[:100]]
    peaks = np.abs(render(sample, seconds=1.2, held=1.0)).max(axis=1)
    peaks /= CARRIERS[sample[:, INDEX["algorithm"]]].sum(axis=1)
    assert (peaks > 0.05).all() and (peaks < 1.2).all()
