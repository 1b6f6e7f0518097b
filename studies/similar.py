"""How well similar sounds are found: by recordings of another synthesizer, and by the labels of neighbors.

`python -m studies.similar [HOME] [--queries N] [--seed N] [--known-note]` renders valid sounds of a home with Dexed
(extra `oracle`), at notes that the index does not have, velocities from 60 to 127, held for 0.5 to 2.5 s and at any
level, and looks each recording up among all sounds of the home. It prints how often the sound itself, one that no key
press distinguishes from it (`functional_id`), one of its family, or one of its label is the first, or among the first
10; and the time of a query. Then, of sounds whose name decides their label: how many of the 10 nearest sounds of other
families have that label, by ear and by parameters. --known-note tells the index the note.
"""

import argparse
import io
import time
from pathlib import Path

import numpy as np
import polars as pl
import soundfile

from deepdx_core.arrays import Float32Array
from deepdx_core.home import Home, find_home
from deepdx_core.similarity.index import SoundIndex
from deepdx_core.sound.rendering import SAMPLE_RATE
from deepdx_core.tables.storage import Tables
from tests.support.oracle import Oracle

_NOTES = (48, 55, 67, 72)
_AFTER = 1.0  # seconds recorded after key-up
_FIRST = 10


def as_wav(samples: Float32Array) -> bytes:
    """Return a recording as the content of a file of 16 bits."""
    file = io.BytesIO()
    soundfile.write(file, samples, SAMPLE_RATE, format="WAV", subtype="PCM_16")
    return file.getvalue()


def find_recordings(index: SoundIndex, known: pl.DataFrame, queries: int, seed: int, known_note: bool) -> None:
    """Look recordings of sounds up, and print how often they are found."""
    draws, oracle = np.random.default_rng(seed), Oracle()
    of_sound = {row["sound_id"]: row for row in known.iter_rows(named=True)}
    hits: dict[str, list[tuple[bool, bool]]] = {"sound": [], "functional": [], "family": [], "label": []}
    seconds, of_processor, notes = [], [], []
    for row in draws.choice(len(index.sound_ids), queries, replace=False):
        note, velocity = int(draws.choice(_NOTES)), int(draws.integers(60, 128))
        held, level = float(draws.uniform(0.5, 2.5)), float(10 ** draws.uniform(-1.5, 0))
        samples = oracle.render(index.parameters[row], note, velocity, held, held + _AFTER)
        if (peak := np.abs(samples).max()) < 1e-3:
            continue  # silent at this note
        recording = as_wav((samples * (0.9 * level / peak)).astype(np.float32))
        begin, processor = time.perf_counter(), time.process_time()
        found = index.by_recording(recording, _FIRST, note=note if known_note else None)
        seconds.append(time.perf_counter() - begin)
        of_processor.append(time.process_time() - processor)
        wanted = of_sound[index.sound_ids[int(row)]]
        same = [of_sound[sound_id] for sound_id in found["sound_id"]]
        for name, key in (
            ("sound", "sound_id"),
            ("functional", "functional_id"),
            ("family", "family_id"),
            ("label", "label"),
        ):
            equal = [other[key] == wanted[key] for other in same]
            hits[name].append((equal[0], any(equal)))
        notes.append(found["note"][0] == note)
    print(f"{len(seconds)} recordings among {len(index.sound_ids):,} sounds, seed {seed}")
    for name, each in hits.items():
        first, any_of_first = np.mean(each, axis=0)
        print(f"{name}: {first:.1%} first, {any_of_first:.1%} among the first {_FIRST}")
    print(f"note right: {np.mean(notes):.1%}")
    print(f"seconds: median {np.median(seconds):.2f}, on all cores together {np.median(of_processor):.2f}", flush=True)


def compare_neighbors(index: SoundIndex, known: pl.DataFrame, queries: int, seed: int) -> None:
    """Print how often neighbors of other families have the label of a sound, and the time of a query."""
    named = known.filter(pl.col("decided_by") == "names")
    chosen = named.sample(min(queries, len(named)), seed=seed)
    rows = index.sound_ids.search_sorted(chosen["sound_id"])
    others = named.select("sound_id", "label", "family_id")
    for name, find in (("by ear", index.by_ear), ("by parameters", index.by_parameters)):
        shares, begin = [], time.perf_counter()
        for row, wanted in zip(rows, chosen.iter_rows(named=True), strict=True):
            found = find(index.parameters[row], 200).join(others, on="sound_id", maintain_order="left")
            found = found.filter(pl.col("family_id") != wanted["family_id"]).head(10)
            shares.append((found["label"] == wanted["label"]).mean())
        took = (time.perf_counter() - begin) / len(rows)
        right = np.mean([share for share in shares if share is not None])
        print(f"{name}: {right:.1%} of the 10 nearest have the label; {1000 * took:.0f} ms a query", flush=True)


def main() -> None:
    """Run both on a home."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("home", type=Path, nargs="?")
    parser.add_argument("--queries", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--known-note", action="store_true")
    arguments = parser.parse_args()
    home = Home(arguments.home) if arguments.home else find_home()
    tables, index = Tables(home), SoundIndex.load(home)
    known = tables.read("labeled_voices", ["sound_id", "label", "decided_by"]).join(
        tables.read("families", ["sound_id", "functional_id", "family_id"]), on="sound_id"
    )
    compare_neighbors(index, known, arguments.queries, arguments.seed)
    find_recordings(index, known, arguments.queries, arguments.seed, arguments.known_note)


if __name__ == "__main__":
    main()
