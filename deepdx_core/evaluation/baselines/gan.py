"""The GAN as a method of the evaluation. A file of its own, since torch takes two seconds to import."""

from dataclasses import dataclass

from deepdx_core.dataset.arrays import Voices
from deepdx_core.gan.config import GanConfig
from deepdx_core.gan.sampling import TrainedGan
from deepdx_core.gan.training import train as train_gan
from deepdx_core.progress import Report, silent


@dataclass(frozen=True)
class Gan:
    """The GAN. `fit` replaces the seed of the settings. labels: their names, by label id."""

    labels: tuple[str, ...]
    config: GanConfig
    report: Report = silent

    def fit(self, train: Voices, validation: Voices, seed: int) -> TrainedGan:
        """Return a trained GAN."""
        config = self.config.replace(seed=seed)
        gan, _ = train_gan(train.parameters, train.labels, len(self.labels), config, self.report)
        return gan
