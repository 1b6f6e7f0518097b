"""Training of judges: the same data, the same judge; they find damage and categories; too little data is refused."""

import json
import shlex
import subprocess
import sys

import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner

from deepdx_core.decoding.dumps import decode_dumps
from deepdx_core.decoding.sound_ids import sound_ids
from deepdx_core.dedup.exact import unique_sounds
from deepdx_core.dedup.families import find_families
from deepdx_core.errors import DeepDXError
from deepdx_core.intake.survey import survey
from deepdx_core.judges.judge import to_file
from deepdx_core.judging.corruption import MIN_SOUNDS, train_corruption_judge
from deepdx_core.judging.folds import assign_folds
from deepdx_core.judging.labels import train_label_judge
from deepdx_core.labels.taxonomy import load_taxonomy
from deepdx_core.quality.corruption import corruption_scores
from deepdx_core.quality.rules import load_rules
from deepdx_core.state.backup import write_backup
from deepdx_core.state.restore import restore_backup
from deepdx_core.tables.storage import MissingTableError, Tables
from deepdx_core.voice.parameters import PARAMETER_NAMES
from deepdx_pipeline.cli.app import app
from tests.support.paths import DEMO, ROOT
from tests.support.voices import random_voices

NO_LABELS = pl.DataFrame(schema={"sound_id": pl.String, "category": pl.String})


@pytest.fixture(scope="module")
def sounds():
    """Sounds of the demo corpus in range, with families."""
    found = unique_sounds(decode_dumps(survey(DEMO).dumps), load_rules().repair).filter("in_range")
    return found.join(find_families(found).select("sound_id", "family_id"), on="sound_id")


@pytest.fixture(scope="module")
def judge(sounds):
    return train_corruption_judge(sounds, "the demo corpus", "2026-01-01")


def as_sounds(parameters):
    frame = pl.DataFrame(parameters, schema=dict.fromkeys(PARAMETER_NAMES, pl.UInt8))
    return frame.with_columns(sound_id=pl.Series(sound_ids(parameters)))


def test_a_judge_of_corruption_distinguishes_voices_it_has_not_seen_from_random_ones(sounds, judge):
    assert np.mean(corruption_scores(sounds, judge) < 0) > 0.95
    assert np.mean(corruption_scores(as_sounds(random_voices(300)[0]), judge) > 2) > 0.99
    assert judge.card.measures["uniform"] > 0.99 > 0.05 > judge.card.measures["real"]


@pytest.mark.slow
def test_the_same_sounds_in_any_order_give_the_same_judge(sounds, judge):
    shuffled = sounds.sample(fraction=1, shuffle=True, seed=3)
    assert to_file(train_corruption_judge(shuffled, "the demo corpus", "2026-01-01")) == to_file(judge)


def test_no_family_is_in_two_folds_and_every_sound_is_judged_by_its_own(sounds, judge):
    folds = assign_folds(sounds, 2)
    assert (
        sounds.with_columns(fold=folds.of_sound).group_by("family_id").agg(pl.col("fold").n_unique())["fold"].to_list()
        == [1] * sounds["family_id"].n_unique()
    )
    assert (judge.fold_of(sounds["sound_id"]) == folds.of_sound).all()


def test_too_few_sounds_are_refused(sounds):
    with pytest.raises(DeepDXError, match="sounds are too few"):
        train_corruption_judge(sounds.head(MIN_SOUNDS - 1), "few", "2026-01-01")
    nameless = sounds.with_columns(names=pl.lit(["QQQ"]), name_counts=pl.lit([1]))
    with pytest.raises(DeepDXError, match="0 sounds with clear names are too few"):
        train_label_judge(nameless, NO_LABELS, load_taxonomy(), "nameless", "2026-01-01")


def test_training_before_the_first_run_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("DEEPDX_HOME", str(tmp_path))
    refused = CliRunner().invoke(app, ["judges", "train"])
    assert isinstance(refused.exception, MissingTableError)


@pytest.mark.slow
def test_judges_of_ones_own_are_trained_picked_used_and_backed_up(tmp_path, monkeypatch):
    """From a home of the demo corpus: train, pick in rules.toml, run, back up, restore."""
    monkeypatch.setenv("DEEPDX_HOME", str(tmp_path / "home"))

    def deepdx(command):
        done = subprocess.run(
            [sys.executable, "-m", "deepdx_pipeline.cli", *shlex.split(command)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout

    deepdx("add data/demo")
    deepdx("run --without training --without audio")
    printed = deepdx("judges train --data 'my banks'")
    choice = printed[printed.index("[judges]") :]
    (tmp_path / "home" / "rules.toml").write_text(choice)
    deepdx("run --without training --without audio")
    versions = dict(line.split(" = ") for line in choice.splitlines()[1:])
    query = "SELECT DISTINCT corruption_model, model FROM verdicts JOIN labeled_voices USING (sound_id)"
    (row,) = json.loads(deepdx(f"sql --format json '{query}'"))
    assert [row["corruption_model"], row["model"]] == [json.loads(versions[kind]) for kind in ("corruption", "labels")]
    listed = deepdx("judges list")
    assert "* labels " + row["model"] in listed and "  labels package" in listed and "my banks" in listed
    from deepdx_core.home import Home

    home = Home(tmp_path / "home")
    write_backup(home, tmp_path / "backup.zip")
    restore_backup(Home(tmp_path / "other"), tmp_path / "backup.zip")
    assert len(list(Home(tmp_path / "other").judges.iterdir())) == 2
    assert Tables(home).read("verdicts")["verdict"].value_counts().height > 1
