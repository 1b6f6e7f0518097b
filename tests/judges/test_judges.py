"""Judges: those of the package, their files, the folds that keep a judge from its own training data."""

from dataclasses import replace
from importlib import resources

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load, save

from deepdx_core import judges
from deepdx_core.configuration import check_configuration
from deepdx_core.decoding.sound_ids import sound_ids
from deepdx_core.home import Home
from deepdx_core.judges.judge import Judge, JudgeCard, from_file, id_prefixes, to_file
from deepdx_core.judges.store import KINDS, JudgeError, load_judge, own_versions, package_judge, save_judge
from deepdx_core.trees import fit_trees
from tests.support.voices import random_voices

IDS = pl.Series(sound_ids(random_voices(60, seed=1)[0]))


def small_judge(**changes):
    random = np.random.default_rng(0)
    inputs = random.integers(0, 100, (200, 145)).astype(np.uint8)
    trees = [fit_trees(inputs, inputs[:, n] > 50, None, max_iter=3, max_leaf_nodes=4) for n in (0, 1)]
    card = JudgeCard(kind="corruption", data="a test", date="2026-01-01", sounds=200, measures={"real": 0.01})
    empty = np.empty(0, np.uint64), np.empty(0, np.uint8), np.empty((0, 0), np.float32), np.empty(0)
    return replace(Judge(card, tuple(trees), *empty), **changes)


@pytest.mark.parametrize("kind", KINDS)
def test_the_package_has_a_small_judge_of_each_kind_with_a_card(kind):
    judge = package_judge(kind)
    assert judge.card.kind == kind
    assert judge.card.sounds > 10_000 and judge.card.measures and "dx7-library" in judge.card.data
    assert (resources.files(judges) / f"{kind}.safetensors").stat().st_size < 4 << 20


def test_a_judge_is_the_same_from_its_file():
    judge = small_judge()
    again = from_file(to_file(judge))
    assert again.version == judge.version and again.card == judge.card
    inputs = np.random.default_rng(1).integers(0, 128, (60, 145)).astype(np.uint8)
    assert again.score(inputs, IDS) == pytest.approx(judge.score(inputs, IDS), abs=1e-6)
    assert to_file(again) == to_file(from_file(to_file(again)))


def test_the_version_depends_on_judgements_and_not_on_the_card():
    judge = small_judge()
    assert replace(judge, card=judge.card.model_copy(update={"date": "2027-01-01"})).version == judge.version
    assert replace(judge, card=judge.card.model_copy(update={"calibration": 0.5})).version != judge.version
    assert replace(judge, models=judge.models[::-1]).version != judge.version


def test_a_known_sound_is_judged_by_the_model_of_its_family_and_any_other_by_its_own_id():
    own = np.array([int(id_[:8], 16) % 2 for id_ in IDS])
    known = np.sort(id_prefixes(IDS[:20]))
    judge = small_judge(known=known, known_folds=np.ones(20, np.uint8))
    folds = judge.fold_of(IDS)
    assert (folds[:20] == 1).all()
    assert (folds[20:] == own[20:]).all() and 0 < own[20:].mean() < 1
    inputs = np.random.default_rng(2).integers(0, 100, (60, 145)).astype(np.uint8)
    scores = judge.score(inputs, IDS)
    for fold in (0, 1):
        rows = folds == fold
        assert (scores[rows] == judge.models[fold].sum_leaves(inputs[rows])).all()
    assert (judge.score(inputs[[5]], IDS[5:6]) == scores[5]).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda arrays: arrays.pop("prior"), "missing"),
        (lambda arrays: arrays.pop("1/values"), "missing"),
        (lambda arrays: arrays.update({"0/values": arrays["0/values"] * np.nan}), "finite"),
        (lambda arrays: arrays.update({"0/children": arrays["0/children"] + np.uint8(200)}), "children"),
        (lambda arrays: arrays.update({"0/thresholds": arrays["0/thresholds"].astype(np.int64)}), "thresholds"),
        (lambda arrays: arrays.update(known=np.arange(3, dtype=np.uint64)), "a fold for each"),
        (
            lambda arrays: arrays.update(known=np.arange(3, dtype=np.uint64), known_folds=np.full(3, 9, np.uint8)),
            "numbers of models",
        ),
        (lambda arrays: arrays.update(edges=np.array([[2, 1]], np.float32)), "sorted"),
        (lambda arrays: arrays.update(prior=np.array([0.5])), "share of each class"),
    ],
)
def test_a_damaged_file_is_refused_with_the_reason(change, message):
    content = to_file(small_judge())
    arrays = dict(load(content))
    change(arrays)
    card = {"card": small_judge().card.model_dump_json()}
    with pytest.raises(ValueError, match=f"not a judge.*{message}"):
        from_file(save(arrays, card))


@pytest.mark.parametrize(
    "card", [{}, {"card": "[]"}, {"card": "{"}, {"card": '{"kind": "taste"}'}, {"card": "[" * 100_000}]
)
def test_a_file_without_a_proper_card_is_refused(card):
    with pytest.raises(ValueError, match="not a judge"):
        from_file(save(dict(load(to_file(small_judge()))), card))


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=200), st.integers(0, 5000))
def test_any_bytes_are_a_judge_or_an_error(noise, at):
    content = to_file(small_judge())
    for damaged in (noise, content[:at], content[:at] + noise + content[at + len(noise) :]):
        try:
            judge = from_file(damaged)
        except ValueError:
            continue
        assert np.isfinite(judge.score(np.zeros((60, 145), np.uint8), IDS)).all()


def test_a_judge_of_ones_own_is_picked_by_its_version(tmp_path):
    home = Home(tmp_path)
    judge = from_file(to_file(small_judge()))
    save_judge(home, judge)
    assert own_versions(home, "corruption") == [judge.version]
    assert load_judge(home, "corruption", judge.version).card == judge.card
    home.rules.write_text(f'[judges]\ncorruption = "{judge.version}"\n')
    check_configuration(home)


@pytest.mark.parametrize("which", ["0123456789abcdef", "../../etc/passwd", "", "x\u202e"])
def test_an_unknown_judge_is_refused_before_a_run_with_the_known_ones(tmp_path, which):
    home = Home(tmp_path)
    version = save_judge(home, small_judge()).stem.removeprefix("corruption-")
    home.rules.write_text(f'[judges]\ncorruption = "{which}"\n')
    with pytest.raises(JudgeError, match=rf"rules\.toml: judges\.corruption: no judge .*; known: package, {version}"):
        check_configuration(home)


def test_a_judge_under_the_name_of_another_is_refused(tmp_path):
    home = Home(tmp_path)
    path = save_judge(home, small_judge())
    other = path.with_name("corruption-0123456789abcdef.safetensors")
    other.write_bytes(path.read_bytes())
    path.with_name("labels-0123456789abcdef.safetensors").write_bytes(path.read_bytes())
    for kind in KINDS:
        with pytest.raises(JudgeError, match=r"0123456789abcdef\.safetensors: damaged, or another judge"):
            load_judge(home, kind, "0123456789abcdef")
