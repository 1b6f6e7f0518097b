"""DX7 voices as arrays and data frames: reading, writing, curation, labels, generation. No Dagster here.

The front door, imported on first use so that `import deepdx_core` costs nothing:

- `read(path)`             voices of a file, folder or archive as a polars frame
- `write_bank(path, voices)`  banks of 32 that a DX7 loads
- `render(voices, note)`   samples, `float32[n, samples]`; `Controllers`: pitch bend, wheel, aftertouch, breath
- `load_corpus(home)`      SQL over the corpus of a home
- `Dataset(home, split)`   the training set as a `torch.utils.data.Dataset`; `AudioDataset` renders it on the fly

Rooms, from the ground up; each imports only those before it:

- `arrays`, `errors`, `display`, `progress`, `files`, `documents`, `home`, `versions`, `compilation`, `trees`  shared by
  all rooms
- `voice`       the 145 parameters and the 32 algorithms, as data
- `codec`       bytes to voices and back; no file system, no data frames
- `synths`      the other Yamahas, SY77, four operators, DX7II: their parameters and messages
- `tables`      schemas of the tables, and their storage
- `intake`      files, folders and archives to bytes; downloads
- `decoding`    dumps to rows: every voice slot with its sound id and findings
- `exchange`    inspection, conversion, voices as CSV, JSON and Parquet
- `overrides`   the user's own verdicts and labels
- `keeping`     the user's ratings, notes and collections
- `judges`      classifiers of sounds that are trained already: corruption, labels
- `state`       data that cannot be recomputed: opening, migration, backup, restore
- `ports`       messages sent to instruments and dumps received from them, at MIDI ports
- `sound`       the DX7 engine, rendering to samples and audio files, and the features of rendered clips
- `dedup`       exact duplicates, repairs, near-duplicate families, audio similarity
- `similarity`  sounds near one another: by ear, by parameters, by a recording, and on a map
- `quality`     measures, the corruption score, rules, verdicts
- `labels`      the category and training label of a voice
- `arranging`   voices in an order for banks, without empty ones and those that sound alike
- `configuration`  the user's files, checked before a run
- `judging`     training of judges on a corpus
- `changes`     changes by runs: the comparison of tables, and the history of the runs
- `database`    corpus.duckdb, its snapshot for queries, the funnel
- `dataset`     splits, and the training set as arrays
- `taste`       the taste of a user, learnt from ratings, and the choice of sounds by it
- `training`    settings, checkpoints and determinism of training runs
- `gan`         the conditional GAN of the blog "Deep DX"
- `evaluation`  the protocol, its metrics and baselines
- `writer`      the autoregressive transformer that writes voices
- `generation`  models (writer, critic, names), their registry, sampling, banks
- `export`      the training set as a dataset folder, with a card and rendered clips
- `conversions`  voices of one synthesizer for another, with everything that was not carried over; their way to it
- `settings`    deepdx.toml and the variables over it
- `api`         the front door above
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from deepdx_core.api import Corpus, ReadError, WriteError, load_corpus, read, render, write_bank
    from deepdx_core.dataset.torch_dataset import AudioDataset, Dataset
    from deepdx_core.errors import DeepDXError
    from deepdx_core.sound.rendering import Controllers

__all__ = [
    "AudioDataset",
    "Controllers",
    "Corpus",
    "Dataset",
    "DeepDXError",
    "ReadError",
    "WriteError",
    "load_corpus",
    "read",
    "render",
    "write_bank",
]

_MODULES = {
    "AudioDataset": "deepdx_core.dataset.torch_dataset",
    "Controllers": "deepdx_core.sound.rendering",
    "Dataset": "deepdx_core.dataset.torch_dataset",
    "DeepDXError": "deepdx_core.errors",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_MODULES.get(name, "deepdx_core.api")), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
