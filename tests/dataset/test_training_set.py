"""The training set: the join of the tables, as arrays by split, and as a PyTorch dataset."""

from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest
import torch

from deepdx_core.dataset.arrays import labels_by_names, splits_from_training_set
from deepdx_core.dataset.torch_dataset import AudioDataset, Dataset
from deepdx_core.dataset.training_set import build_training_set
from deepdx_core.sound.rendering import render
from deepdx_core.tables.storage import MissingTableError, Tables
from deepdx_core.voice.parameters import PARAMETER_NAMES
from tests.support.voices import random_voices


def test_the_training_set_joins_the_tables_and_is_read_by_split():
    parameters, _ = random_voices(6)
    ids = [letter * 20 for letter in "fedcba"]
    sounds = pl.DataFrame(parameters, schema=list(PARAMETER_NAMES)).with_columns(sound_id=pl.Series(ids))
    families = pl.DataFrame({"sound_id": ids, "family_id": [ids[1], ids[1], *ids[2:]]})
    labeled = pl.DataFrame({"sound_id": ids, "label": ["x", "y", "x", "y", "x", "y"]})
    splits = pl.DataFrame(
        {
            "sound_id": ids,
            "split": ["train", "train", "validation", "test", "withheld", "test"],
            "in_corpus": [True] * 5 + [False],
        }
    )
    voices = pl.DataFrame({"sound_id": [*ids, ids[0], None], "name": ["B", *"UVWXY", "A", "Z"]})
    table = build_training_set(splits, labeled, families, sounds, voices)
    assert table["sound_id"].to_list() == ["b" * 20, "c" * 20, "d" * 20, "e" * 20, "f" * 20]
    assert table["names"].to_list() == [["X"], ["W"], ["V"], ["U"], ["A", "B"]]
    found = splits_from_training_set(table, ("y", "x"))
    assert (found.train.parameters == parameters[[1, 0]]).all()
    assert found.train.labels.tolist() == [0, 1]
    assert found.train.families[0] == found.train.families[1] != found.test.families[0]
    assert (found.validation.parameters == parameters[[2]]).all()
    assert (found.test.parameters == parameters[[3]]).all()
    assert found.train.by_names is None
    categories = pl.DataFrame({"sound_id": ids, "by_names": ["bass", None, "choir", "bass", "bass", "bass"]})
    taxonomy = SimpleNamespace(label_of={"bass": "x", "choir": "y"})
    found = splits_from_training_set(table, ("y", "x"), labels_by_names(categories, taxonomy))
    assert [part.by_names.tolist() for part in (found.train, found.validation, found.test)] == [[-1, 1], [0], [1]]
    with pytest.raises(ValueError, match="no validation voices"):
        splits_from_training_set(table.filter(pl.col("split") != "validation"), ("y", "x"))


def write_training_set(home):
    """Write a training set of four voices, and return their parameters and ids."""
    parameters, _ = random_voices(4)
    ids = [letter * 20 for letter in "abcd"]
    rows = pl.DataFrame(parameters, schema=list(PARAMETER_NAMES)).with_columns(
        sound_id=pl.Series(ids),
        split=pl.Series(["train", "test", "train", "withheld"]),
        label=pl.Series(["Pads", "Bass", "Bass", "Synth"]),
        family_id=pl.Series(ids),
        names=pl.Series([["PAD"], [], ["BASS"], []], dtype=pl.List(pl.String)),
    )
    Tables(home).write("training_set", rows)
    return parameters, ids


def test_a_dataset_holds_the_voices_of_a_split(home):
    with pytest.raises(MissingTableError):
        Dataset()
    parameters, ids = write_training_set(home)
    train = Dataset()
    assert train.labels == ("Bass", "Pads", "Synth")
    assert train.sound_ids == [ids[0], ids[2]]
    assert [label for _, label in (train[0], train[1])] == [1, 0]
    voices, labels = next(iter(torch.utils.data.DataLoader(train, batch_size=2)))
    assert voices.dtype == torch.uint8
    assert (voices.numpy() == parameters[[0, 2]]).all()
    assert labels.tolist() == [1, 0]
    assert len(Dataset(home.root, split="test")) == 1


def test_an_audio_dataset_renders_the_voices_of_a_split(home):
    parameters, ids = write_training_set(home)
    train = AudioDataset(note=(48, 60), velocity=range(40, 100), seconds=0.1, held=0.05)
    assert (train.labels, train.sound_ids) == (("Bass", "Pads", "Synth"), [ids[0], ids[2]])
    torch.manual_seed(3)
    batch = next(iter(torch.utils.data.DataLoader(train, batch_size=2)))
    assert (batch["parameters"].numpy() == parameters[[0, 2]]).all()
    assert batch["label"].tolist() == [1, 0]
    notes, velocities = batch["note"].numpy(), batch["velocity"].numpy()
    assert set(notes.tolist()) <= {48, 60} and (velocities >= 40).all() and (velocities < 100).all()
    assert batch["audio"].dtype == torch.float32
    assert np.array_equal(batch["audio"].numpy(), render(parameters[[0, 2]], notes, velocities, 0.1, 0.05))
    alone = AudioDataset(split="test", seconds=0.1)[0]
    assert np.array_equal(alone["audio"].numpy(), render(parameters[[1]], seconds=0.1)[0])
    assert (alone["note"], alone["velocity"], alone["label"]) == (60, 100, 0)
    with pytest.raises(ValueError, match="note is 200"):
        AudioDataset(note=200)[0]
    assert AudioDataset(note=np.int64(61))[0]["note"] == 61
    with pytest.raises(ValueError, match="velocity must be an integer or several"):
        AudioDataset(velocity=[])
