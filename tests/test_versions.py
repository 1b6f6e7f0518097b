"""Results from the same input stay the same, unless their version in `deepdx_core.versions` is raised.

`golden/versions.json` contains a digest of each table built from the demo corpus, the results of small fixed
computations for sounds and models, and the versions of the code behind them. After an intended change:

1. Raise the constant in `deepdx_core/versions.py` that the test names.
2. Run DEEPDX_GOLDEN=renew python -m pytest tests/test_versions.py -n 0

If a table is new, or a table or column is renamed, step 2 is enough.
"""

import hashlib
import json
import math
import os
import platform
import shutil
from importlib.metadata import version

import dagster as dg
import numpy as np
import polars as pl
import pytest
import torch

from deepdx_core import versions
from deepdx_core.decoding.sound_ids import sound_ids
from deepdx_core.generation.critic import fit_critic
from deepdx_core.generation.sampling import SamplingRequest, sample
from deepdx_core.progress import silent
from deepdx_core.similarity.sound_map import place_voices
from deepdx_core.sound.audio_features import CLIPS, compute_audio_features
from deepdx_core.sound.clip_features import compute_features, reduce_clips
from deepdx_core.sound.rendering import SAMPLE_RATE
from deepdx_core.tables.audio import AudioFeatures
from deepdx_core.tables.generator import GENERATOR_TABLES
from deepdx_core.tables.schemas import TABLES
from deepdx_core.tables.storage import Tables
from deepdx_core.training.checkpoints import digest
from deepdx_core.voice.columns import CARRIERS
from deepdx_core.voice.parameters import PARAMETER_NAMES
from deepdx_pipeline.definitions import build_defs
from tests.support.paths import DEMO, ROOT
from tests.support.toy_models import TINY, blank_model, fit, toy_splits, toy_voices
from tests.support.voices import random_voices

GOLDEN = ROOT / "tests" / "golden" / "versions.json"
RENEW = "DEEPDX_GOLDEN=renew python -m pytest tests/test_versions.py -n 0"

VERSIONS = {name: value for name, value in vars(versions).items() if name.endswith("_VERSION")}
_READING = ("READER_VERSION",)
_CONVERSION = (*_READING, "CONVERSION_VERSION")
_CURATION = (*_CONVERSION, "CURATION_VERSION")
_LABELS = (*_CURATION, "LABELS_VERSION")
VERSIONS_BEHIND = {
    **dict.fromkeys(set(TABLES) - {*GENERATOR_TABLES, "audio_features"}, _CURATION),
    **dict.fromkeys(("raw_files", "dumps", "synth_messages"), _READING),
    **dict.fromkeys(("converted_voices", "supplements", "performances"), _CONVERSION),
    "decoded_voices": (*_READING, "CURATION_VERSION"),
    **dict.fromkeys(("labeled_voices", "training_splits", "training_set"), _LABELS),
    "sound_map": (*_CURATION, "MAP_VERSION"),
    "placed": ("ENGINE_VERSION", "FEATURES_VERSION", "MAP_VERSION"),
    "measured": ("FEATURES_VERSION",),
    "rendered": ("ENGINE_VERSION", "FEATURES_VERSION"),
    "model": ("MODEL_VERSION",),
}
"""By result: the constants to raise when it changes. The last is its own, the others are those of its inputs."""

NUMERIC = {"verdicts", "labeled_voices", "training_splits", "measured", "rendered", "placed", "model"}
"""Results that may differ with other libraries or another processor, with the same code."""


def libraries():
    found = {
        name: ".".join(version(name).split(".")[:2]) for name in ("numpy", "polars", "scikit-learn", "scipy", "torch")
    }
    # Vectorized logarithms and exponentials differ in the last bit with the instructions of the processor.
    return found | {"machine": f"{platform.machine()} {torch.backends.cpu.get_cpu_capability()}"}


def digest_tables(home):
    """Return a digest of the rows of each table, built from the demo corpus without rendering."""
    shutil.copytree(DEMO, home.inbox, dirs_exist_ok=True)
    config = {
        "ops": {"audio_features": {"config": {"render": False}}},
        "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
    }
    job = build_defs(home).resolve_job_def("refresh_corpus")
    assert job.execute_in_process(instance=dg.DagsterInstance.ephemeral(), run_config=config).success
    tables = Tables(home)
    built = {table for table, constants in VERSIONS_BEHIND.items() if constants[0] == "READER_VERSION"}
    found = {}
    for table in sorted(built):
        rows = tables.read(table)
        found[table] = hashlib.sha256(repr((rows.dtypes, rows.rows())).encode()).hexdigest()
    return found


def compute_features_of_clips():
    """Return the features of synthetic clips and of rendered voices."""
    seconds = np.arange(round(2.5 * SAMPLE_RATE)) / SAMPLE_RATE
    noise = np.random.default_rng(0).standard_normal(len(seconds)) * 0.1
    clips = [
        np.sin(2 * np.pi * 220 * seconds),
        np.sin(2 * np.pi * 1000 * seconds) * np.exp(-3 * seconds),
        np.sin(2 * np.pi * 5000 * seconds) * np.minimum(seconds, 1) + noise,
        noise * (seconds < 2),
        0 * seconds,
    ]
    columns = compute_features(reduce_clips(np.stack(clips).astype(np.float32), 2.0, 0.5), np.array([1, 2, 3, 6, 1]))
    measured = {name: np.asarray(values, dtype=np.float64).tolist() for name, values in sorted(columns.items())}
    measured["carriers"] = CARRIERS.astype(int).tolist()
    measured["clips"] = [[clip.note, clip.velocity, clip.held, clip.after] for clip in CLIPS]
    parameters = np.concatenate([toy_voices(4).parameters, random_voices(4)[0]])
    sounds = pl.DataFrame(parameters, schema=list(PARAMETER_NAMES)).with_columns(
        sound_id=pl.Series(sound_ids(parameters))
    )
    rows = list(compute_audio_features(sounds, AudioFeatures.create_empty(), silent))[-1].drop("sound_id", "renderer")
    return {
        "measured": measured,
        "placed": place_voices(parameters).tolist(),
        "rendered": {name: rows[name].cast(pl.Float64).to_list() for name in rows.columns},
    }


def train_toy_model(folder):
    """Return the losses of a small training run, realness by its critic, and generated voices."""
    model = fit(folder, TINY, toy_splits(60, 12))
    blank = blank_model()
    critic = fit_critic(blank.voices, blank.written, 0)
    written = sample(blank, 4, 0, SamplingRequest(avoid_copies=False))
    return {
        "model": {
            "losses": model.history[:, :3].tolist(),
            "parents": digest(model.parents.rows, model.parents.differing),
            "written": digest(model.written.parameters, model.written.labels),
            "realness": critic.realness(toy_voices(8, 3)).tolist(),
            "sample": digest(written.parameters, written.label_ids),
        }
    }


def is_close(one, other):
    """Return True if two JSON values are equal, with a tolerance for numbers from another processor."""
    if isinstance(one, dict):
        return (
            isinstance(other, dict)
            and one.keys() == other.keys()
            and all(is_close(one[key], other[key]) for key in one)
        )
    if isinstance(one, list):
        return isinstance(other, list) and len(one) == len(other) and all(map(is_close, one, other))
    if isinstance(one, float) and isinstance(other, float):
        # Decibels are rounded to hundredths.
        return math.isclose(one, other, rel_tol=1e-4, abs_tol=0.011) or (math.isnan(one) and math.isnan(other))
    return one == other


def to_json(document):
    """Return the golden document as JSON with one line per result, for readable diffs."""
    parts = [f" {json.dumps(key)}: {json.dumps(document[key])}" for key in ("versions", "libraries")]
    lines = ",\n".join(
        f"  {json.dumps(name)}: {json.dumps(result)}" for name, result in sorted(document["made"].items())
    )
    return "{\n" + ",\n".join(parts) + ',\n "made": {\n' + lines + "\n }\n}\n"


@pytest.mark.slow
def test_results_change_only_with_the_version_of_their_code(home, tmp_path):
    found = {**digest_tables(home), **compute_features_of_clips(), **train_toy_model(tmp_path / "training")}
    renew = os.environ.get("DEEPDX_GOLDEN") == "renew"
    golden = json.loads(GOLDEN.read_text()) if GOLDEN.is_file() else {"versions": {}, "libraries": {}, "made": {}}
    golden_results, known_versions = golden["made"], golden["versions"]
    comparable = found.keys() & golden_results.keys() - (set() if golden["libraries"] == libraries() else NUMERIC)
    changed = sorted(name for name in comparable if not is_close(found[name], golden_results[name]))
    for name in changed:
        raised = [
            constant for constant in VERSIONS_BEHIND[name] if VERSIONS[constant] > known_versions.get(constant, 0)
        ]
        assert raised, (
            f"{name} changed: undo the change of the code, or raise {VERSIONS_BEHIND[name][-1]} (or that of "
            f"its input that changed, one of {', '.join(VERSIONS_BEHIND[name])}) and then: {RENEW}"
        )
    if renew:
        document = {"versions": VERSIONS, "libraries": libraries(), "made": found}
        GOLDEN.write_text(to_json(document))
        return
    assert known_versions == VERSIONS, f"a version was raised: {RENEW}"
    new = sorted(found.keys() - golden_results.keys())
    assert not new, f"there is no golden result for {', '.join(new)}: {RENEW}"
