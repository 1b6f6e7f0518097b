"""The GAN as a generator among others. Apart from the rest, since torch takes two seconds to import."""

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from deepdx_core.codec.packing import Bytes
from deepdx_core.evaluation.voices import Ids, Voices
from deepdx_core.gan.config import GanConfig
from deepdx_core.gan.model import VoiceModel
from deepdx_core.gan.sampling import sample
from deepdx_core.gan.training import train as train_gan
from deepdx_core.progress import Report, silent
from deepdx_core.voice.parameters import PARAMETERS


@dataclass(frozen=True)
class Gan:
    """The GAN with its settings, of which the seed is the one that `fit` is given. labels: their names, by label id."""

    labels: tuple[str, ...]
    config: GanConfig
    report: Report = silent

    def fit(self, train: Voices, validation: Voices, seed: int) -> "FittedGan":
        """Train it."""
        with tempfile.TemporaryDirectory() as folder:
            result = train_gan(
                train.parameters,
                train.labels,
                self.labels,
                replace(self.config, seed=seed),
                Path(folder),
                lambda at: self.report("training", at.step, at.steps),
            )
        return FittedGan(result.model, self.labels)


@dataclass(frozen=True)
class FittedGan:
    """A trained model, and the names of the label ids that it is asked for."""

    model: VoiceModel
    labels: tuple[str, ...]

    def sample(self, labels: Ids, seed: int) -> Bytes:
        """Voices as the model gives them to a user: drawn again where inaudible or there twice."""
        voices = np.empty((len(labels), len(PARAMETERS)), dtype=np.uint8)
        for label in np.unique(labels):
            (rows,) = np.nonzero(labels == label)
            # The same seed for all labels would be the same noise.
            own = int(np.random.SeedSequence([seed, int(label)]).generate_state(1)[0])
            voices[rows] = sample(self.model, len(rows), own, self.labels[label]).parameters
        return voices
