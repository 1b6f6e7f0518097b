"""Banks of sampled voices: named, and encoded for a DX7."""

from collections.abc import Iterable, Sequence

from deepdx_core.arrays import UInt8Array
from deepdx_core.codec.names import text_to_names
from deepdx_core.codec.writer import write_banks
from deepdx_core.generation.sampling import Sample
from deepdx_core.generation.voice_model import VoiceModel


def draw_names(
    model: VoiceModel,
    sample: Sample,
    seed: int,
    taken: Iterable[str] = (),
    parents: Sequence[tuple[UInt8Array, str]] = (),
) -> list[str]:
    """Draw a name for each voice of a sample; see `NameModel.draw`.

    taken: names of real voices. parents: the voices that the request names, with their names.
    """
    labels = [model.labels[label_id] for label_id in sample.label_ids]
    return model.names.draw(sample.parameters, labels, seed, taken, parents)


def encode_banks(sample: Sample, names: list[str]) -> list[bytes]:
    """Encode a sample under these names as dumps of 32 voices; INIT VOICE fills the last one."""
    return write_banks(sample.parameters, text_to_names(names))
