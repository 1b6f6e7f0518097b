"""Settings of the writer's training."""

from typing import Self

from pydantic import Field, model_validator

from deepdx_core.training.settings import Settings


class WriterConfig(Settings):
    """Settings of the writer's training. With the data, they determine the model, bit for bit on a CPU."""

    seed: int = Field(default=0, ge=0, lt=1 << 32, description="Seed of all random numbers.")
    steps: int = Field(
        default=5000, ge=1, description="Maximum number of training steps; fewer on a small corpus, see `passes`."
    )
    passes: int = Field(default=12, ge=1, description="Maximum number of passes over the training voices.")
    batch_size: int = Field(default=32, ge=1, description="Voices per step.")
    width: int = Field(default=128, ge=1, description="Width of the transformer.")
    depth: int = Field(default=3, ge=1, description="Number of the transformer's blocks.")
    heads: int = Field(default=4, ge=1, description="Attention heads per block; must divide the width.")
    kv_heads: int = Field(
        default=1,
        ge=1,
        description="Heads of keys and values, which the attention heads share; must divide their number. Fewer make "
        "writing faster.",
    )
    dropout: float = Field(default=0.05, ge=0, lt=1, description="Share of activations that dropout sets to 0.")
    learning_rate: float = Field(
        default=1.2e-3,
        ge=0,
        description="Peak learning rate. It rises over the first 200 steps, or the first tenth of all if that is "
        "shorter, and then follows a cosine down.",
    )
    ema_decay: float = Field(
        default=0.998, ge=0, lt=1, description="Decay of the moving average of the weights. The average is kept."
    )
    orphans: float = Field(
        default=0.1,
        ge=0,
        lt=1,
        description="Share of training voices without a parent, so that the writer can also write without one.",
    )
    moved: float = Field(
        default=0.0,
        ge=0,
        lt=1,
        description="Share of training voices whose operators are permuted by a symmetry of their algorithm.",
    )
    distance_noise: float = Field(
        default=0.2,
        ge=0,
        lt=1,
        description="Standard deviation of the noise on the logarithm of the number of parameters that the writer is "
        "told to change. Told the exact number, it makes up for too few changes in the last parameters it writes.",
    )
    validate_every: int = Field(
        default=1000,
        ge=1,
        description="Steps between validations; each also writes a checkpoint. A short run validates six times.",
    )
    patience: int = Field(
        default=3, ge=1, description="Validations in a row without an improvement after which training stops."
    )
    rounds: int = Field(
        default=0,
        ge=0,
        description="Rounds of adversarial training after all other steps: the writer writes, a critic judges, the "
        "writer learns from its odds. None by default: a critic that chooses among candidates does as much, and more "
        "steps do more.",
    )
    round_steps: int = Field(
        default=188,
        ge=1,
        description="Steps in a round; never more than a sixteenth of the steps before. Below 32 there are no rounds.",
    )
    adversarial_learning_rate: float = Field(default=3e-4, ge=0, description="Learning rate in these rounds.")
    written: int = Field(
        default=12_000,
        ge=1,
        description="Maximum number of written voices that the critic is trained on; never more than real ones.",
    )
    mixed: bool = Field(
        default=True, description="Mixed precision: bfloat16 for matrix products, on devices that are fast at it."
    )
    threads: int = Field(
        default=2,
        ge=1,
        le=1024,
        description="CPU threads of torch. A setting because the order of floating-point sums depends on it.",
    )

    def steps_for(self, voices: int) -> int:
        """Return the number of steps for so many training voices."""
        return min(self.steps, max(1, self.passes * voices // self.batch_size))

    @model_validator(mode="after")
    def _heads_divide(self) -> Self:
        if self.width % self.heads:
            raise ValueError(f"heads must divide the width, got {self.heads} for {self.width}")
        if self.heads % self.kv_heads:
            raise ValueError(f"kv_heads must divide heads, got {self.kv_heads} for {self.heads}")
        return self
