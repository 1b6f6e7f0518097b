"""What can be set for the reference model's training."""

from dataclasses import dataclass

from deepdx_core.training.settings import Settings


@dataclass(frozen=True)
class GanConfig(Settings):
    """The settings of a training run; together with the data they determine the model, bit for bit on a CPU.

    steps: updates of both networks. A fixed number rather than epochs: what the networks need hardly depends on the
        size of the corpus, and a run takes the same time on any.
    width: channels of the layer next to the image; the next layer has twice as many.
    ema_decay: of the moving average of the generator's weights, which is the one that is kept.
    label_weight, algorithm_weight: of the auxiliary classifiers; 0 and 0 is the plain setting of the blog.
    generator_classification_weight: how much of the classifiers' loss reaches the generator. At 1, it would make
        caricatures: voices that a classifier tells more easily than real ones, and less varied.
    threads: of torch on a CPU, part of the settings since sums depend on how they are split. Networks this small gain
        little from a second one, and lose much where another program wants its core.
    """

    seed: int = 0
    steps: int = 2000
    batch_size: int = 64
    noise_size: int = 64
    width: int = 32
    generator_learning_rate: float = 1e-3
    discriminator_learning_rate: float = 1e-3
    ema_decay: float = 0.995
    label_weight: float = 1.0
    algorithm_weight: float = 1.0
    generator_classification_weight: float = 0.15
    threads: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require(("steps", "batch_size", "noise_size", "width", "threads"), 1)
        self.require(("seed", "generator_learning_rate", "discriminator_learning_rate"), 0)
        self.require(("label_weight", "algorithm_weight", "generator_classification_weight"), 0)
        self.require(("ema_decay",), 0, 1)
