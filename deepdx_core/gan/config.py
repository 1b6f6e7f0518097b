"""Settings of the GAN's training."""

from pydantic import Field

from deepdx_core.training.settings import Settings


class GanConfig(Settings):
    """Settings of the GAN's training. With the data, they determine the model, bit for bit on a CPU."""

    seed: int = Field(default=0, ge=0, description="Seed of all random numbers.")
    steps: int = Field(
        default=2000,
        ge=1,
        description="Updates of both networks. A fixed number rather than epochs: small and large corpora need about "
        "as many, and a run always takes the same time.",
    )
    batch_size: int = Field(default=64, ge=1, description="Voices per step.")
    noise_size: int = Field(default=64, ge=1, description="Length of the noise vector.")
    width: int = Field(
        default=32, ge=1, description="Channels of the layer next to the image. The layer after it has twice as many."
    )
    generator_learning_rate: float = Field(default=1e-3, ge=0, description="Learning rate of the generator.")
    discriminator_learning_rate: float = Field(default=1e-3, ge=0, description="Learning rate of the discriminator.")
    ema_decay: float = Field(
        default=0.995,
        ge=0,
        lt=1,
        description="Decay of the moving average of the generator's weights. The average is kept.",
    )
    label_weight: float = Field(
        default=1.0, ge=0, description="Weight of the label classification loss. The blog's GAN has 0."
    )
    algorithm_weight: float = Field(
        default=1.0, ge=0, description="Weight of the algorithm classification loss. The blog's GAN has 0."
    )
    generator_classification_weight: float = Field(
        default=0.15,
        ge=0,
        description="Weight of the classification loss for the generator. At 1, it would make caricatures: voices that "
        "a classifier labels more easily than real ones, and less varied.",
    )
    written: int = Field(
        default=12_000,
        ge=1,
        description="Maximum number of generated voices that the critic is trained on; never more than real ones.",
    )
    threads: int = Field(
        default=1,
        ge=1,
        description="CPU threads of torch. A setting because the order of floating-point sums depends on it. Networks "
        "this small gain little from a second thread, and lose much where another program needs its core.",
    )
