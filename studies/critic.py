"""How well critics distinguish held-out real voices from those of the writer, and by what.

`python -m studies.critic HOME [--model FOLDER]` takes the champion of a home or the model in FOLDER, its training
voices and as many written ones as its critics were trained on, writes a voice for each of the validation split, and
prints the area under the ROC curve by parameters, by ear, and by both. Then by the changes from the parent, which no
user sees but which tell more about a flaw, with the kinds of parameters whose changes the classifier relies on: by how
much the area falls when they are permuted. Takes some minutes.
"""

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
from sklearn.metrics import roc_auc_score

from deepdx_core.arrays import Float64Array, Int64Array, UInt8Array
from deepdx_core.dataset.arrays import Voices, generated_voices, splits_from_training_set
from deepdx_core.dataset.distances import distances_to_closest
from deepdx_core.dedup.near_duplicates import MAX_DIFFERING
from deepdx_core.evaluation.metrics.c2st import area
from deepdx_core.evaluation.metrics.classifiers import boosted_trees
from deepdx_core.generation.critic import fit_critic
from deepdx_core.generation.model import load_model
from deepdx_core.generation.registry import champion_folder
from deepdx_core.generation.training import write_children
from deepdx_core.generation.voice_model import WriterModel
from deepdx_core.home import Home
from deepdx_core.labels.taxonomy import find_taxonomy
from deepdx_core.progress import silent
from deepdx_core.sound.audio_features import compute_voice_features
from deepdx_core.sound.feature_bytes import feature_bytes
from deepdx_core.tables.storage import Tables
from deepdx_core.training.runs import reproducible
from deepdx_core.voice.parameters import PARAMETER_NAMES
from deepdx_core.writer.batches import TrainingSet
from deepdx_core.writer.parents import find_parents

_KINDS_SHOWN = 12


def new_children(model: WriterModel, labels: Int64Array, seed: int) -> tuple[Voices, UInt8Array]:
    """Return a written voice for each label, without near-copies of training voices, and the parent of each."""
    training_set = TrainingSet.from_voices(model.voices, model.parents)
    with reproducible(model.config.threads):
        children, rows = write_children(model.writer, training_set, labels, np.random.default_rng(seed))
    new = distances_to_closest(children, model.voices.parameters) > MAX_DIFFERING
    return generated_voices(children[new], labels[new]), model.voices.parameters[rows[new]]


def changes(voices: Voices, parents: UInt8Array) -> Float64Array:
    """Return the change of each parameter from the parent, `float64[n, 145]`."""
    return voices.parameters.astype(np.float64) - parents


def main() -> None:
    """Fit the classifiers and print their areas."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("home", type=Path)
    parser.add_argument("--model", type=Path)
    arguments = parser.parse_args()
    home = Home(arguments.home)
    tables = Tables(home)
    splits = splits_from_training_set(tables.read("training_set"), find_taxonomy(home.taxonomy).labels)
    audio = tables.read("audio_features")
    model = load_model(arguments.model or champion_folder(home))
    assert isinstance(model, WriterModel)
    train, validation = splits.train, splits.validation
    taught, of_taught = new_children(model, np.resize(train.labels, model.config.written), 11)
    held_out, of_held_out = new_children(model, validation.labels, 12)
    parts = (train, taught, validation, held_out)
    sound = [feature_bytes(some.parameters, compute_voice_features(some.parameters, audio, silent)) for some in parts]
    blank = [generated_voices(np.zeros_like(some.parameters), some.labels) for some in parts]

    def describe(name: str, voices: list[Voices], heard: list[UInt8Array] | None) -> None:
        critic = fit_critic(voices[0], voices[1], 0, None if heard is None else (heard[0], heard[1]))
        scores = [critic.realness(voices[part], None if heard is None else heard[part]) for part in (2, 3)]
        joined = np.concatenate(scores)
        found, error = area(joined, np.arange(len(joined)) < len(scores[0]), np.arange(len(joined)))
        print(f"{name}: {found:.3f} ±{error:.3f}", flush=True)

    describe("label and parameters", list(parts), None)
    describe("label and sound", blank, sound)
    describe("label, parameters and sound", list(parts), sound)

    random, slack = np.random.default_rng(0), model.parents.slack

    def real_changes(voices: Voices) -> Float64Array:
        parents = find_parents(voices.parameters, voices.families, train.parameters, train.families)
        rows, _ = replace(parents, slack=slack).draw(np.arange(len(voices)), random.random(len(voices)))
        return changes(voices, train.parameters[rows])

    real = real_changes(train)[random.permutation(len(train))[: len(taught)]]
    real_held_out = real_changes(validation)
    inputs = np.concatenate([real, changes(taught, of_taught)])
    trees = boosted_trees(0).fit(inputs, np.arange(len(inputs)) < len(real))
    inputs = np.concatenate([real_held_out, changes(held_out, of_held_out)])
    is_real = np.arange(len(inputs)) < len(real_held_out)
    found = roc_auc_score(is_real, trees.predict_proba(inputs)[:, 1])
    print(f"changes from the parent: {found:.3f}", flush=True)
    kinds = np.array([name[4:] if name.startswith("op") and name[3] == "_" else name for name in PARAMETER_NAMES])
    falls = {}
    for kind in np.unique(kinds):
        permuted = inputs.copy()
        permuted[:, kinds == kind] = permuted[random.permutation(len(inputs))][:, kinds == kind]
        falls[str(kind)] = found - roc_auc_score(is_real, trees.predict_proba(permuted)[:, 1])
    for kind, fall in sorted(falls.items(), key=lambda item: -item[1])[:_KINDS_SHOWN]:
        print(f"  {kind}: {fall:.3f}")


if __name__ == "__main__":
    main()
