"""Banks of new voices: sampled, named, and framed for a DX7."""

from deepdx_core.codec.names import text_to_names
from deepdx_core.codec.writer import write_bank
from deepdx_core.gan.model import VoiceModel
from deepdx_core.gan.names import make_names
from deepdx_core.gan.sampling import sample
from deepdx_core.voice.parameters import VMEM_VOICES


def generate_banks(
    model: VoiceModel, count: int, seed: int, label: str | None = None, algorithm: int | None = None
) -> list[bytes]:
    """Dumps of 32 voices each that hold `count` new voices; INIT VOICE fills the last.

    label, algorithm: as for `deepdx_core.gan.sampling.sample`, which says what it raises. The same wish gives the same
    bytes.
    """
    voices = sample(model, count, seed, label, algorithm)
    names = text_to_names(make_names([model.labels[i] for i in voices.label_ids], seed))
    return [
        write_bank(voices.parameters[first : first + VMEM_VOICES], names[first : first + VMEM_VOICES])
        for first in range(0, count, VMEM_VOICES)
    ]
