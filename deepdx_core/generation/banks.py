"""Banks of written voices: named, and framed for a DX7."""

from collections.abc import Iterable, Sequence

from deepdx_core.arrays import UInt8Array
from deepdx_core.codec.names import text_to_names
from deepdx_core.codec.writer import write_banks
from deepdx_core.generation.model import VoiceModel
from deepdx_core.generation.sampling import Sample


def names_of(
    model: VoiceModel,
    sample: Sample,
    seed: int,
    taken: Iterable[str] = (),
    parents: Sequence[tuple[UInt8Array, str]] = (),
) -> list[str]:
    """A name for each voice of a sample of the model, as `NameModel.names` gives them.

    taken: the names of real voices by now. parents: the voices that were wished for, with their names.
    """
    labels = [model.labels[label_id] for label_id in sample.label_ids]
    return model.names.names(sample.parameters, labels, seed, taken, parents)


def banks_of(sample: Sample, names: list[str]) -> list[bytes]:
    """Dumps of 32 voices each that hold a sample under these names; INIT VOICE fills the last."""
    return write_banks(sample.parameters, text_to_names(names))
