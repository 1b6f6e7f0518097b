"""What can be set for the generator's training."""

from dataclasses import dataclass

from deepdx_core.training.settings import Settings


@dataclass(frozen=True)
class WriterConfig(Settings):
    """The settings of a training run; together with the data they determine the model, bit for bit on a CPU.

    steps, batch_size: of the writer's training. On a small corpus there are fewer steps: each voice is seen at most
        `passes` times.
    width, depth, heads, dropout: of the writer.
    learning_rate: the highest; it rises over the first 200 steps, or a tenth of them, and falls as a cosine does.
    ema_decay: of the moving average of the weights, which is what is kept.
    orphans: share of voices that are learned without a parent, so that the writer can do without.
    moved: share of voices whose operators stand in for one another where the algorithm allows it.
    validate_every: steps after which voices of the validation split are tried, and a checkpoint is written. In a run
        of few steps that is done six times, not to be blind between its beginning and its end.
    patience: so many validations in a row without a better one end the training.
    written: voices that the critic is taught with, at most; never more than there are real ones.
    mixed: bfloat16 for matrix products, on devices that are fast at it.
    threads: of torch on a CPU, part of the settings since sums depend on how they are split.
    """

    seed: int = 0
    steps: int = 6000
    passes: int = 12
    batch_size: int = 32
    width: int = 128
    depth: int = 4
    heads: int = 4
    dropout: float = 0.1
    learning_rate: float = 1.2e-3
    ema_decay: float = 0.998
    orphans: float = 0.1
    moved: float = 0.0
    validate_every: int = 1000
    patience: int = 3
    written: int = 12_000
    mixed: bool = True
    threads: int = 2

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require(("steps", "passes", "batch_size", "width", "depth", "heads", "validate_every", "patience"), 1)
        self.require(("written",), 1)
        self.require(("threads",), 1, 1025)
        self.require(("seed",), 0, 1 << 32)
        self.require(("learning_rate",), 0)
        self.require(("dropout", "ema_decay"), 0, 1)
        self.require(("orphans", "moved"), 0, 1)
        if self.width % self.heads:
            raise ValueError(f"heads must divide the width, got {self.heads} for {self.width}")
