"""A tiny model of the demo corpus that trains in seconds, with voices good enough to be accepted."""

import numpy as np
import torch

from deepdx_core.dataset.arrays import Splits, Voices
from deepdx_core.exchange.inspection import inspect_files
from deepdx_core.generation.names import fit_names
from deepdx_core.generation.training import train_model
from deepdx_core.progress import silent
from deepdx_core.voice.parameters import PARAMETER_NAMES
from deepdx_core.writer.config import WriterConfig
from tests.support.paths import DEMO

LABELS = ("Pianos", "Bass")
TINY = WriterConfig(steps=30, batch_size=16, width=16, depth=1, heads=2, validate_every=30, threads=1)


def parameters_in(folder):
    """Return the parameters of the distinct valid voices in a folder, `uint8[n, 145]`."""
    _, voices = inspect_files([folder])
    voices = voices.filter("valid").unique(PARAMETER_NAMES, maintain_order=True)
    return voices.select(PARAMETER_NAMES).to_numpy().astype(np.uint8)


def demo_model(folder):
    """Train a model on part of the demo corpus, biased to copy most of a parent. folder: for the training run."""
    parts = [parameters_in(DEMO / name)[:200] for name in ("Keys", "Basses")]
    parameters = np.concatenate(parts)
    labels = np.repeat([0, 1], [len(part) for part in parts])
    voices = Voices(parameters, labels, np.arange(len(parameters)))
    is_train = np.arange(len(voices)) % 4 > 0
    validation = voices[~is_train]
    splits = Splits(voices[is_train], validation, validation, LABELS)
    model = train_model(splits, fit_names([], [], []), TINY, folder, lambda _: None, silent)
    with torch.no_grad():
        model.writer.copy.bias[0] += 5
    return model
