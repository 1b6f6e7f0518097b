"""The two networks of the GAN, as the blog "Deep DX" describes them. No training logic.

Two additions of ours. The discriminator does not get the class as an input, so nothing would make the generator follow
it: its 100 features also feed a classifier of labels (AC-GAN: Odena et al. 2017, arXiv:1610.09585). And the algorithm
is a second condition, with a classifier of its own: it is drawn first, as real voices of the label have it, and the
rest of the voice is generated to match.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot

from deepdx_core.voice.algorithms import ALGORITHMS

FEATURES = 100
"""Number of features to which the discriminator reduces an image."""


class Logits(NamedTuple):
    """The discriminator's output for each image.

    realness: `[n]`, unbounded. labels, algorithms: class logits, `[n, labels]` and `[n, 32]`.
    """

    realness: Tensor
    labels: Tensor
    algorithms: Tensor


class Generator(nn.Module):
    """Three transposed convolutions from noise and the two conditions to an image."""

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
        """Return images `[n, 16, 16]` for noise `[n, noise_size]`, labels `int64[n]` and algorithms `int64[n]`.

        Labels and algorithms are counted from 0.
        """
        conditions = [one_hot(labels, self.label_count), one_hot(algorithms, len(ALGORITHMS))]
        x = torch.cat([noise, *conditions], dim=1)  # [n, noise_size + labels + 32]
        images: Tensor = self.layers(x[:, :, None, None])  # 1x1 -> 4x4 -> 8x8 -> [n, 1, 16, 16]
        return images.squeeze(1)  # [n, 16, 16]


class Discriminator(nn.Module):
    """The generator mirrored, from images to 100 features within [-1, 1], with three heads on them.

    Only the middle layer has a batch norm: next to the image, it would hide how far the image is from real ones.
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
        """Return the logits of images `[n, 16, 16]`."""
        x = self.layers(images[:, None])  # [n, 1, 16, 16] -> 8x8 -> 4x4 -> [n, 100]
        return Logits(self.realness(x).squeeze(1), self.labels(x), self.algorithms(x))
