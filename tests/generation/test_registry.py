"""The registry of models: metrics that count as worse, and the roles of challengers and champions."""

import shutil
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from deepdx_core.dataset.arrays import Splits, Voices, generated_voices, joint_families
from deepdx_core.generation import sampling
from deepdx_core.generation.critic import fit_critic
from deepdx_core.generation.model import WEIGHTS, load_model, save_model
from deepdx_core.generation.model_card import MODEL_CARD, TrainingSummary
from deepdx_core.generation.names import fit_names
from deepdx_core.generation.registry import (
    NoModelError,
    champion_folder,
    compare_models,
    find_model,
    model_folder,
)
from deepdx_core.generation.succession import Measures, find_worse_metrics
from deepdx_core.generation.voice_model import WriterModel
from deepdx_core.quality.rules import load_rules
from deepdx_core.state.store import open_state
from deepdx_core.tables.generator import MEASURED, TrainedModels
from deepdx_core.tables.storage import Tables
from deepdx_core.writer.config import WriterConfig
from deepdx_core.writer.model import Writer
from deepdx_core.writer.parents import SAMPLING_SLACK, find_parents
from tools.demo_corpus.voices import compose_voices

CONFIG = WriterConfig(width=16, depth=1, heads=2, threads=1, mixed=False)
LABELS = ("a", "b", "c")
FIRST, SECOND, THIRD = "1" * 16, "2" * 16, "3" * 16
NOTHING = TrainedModels.create_empty()


# Worse metrics


def measures(luck=0, accuracy=0.9, **metrics):
    """Measures of 400 voices; each metric has a mean of .6 unless given. `luck` seeds the deviations of the voices."""
    parts = {}
    for number, metric in enumerate(MEASURED):
        deviations = np.random.default_rng([luck, number]).normal(size=400)
        if (value := metrics.get(metric, 0.6)) is not None:
            parts[metric] = value + 0.3 * (deviations - deviations.mean())
    return Measures(parts, np.arange(400), np.full(400, accuracy))


def worse_metrics(challenger, other):
    return [reason.partition(":")[0] for reason in find_worse_metrics(challenger, other)]


def test_a_model_is_not_worse_than_itself():
    assert find_worse_metrics(measures(), measures()) == []


@pytest.mark.parametrize("metric", ["precision", "recall", "density", "coverage"])
def test_a_lower_value_is_worse(metric):
    (description,) = find_worse_metrics(measures(1, **{metric: 0.5}), measures(2))
    assert description.startswith(f"{metric}: 0.500 against 0.600, noise 0.02")
    assert find_worse_metrics(measures(1), measures(2, **{metric: 0.5})) == []


def test_a_larger_share_of_near_duplicates_is_worse():
    (description,) = find_worse_metrics(measures(1, dcr_near=0.7), measures(2))
    assert description.startswith("dcr_near: 0.700 against 0.600")
    assert find_worse_metrics(measures(1), measures(2, dcr_near=0.7)) == []


@pytest.mark.parametrize("metric", MEASURED)
def test_a_difference_is_judged_voice_by_voice(metric):
    """A loss of .02 is within the noise of different voices, and beyond it where the same voices do worse."""
    worse = 0.62 if metric in ("c2st", "dcr_near") else 0.58
    assert find_worse_metrics(measures(1, **{metric: worse}), measures(2)) == []
    assert worse_metrics(measures(1, **{metric: worse}), measures(1)) == [metric]


def test_voices_of_a_family_count_as_one():
    one, other = measures(1, precision=0.52), measures(2)
    assert worse_metrics(one, other) == ["precision"]
    families = np.tile(np.arange(50), 8)
    copies = [
        Measures({"precision": np.tile(model.parts["precision"][:50], 8)}, families, model.label_accuracy)
        for model in (one, other)
    ]
    assert find_worse_metrics(*copies) == []


def test_a_c2st_counts_by_its_distance_from_one_half():
    assert find_worse_metrics(measures(1, c2st=0.45), measures(2, c2st=0.55)) == []
    assert find_worse_metrics(measures(1, c2st=0.5), measures(2, c2st=0.7)) == []
    assert find_worse_metrics(measures(1, c2st=0.3), measures(2, c2st=0.55))[0].startswith("c2st: 0.300 against 0.550")
    assert find_worse_metrics(measures(1, c2st=0.7), measures(2, c2st=0.5))[0].startswith("c2st: 0.700 against 0.500")


def test_label_agreement_is_best_at_the_accuracy_on_real_voices():
    """A caricature, whose label is always recognized, is as bad as a voice without character."""
    assert find_worse_metrics(measures(1, label_agreement=0.82), measures(2, label_agreement=0.98)) == []
    assert worse_metrics(measures(1, label_agreement=1.0), measures(2, label_agreement=0.9)) == ["label_agreement"]
    assert worse_metrics(measures(1, label_agreement=0.7), measures(2, label_agreement=0.9)) == ["label_agreement"]


def test_metrics_without_a_value_are_skipped():
    assert find_worse_metrics(measures(c2st=None), measures(c2st=0.5)) == []
    assert find_worse_metrics(measures(c2st=1.0), measures(c2st=None)) == []


def test_every_metric_that_is_worse_is_named():
    assert worse_metrics(measures(c2st=1.0, recall=0.1, coverage=0.1), measures()) == ["c2st", "recall", "coverage"]


SHARES = st.fixed_dictionaries({metric: st.none() | st.floats(0, 1) for metric in MEASURED})


@given(SHARES, SHARES, st.integers(0, 3), st.integers(0, 3))
def test_two_models_cannot_both_be_worse_in_one_metric(one, other, luck, other_luck):
    pair = measures(luck, **one), measures(other_luck, **other)
    assert not {*worse_metrics(*pair)} & {*worse_metrics(*pair[::-1])}
    assert find_worse_metrics(pair[0], pair[0]) == []


# Champions and challengers


@pytest.fixture(scope="module")
def splits():
    """Voices of the demo corpus, split by family; labels are its families of instruments, in three parts."""
    composed = compose_voices(1)
    parameters, first = np.unique(composed.parameters, axis=0, return_index=True)
    labels = composed.families[first] % 3
    own = joint_families(generated_voices(parameters, labels))
    part = np.random.default_rng(0).integers(0, 40, len(parameters))[own]
    voices = Voices(parameters, labels, own)
    train, validation, test = (voices[np.flatnonzero(where)] for where in (part < 8, part == 8, part == 9))
    return Splits(train, validation, test, LABELS)


def model_of(voices, copy_bias, labels=LABELS):
    """An untrained model. It writes at random, except that copying the parent's value has the logit `copy_bias`."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        writer = Writer(len(labels), CONFIG).eval()
    with torch.no_grad():
        writer.copy.bias[0] = copy_bias
    parents = replace(
        find_parents(voices.parameters, voices.families, voices.parameters, voices.families), slack=SAMPLING_SLACK
    )
    summary = TrainingSummary(
        fingerprint="0" * 64,
        data_version="1" * 64,
        code_version="2" * 64,
        voices=len(voices),
        steps=7,
        validation_loss=300.0,
        validation_c2st=float("nan"),
        critic_area=0.75,
    )
    some = voices[np.arange(40)]
    critic = fit_critic(voices, some, CONFIG.seed)
    return WriterModel(
        config=CONFIG,
        labels=labels,
        voices=voices,
        parents=parents,
        writer=writer,
        written=some,
        critic=critic,
        critic_by_ear=None,
        names=fit_names([], [], []),
        summary=summary,
        history=np.empty((0, 4)),
    )


@pytest.fixture(scope="module")
def good(splits):
    return model_of(splits.train, 6.5)


@pytest.fixture(scope="module")
def degraded(splits):
    return model_of(splits.train, 4.5)


@pytest.fixture(scope="module")
def rules():
    return load_rules()


@pytest.fixture
def compare(home, splits, rules):
    """Return a function that compares the models of the home, writes the table, and returns its rows."""
    open_state(home, print)

    def run():
        tables = Tables(home)
        tables.write("models", compare_models(home, tables.read_or_empty("models"), splits, rules))
        return tables.read("models")

    return run


def store(home, model_id, model):
    save_model(model_folder(home, model_id), model)


def roles(rows):
    return dict(rows.select("model_id", "role").iter_rows())


def reason(rows, model_id):
    return rows.row(by_predicate=pl.col("model_id") == model_id, named=True)["reason"]


def test_a_folder_is_named_by_the_first_digits_of_a_fingerprint(home):
    assert model_folder(home, "0123456789abcdef" * 4) == model_folder(home, "0123456789abcdef")
    assert model_folder(home, FIRST) == home.models / FIRST


def test_a_home_without_a_champion_raises(home, compare):
    with pytest.raises(NoModelError, match="run `deepdx run` first"):
        champion_folder(home)
    assert compare().is_empty()
    with pytest.raises(NoModelError):
        champion_folder(home)


def test_the_first_model_becomes_the_champion_and_stays_champion(home, compare, good):
    store(home, FIRST, good)
    rows = compare()
    TrainedModels.validate(rows)
    (only,) = rows.iter_rows(named=True)
    assert (only["model_id"], only["judged"], only["role"], only["reason"]) == (FIRST, 1, "champion", "the first")
    assert only["config"] == CONFIG.to_json()
    assert (only["voices"], only["steps"], only["validation_loss"]) == (len(good.voices), 7, 300.0)
    assert (only["written_c2st"], only["critic_area"], only["against"]) == (None, 0.75, None)
    assert all(only[metric] is not None for metric in MEASURED)
    assert champion_folder(home) == home.models / FIRST
    assert load_model(champion_folder(home)).summary.fingerprint == good.summary.fingerprint
    # Nothing changes the second time.
    assert_frame_equal(compare(), rows)


def test_other_folders_are_ignored_and_damaged_models_are_unreadable(home, compare, good):
    store(home, FIRST, good)
    for name in ("training", "mine", FIRST[:15], FIRST + "1", "G" * 16, "ABCDEF0123456789"):
        shutil.copytree(home.models / FIRST, home.models / name)
    (home.models / SECOND).mkdir()  # without a card: of a killed run
    shutil.copytree(home.models / FIRST, home.models / THIRD)
    (home.models / THIRD / WEIGHTS).write_bytes(b"no weights")
    rows = compare()
    assert roles(rows) == {FIRST: "champion", THIRD: "unreadable"}
    assert str(home.models / THIRD / WEIGHTS) in reason(rows, THIRD)
    assert "damaged" in reason(rows, THIRD)
    assert rows.filter(role="unreadable").select("config", *MEASURED).row(0) == (None,) * (1 + len(MEASURED))


def test_an_unreadable_model_is_evaluated_once_it_is_readable(home, compare, good):
    store(home, FIRST, good)
    (home.models / FIRST / MODEL_CARD).write_text("{}")
    assert roles(compare()) == {FIRST: "unreadable"}
    assert roles(compare()) == {FIRST: "unreadable"}
    store(home, FIRST, good)
    rows = compare()
    assert roles(rows) == {FIRST: "champion"}
    assert rows["judged"].to_list() == [1]


def learned_from(good, splits, rows):
    """The good model, as if it had been trained on some validation voices as well."""
    parts = (splits.train, splits.validation[rows])
    both = [np.concatenate([getattr(part, field) for part in parts]) for field in ("parameters", "labels", "families")]
    return model_of(Voices(*both), 7.0)


def test_models_are_compared_on_voices_that_neither_has_learned_from(home, compare, good, splits):
    store(home, FIRST, good)
    few = np.arange(len(splits.validation) // 8)
    store(home, SECOND, learned_from(good, splits, few))
    rows = compare()
    assert dict(rows.select("model_id", "against").iter_rows()) == {FIRST: None, SECOND: FIRST}
    assert rows["c2st"].is_null().to_list() == [False, False]
    assert "challenger" not in rows["role"].to_list()


@pytest.mark.parametrize("champion_knows", [True, False])
def test_a_challenger_waits_until_there_are_voices_to_compare_on(home, compare, good, splits, champion_knows):
    """A champion that has learned from voices that are held out now neither wins nor loses by that."""
    knowing = learned_from(good, splits, np.arange(len(splits.validation)))
    store(home, FIRST, knowing if champion_knows else good)
    assert roles(compare()) == {FIRST: "champion"}
    store(home, SECOND, good if champion_knows else knowing)
    rows = compare()
    assert roles(rows) == {FIRST: "champion", SECOND: "challenger"}
    assert reason(rows, SECOND).startswith(
        f"not compared yet: it and the champion, {FIRST}, have learned from all but 0"
    )
    assert_frame_equal(compare(), rows)
    # It is compared as soon as it can be.
    store(home, FIRST if champion_knows else SECOND, good)
    assert roles(compare())[SECOND] != "challenger"


def test_a_model_with_other_labels_can_be_the_first(home, compare, good):
    store(home, FIRST, replace(good, labels=("a", "c", "b")))
    rows = compare()
    assert roles(rows) == {FIRST: "champion"}
    assert rows.select("c2st", "label_agreement").row(0)[1] is None
    assert rows["c2st"].item() is not None


def test_a_model_whose_candidates_are_all_rejected_is_beaten(home, splits, good, monkeypatch):
    monkeypatch.setattr(sampling, "_HOPELESS", 1)
    silence = '[rule.no-voice]\nverdict = "corrupt"\nreason = "none is good enough"\nwhen = "algorithm >= 0"\n'
    home.rules.write_text(silence)
    store(home, FIRST, good)
    rows = compare_models(home, NOTHING, splits, load_rules(home.rules))
    assert roles(rows) == {FIRST: "beaten"}
    assert reason(rows, FIRST).startswith("it hardly makes a voice that could be taken: ")
    assert "no-voice" in reason(rows, FIRST)


@pytest.mark.slow
def test_a_degraded_challenger_is_beaten(home, compare, good, degraded):
    store(home, FIRST, good)
    before = compare()
    store(home, SECOND, degraded)
    rows = compare()
    assert roles(rows) == {FIRST: "champion", SECOND: "beaten"}
    assert reason(rows, SECOND).startswith("worse than the champion in ")
    assert "precision: " in reason(rows, SECOND)
    assert rows["against"].to_list() == [None, FIRST]
    assert rows["judged"].to_list() == [1, 2]
    assert_frame_equal(rows.head(1), before)
    assert champion_folder(home) == home.models / FIRST


@pytest.mark.slow
def test_a_better_challenger_wins_and_so_does_an_equal_one(home, compare, good, degraded):
    store(home, THIRD, degraded)
    compare()
    store(home, SECOND, good)
    rows = compare()
    assert roles(rows) == {THIRD: "former champion", SECOND: "champion"}
    assert reason(rows, THIRD) == f"{SECOND} took its place"
    assert reason(rows, SECOND) == f"in no measure worse than {THIRD} by more than 2 standard errors"
    assert champion_folder(home) == home.models / SECOND
    # A model is evaluated once, whichever has won since.
    store(home, FIRST, good)
    rows = compare()
    assert roles(rows) == {THIRD: "former champion", SECOND: "former champion", FIRST: "champion"}
    assert rows["judged"].to_list() == [1, 2, 3]
    assert rows["model_id"].to_list() == [THIRD, SECOND, FIRST]


def test_a_champion_that_is_gone_loses_its_role(home, compare, good, degraded):
    store(home, FIRST, good)
    compare()
    shutil.rmtree(home.models / FIRST)
    store(home, SECOND, degraded)
    rows = compare()
    assert roles(rows) == {FIRST: "former champion", SECOND: "champion"}
    assert reason(rows, SECOND).startswith("the champion before cannot be read: ")
    assert "No such file" in reason(rows, SECOND)
    assert rows["against"].is_null().all()
    assert champion_folder(home) == home.models / SECOND


@pytest.mark.slow
def test_a_champion_with_other_labels_is_measured_all_the_same(home, compare, good, degraded):
    store(home, FIRST, replace(good, labels=("x", "y", "z")))
    store(home, SECOND, degraded)
    rows = compare()
    assert roles(rows) == {FIRST: "champion", SECOND: "beaten"}
    assert reason(rows, SECOND).startswith("worse than the champion in ")
    store(home, THIRD, good)
    assert roles(compare()) == {FIRST: "former champion", SECOND: "beaten", THIRD: "champion"}


@pytest.mark.slow
def test_a_challenger_has_to_match_the_best_model_so_far_too(home, compare, good, degraded):
    """So quality cannot fall little by little, from champion to champion."""
    store(home, FIRST, good)
    store(home, SECOND, degraded)
    rows = compare()
    fallen = rows.with_columns(
        role=pl.when(model_id=SECOND).then(pl.lit("champion")).otherwise(pl.lit("former champion")),
    )
    Tables(home).write("models", fallen)
    with torch.random.fork_rng():
        store(home, THIRD, degraded)
    after = compare()
    assert roles(after) == {FIRST: "former champion", SECOND: "champion", THIRD: "beaten"}
    assert reason(after, THIRD).startswith("worse than the best model so far in ")


def test_models_are_found_by_kind_and_by_the_beginning_of_their_ids(home, good):
    with pytest.raises(NoModelError, match=r"no GAN yet .*deepdx run --model gan"):
        find_model(home, "gan")
    open_state(home, print)
    store(home, FIRST, good)
    store(home, SECOND, good)
    known = {"judged": 1, "role": "beaten", "reason": "", "kind": "writer"}
    rows = [
        {**known, "model_id": FIRST, "c2st": 0.7},
        {**known, "model_id": SECOND, "judged": 2, "c2st": 0.6},
        {**known, "model_id": THIRD, "judged": 3, "c2st": None},
    ]
    Tables(home).write("models", TrainedModels.cast(pl.DataFrame(rows, schema=NOTHING.schema)))
    assert find_model(home, "writer") == home.models / SECOND
    assert find_model(home, FIRST[:4]) == home.models / FIRST
    for name in ("", "3", "zz", "../x"):
        with pytest.raises(NoModelError, match="no model"):
            find_model(home, name)


@pytest.mark.slow
def test_comparing_models_at_once_or_one_by_one_gives_the_same_table(home, splits, rules, good):
    store(home, FIRST, good)
    one = compare_models(home, NOTHING, splits, rules)
    store(home, SECOND, good)
    assert_frame_equal(compare_models(home, one, splits, rules), compare_models(home, NOTHING, splits, rules))
