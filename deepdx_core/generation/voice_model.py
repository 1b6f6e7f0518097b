"""Trained models, of two kinds, with everything needed to sample them. How they are stored is in `model`."""

from dataclasses import dataclass
from typing import ClassVar

from deepdx_core.arrays import Float64Array
from deepdx_core.dataset.arrays import Voices
from deepdx_core.evaluation.generators import Generator
from deepdx_core.gan.config import GanConfig
from deepdx_core.gan.sampling import TrainedGan
from deepdx_core.generation.critic import Critic
from deepdx_core.generation.model_card import TrainingSummary
from deepdx_core.generation.names import NameModel
from deepdx_core.tables.generator import Kind
from deepdx_core.writer.config import WriterConfig
from deepdx_core.writer.model import Writer
from deepdx_core.writer.parents import Parents


@dataclass(frozen=True, kw_only=True)
class VoiceModel:
    """A generator of voices of any kind, and its critic.

    labels: names in the order of the label ids.
    voices: training voices. written: voices of the generator that the critics were trained on.
    critic: by parameters alone. critic_by_ear: by their sound as well; None for models of formats before 5.
    history: of the training, `float64[n, columns]`; its columns depend on the kind.
    """

    kind: ClassVar[Kind]
    config: WriterConfig | GanConfig
    labels: tuple[str, ...]
    voices: Voices
    written: Voices
    critic: Critic
    critic_by_ear: Critic | None
    names: NameModel
    summary: TrainingSummary
    history: Float64Array


@dataclass(frozen=True, kw_only=True)
class WriterModel(VoiceModel):
    """A writer, which makes each voice from a training voice. It is on the CPU, in evaluation mode.

    parents: of each training voice, among the others. history: columns as in `deepdx_core.writer.history.HISTORY`;
    empty for a model of format 2, which did not store it.
    """

    kind = "writer"
    config: WriterConfig
    parents: Parents
    writer: Writer


@dataclass(frozen=True, kw_only=True)
class GanModel(VoiceModel):
    """A GAN, which makes voices from noise. history: columns as in `deepdx_core.gan.history.HISTORY`."""

    kind = "gan"
    config: GanConfig
    gan: TrainedGan


@dataclass(frozen=True, kw_only=True)
class SampledModel(VoiceModel):
    """Any generator of the evaluation protocol, such as a baseline, with a critic of its own. It cannot be stored."""

    generator: Generator
