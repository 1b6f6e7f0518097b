"""How well critics distinguish held-out real voices from voices of the writer, by parameters, by ear, and by both.

`python -m studies.critic [HOME]` takes the champion of a home, its training voices and the voices that its critics were
trained on, writes new voices for the labels of the validation split, and prints the area under the ROC curve. Takes
some minutes.
"""

import argparse
from pathlib import Path

import numpy as np

from deepdx_core.arrays import Float64Array, UInt8Array
from deepdx_core.dataset.arrays import Voices, generated_voices, splits_from_training_set
from deepdx_core.evaluation.metrics.c2st import area
from deepdx_core.generation.critic import fit_critic
from deepdx_core.generation.model import load_model
from deepdx_core.generation.registry import champion_folder
from deepdx_core.generation.training import write_new_voices
from deepdx_core.home import Home, find_home
from deepdx_core.labels.taxonomy import find_taxonomy
from deepdx_core.progress import silent
from deepdx_core.sound.audio_features import compute_voice_features
from deepdx_core.sound.feature_bytes import feature_bytes
from deepdx_core.tables.storage import Tables
from deepdx_core.training.runs import reproducible
from deepdx_core.writer.batches import TrainingSet


def main() -> None:
    """Fit the critics and print their areas."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("home", type=Path, nargs="?")
    arguments = parser.parse_args()
    home = Home(arguments.home) if arguments.home else find_home()
    tables = Tables(home)
    splits = splits_from_training_set(tables.read("training_set"), find_taxonomy(home.taxonomy).labels)
    audio = tables.read("audio_features")
    model = load_model(champion_folder(home))
    training_set = TrainingSet.from_voices(splits.train, model.parents)
    with reproducible(model.config.threads):
        held_out = write_new_voices(
            model.writer, training_set, splits.train, splits.validation.labels, model.config.seed + 1, silent
        )
    parts = (splits.train, model.written, splits.validation, held_out)
    sound = [feature_bytes(some.parameters, compute_voice_features(some.parameters, audio, silent)) for some in parts]
    blank = [generated_voices(np.zeros_like(some.parameters), some.labels) for some in parts]

    def describe(name: str, voices: list[Voices], heard: list[UInt8Array] | None) -> None:
        critic = fit_critic(voices[0], voices[1], 0, None if heard is None else (heard[0], heard[1]))
        scores: list[Float64Array] = [
            critic.realness(voices[part], None if heard is None else heard[part]) for part in (2, 3)
        ]
        joined = np.concatenate(scores)
        found, error = area(joined, np.arange(len(joined)) < len(scores[0]), np.arange(len(joined)))
        print(f"{name}: {found:.3f} ±{error:.3f}", flush=True)

    describe("label and parameters", list(parts), None)
    describe("label and sound", blank, sound)
    describe("label, parameters and sound", list(parts), sound)


if __name__ == "__main__":
    main()
