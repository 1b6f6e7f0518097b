"""The GAN as a generator among others. Apart from the rest, since torch takes two seconds to import."""

from dataclasses import dataclass, replace

from deepdx_core.dataset.arrays import Voices
from deepdx_core.gan.config import GanConfig
from deepdx_core.gan.sampling import TrainedGan
from deepdx_core.gan.training import train as train_gan
from deepdx_core.progress import Report, silent


@dataclass(frozen=True)
class Gan:
    """The GAN with its settings, of which the seed is the one that `fit` is given. labels: their names, by label id."""

    labels: tuple[str, ...]
    config: GanConfig
    report: Report = silent

    def fit(self, train: Voices, validation: Voices, seed: int) -> TrainedGan:
        """Train it."""
        config = replace(self.config, seed=seed)
        return train_gan(train.parameters, train.labels, len(self.labels), config, self.report)
