"""The registry of tables: the schema of each, and descriptions for SQL comments and Dagster.

The docstring of a schema describes one row; `metadata["description"]` of a column describes the column.
"""

from collections.abc import Mapping
from functools import cache

import dataframely as dy
import polars as pl

from deepdx_core.tables.audio import AudioFeatures, SoundMap
from deepdx_core.tables.curation import Families, UniqueVoices, Verdicts
from deepdx_core.tables.dataset import LabeledVoices, TrainingSet, TrainingSplits
from deepdx_core.tables.decoding import DecodedVoices, Dumps, RawFiles
from deepdx_core.tables.generator import ModelEvaluation, Realness, TrainedModels
from deepdx_core.tables.synths import ConvertedVoices, Performances, Supplements, SynthMessages

TABLES: dict[str, type[dy.Schema]] = {
    "raw_files": RawFiles,
    "dumps": Dumps,
    "synth_messages": SynthMessages,
    "decoded_voices": DecodedVoices,
    "converted_voices": ConvertedVoices,
    "supplements": Supplements,
    "performances": Performances,
    "unique_voices": UniqueVoices,
    "audio_features": AudioFeatures,
    "families": Families,
    "verdicts": Verdicts,
    "sound_map": SoundMap,
    "labeled_voices": LabeledVoices,
    "training_splits": TrainingSplits,
    "training_set": TrainingSet,
    "models": TrainedModels,
    "realness": Realness,
    "model_evaluation": ModelEvaluation,
}
"""The schema of every table by its name, in the order of the data flow."""

STATE_TABLES = ("training_splits", "models")
"""Tables that cannot be rebuilt from the inbox, because they record earlier decisions."""


def describe(table: str) -> str:
    """Return the description of a table."""
    return (TABLES[table].__doc__ or "").strip()


@cache
def describe_columns(table: str) -> Mapping[str, str]:
    """Return the description of each column of a table."""
    return {name: (column.metadata or {})["description"] for name, column in TABLES[table].columns().items()}


@cache
def column_types(table: str) -> pl.Schema:
    """Return the columns of a table with their types."""
    return TABLES[table].create_empty().schema
