"""How near voices come to a recording: `generate --like RECORDING` on voices that no model has met.

`python -m studies.targets HOME MODEL [--queries N] [--seed N]` renders sounds of a home, of families without a training
voice of the model in the folder MODEL, at notes and velocities that the index does not have, and looks for each among
the training voices. It prints the distance from the recording of the nearest training voice, of those that voices
derive from, and of generated voices (mean, and the best of 32), in two measures: that of the search, which chooses
parents and candidates, and the distance by ear of the whole voices (`ear_vectors`, dB), which chooses nothing.
"""

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl

from deepdx_core.arrays import Float64Array, UInt8Array
from deepdx_core.decoding.sound_ids import sound_ids
from deepdx_core.generation.model import load_model
from deepdx_core.generation.preferences import STRENGTH_LIKE_RECORDING, hear
from deepdx_core.generation.request import SamplingRequest
from deepdx_core.generation.sampling import sample
from deepdx_core.home import Home
from deepdx_core.progress import silent
from deepdx_core.quality.rules import load_rules
from deepdx_core.similarity.ear import ear_vectors
from deepdx_core.similarity.index import SoundIndex
from deepdx_core.similarity.matching import distances_to_recording
from deepdx_core.similarity.recordings import trim_note
from deepdx_core.sound.audio_features import compute_voice_features
from deepdx_core.sound.rendering import render
from deepdx_core.tables.audio import AudioFeatures
from deepdx_core.tables.storage import Tables

_NOTES = (48, 55, 67, 72)
_CHOICES = 8
_SETTINGS = {
    "critic alone": {"preferences": ()},
    "likeness": {},
    "likeness, strength 0.05": {"strength": STRENGTH_LIKE_RECORDING},
}


def by_ear(wanted: UInt8Array, voices: UInt8Array) -> Float64Array:
    """Return the distance of each voice by ear from one, `float64[n]`."""
    together = np.concatenate([wanted[None], voices])
    ids, vectors = ear_vectors(compute_voice_features(together, AudioFeatures.create_empty(), silent))
    vectors = vectors[ids.search_sorted(pl.Series(sound_ids(together))).to_numpy()].astype(np.float64)
    return np.asarray(np.sqrt(((vectors[1:] - vectors[0]) ** 2).mean(axis=1)))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("home", type=Path)
    parser.add_argument("model", type=Path)
    parser.add_argument("--queries", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    home, model = Home(arguments.home), load_model(arguments.model)
    index, rules = SoundIndex.load(home), load_rules()
    families = dict(Tables(home).read("families", ["sound_id", "family_id"]).iter_rows())
    known = index.sound_ids.is_in(sound_ids(model.voices.parameters)).to_numpy()
    met = {families[sound_id] for sound_id in index.sound_ids.filter(known)}
    unmet = np.flatnonzero([families[sound_id] not in met for sound_id in index.sound_ids])
    learned = replace(index, sound_ids=index.sound_ids.filter(known), parameters=index.parameters[known], _spectra=[])

    draws, rows = np.random.default_rng(arguments.seed), []
    for row in draws.choice(unmet, arguments.queries, replace=False):
        note, velocity, held = int(draws.choice(_NOTES)), int(draws.integers(60, 128)), float(draws.uniform(0.5, 2))
        wanted = index.parameters[row]
        samples = render(wanted[None], note, velocity, held + 0.5, held)[0]
        if np.abs(samples).max() < 1e-3:
            continue  # silent at this note
        recording = trim_note(samples)
        heard = hear(learned, recording)
        of_query = {"nearest": heard.voices[:1], "parents": heard.voices}
        for name, changes in _SETTINGS.items():
            conditions = {"like": heard.voices, "preferences": (heard.preference,), "choices": _CHOICES} | changes
            request = SamplingRequest(**conditions)
            of_query[name] = sample(model, 32, arguments.seed, request, rules=rules, render=True).parameters
        distances = [
            (distances_to_recording(recording, voices, np.full(len(voices), note)), by_ear(wanted, voices))
            for voices in of_query.values()
        ]
        rows.append([(measure.mean(), measure.min()) for pair in distances for measure in pair])
        print(len(rows), len(heard.voices), *(f"{mean:.2f}/{best:.2f}" for mean, best in rows[-1]), flush=True)
    values = np.reshape(rows, (len(rows), len(of_query), 4))
    print(f"{len(rows)} recordings, {known.sum():,} training voices; medians: search mean, best; by ear mean, best;")
    print("share of recordings to which the best is nearer than the nearest training voice: search, by ear")
    nearer = (values[:, :, [1, 3]] < values[:, :1, [1, 3]]).mean(axis=0)
    for name, medians, shares in zip(of_query, np.median(values, axis=0), nearer, strict=True):
        print(f"{name:28}", *(f"{value:6.2f}" for value in medians), *(f"{share:6.0%}" for share in shares))


if __name__ == "__main__":
    main()
