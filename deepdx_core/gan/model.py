"""The two networks, as the blog "Deep DX" describes them; no training logic.

Two additions of ours. The discriminator does not see the class as an input, so nothing would teach the generator to
obey it: its 100 values also feed a classifier of labels (AC-GAN: Odena et al. 2017, arXiv:1610.09585). And the
algorithm is a second condition with a classifier of its own: it is settled before all else, as the real voices of a
label have it, and the rest of the voice is made to suit.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot

from deepdx_core.voice.algorithms import ALGORITHMS

FEATURES = 100
"""Values to which the discriminator condenses an image."""


class Logits(NamedTuple):
    """What the discriminator says of each image: how real (any number), and the scores of labels and algorithms."""

    realness: Tensor
    labels: Tensor
    algorithms: Tensor


class Generator(nn.Module):
    """Noise and the two conditions to images, in three deconvolutions."""

    def __init__(self, noise_size: int, labels: int, width: int) -> None:
        super().__init__()
        self.label_count = labels
        self.layers = nn.Sequential(
            nn.ConvTranspose2d(noise_size + labels + len(ALGORITHMS), 2 * width, 4, bias=False),
            nn.BatchNorm2d(2 * width),
            nn.ReLU(),
            nn.ConvTranspose2d(2 * width, width, 4, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.ConvTranspose2d(width, 1, 4, stride=2, padding=1),
            nn.Tanh(),
        )

    def forward(self, noise: Tensor, labels: Tensor, algorithms: Tensor) -> Tensor:
        """Images of noise `[n, noise_size]`, labels `int64[n]` and algorithms `int64[n]`, both counted from 0."""
        conditions = [one_hot(labels, self.label_count), one_hot(algorithms, len(ALGORITHMS))]
        x = torch.cat([noise, *conditions], dim=1)  # [n, noise_size + labels + 32]
        images: Tensor = self.layers(x[:, :, None, None])  # 1x1 -> 4x4 -> 8x8 -> [n, 1, 16, 16]
        return images.squeeze(1)  # [n, 16, 16]


class Discriminator(nn.Module):
    """Images to 100 values within [-1, 1], the generator mirrored; and what these say.

    The batch's norm is in the middle layer only: at the image it would hide how far it is from real ones.
    """

    def __init__(self, labels: int, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(1, width, 4, stride=2, padding=1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(width, 2 * width, 4, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(2 * width),
            nn.LeakyReLU(0.2),
            nn.Conv2d(2 * width, FEATURES, 4),
            nn.Flatten(),
            nn.Tanh(),
        )
        self.realness = nn.Linear(FEATURES, 1)
        self.labels = nn.Linear(FEATURES, labels)
        self.algorithms = nn.Linear(FEATURES, len(ALGORITHMS))

    def forward(self, images: Tensor) -> Logits:
        """What is to say of images `[n, 16, 16]`."""
        x = self.layers(images[:, None])  # [n, 1, 16, 16] -> 8x8 -> 4x4 -> [n, 100]
        return Logits(self.realness(x).squeeze(1), self.labels(x), self.algorithms(x))
