"""Column lineage: the upstream columns that each column of a table is computed from.

`sound_id` stands for all 145 parameters: it is their digest.
"""

from collections.abc import Mapping

import dagster as dg

from deepdx_core.tables.schemas import TABLES
from deepdx_core.voice.parameters import OPERATORS, PARAMETER_NAMES

Columns = Mapping[str, tuple[str, ...]]
"""Upstream columns, as `table.column`, by column; `*` stands for every column that is not listed."""


def _same(table: str, *columns: str) -> dict[str, tuple[str, ...]]:
    """Return the lineage of columns copied from `table` under the same name."""
    return {column: (f"{table}.{column}",) for column in columns}


def _slots(*columns: str) -> tuple[str, ...]:
    """Return columns of both tables of slots."""
    return tuple(f"{table}.{column}" for table in ("decoded_voices", "converted_voices") for column in columns)


_SOUND = ("unique_voices.sound_id",)
_AUDIO = tuple(f"audio_features.{column}" for column in ("never_heard", "peak_db", "rest_db", "sounds_at_rest"))
_BY_EVIDENCE = ("unique_voices.names", "unique_voices.sound_id", "families.family_id")

LINEAGE: Mapping[str, Columns] = {
    "decoded_voices": {
        **_same("dumps", "sha256", "offset", "format", "channel", "checksum"),
        "*": ("dumps.payload",),
    },
    "converted_voices": {**_same("synth_messages", "sha256", "offset", "synth"), "*": ("synth_messages.payload",)},
    "supplements": {
        **_same("decoded_voices", "sha256", "offset", "slot"),
        "losses": ("synth_messages.payload", "decoded_voices.sound_id"),
        "*": ("synth_messages.payload",),
    },
    "performances": {**_same("synth_messages", "sha256", "offset", "kind"), "*": ("synth_messages.payload",)},
    "unique_voices": {
        **{name: _slots(name) for name in ("sound_id", *PARAMETER_NAMES)},
        **dict.fromkeys(("name", "names", "name_counts"), _slots("name", "sha256")),
        "files": _slots("sha256"),
        "carriers": _slots("algorithm"),
        "carrier_levels_4": _slots("algorithm", *(f"op{operator}_eg_level_4" for operator in OPERATORS)),
        "*": _slots("sound_id"),
    },
    "audio_features": {"*": _SOUND},
    "families": {
        "family_id": (*_SOUND, "audio_features.sound_id"),
        "family_size": (*_SOUND, "audio_features.sound_id"),
        "best_name": ("unique_voices.names", "unique_voices.name_counts"),
        **dict.fromkeys(
            ("functional_representative", "family_representative"),
            ("unique_voices.files", "unique_voices.slots", *_SOUND),
        ),
        "*": _SOUND,
    },
    "verdicts": {
        **dict.fromkeys(
            ("verdict", "decided_by", "findings"),
            (*_SOUND, "families.family_size", *_slots("sound_id"), *_AUDIO),
        ),
        "heard": ("audio_features.sound_id",),
        "neighbor_corruption": _slots("sound_id", "slot"),
        "neighborhoods": _slots("sound_id", "slot"),
        "stuck_bit": _slots("sound_id", "offset"),
        "*": _SOUND,
    },
    "sound_map": {"sound_id": ("verdicts.sound_id",), "*": ("audio_features.sound_id",)},
    "labeled_voices": {
        "sound_id": ("verdicts.sound_id",),
        "algorithm_label": ("unique_voices.algorithm",),
        "by_names": ("unique_voices.names", "unique_voices.name_counts"),
        "by_model": _SOUND,
        "by_family": ("families.family_id", "unique_voices.names"),
        "by_folders": ("raw_files.path", "raw_files.member", *_slots("sha256")),
        "*": (*_BY_EVIDENCE, "raw_files.path"),
    },
    "training_splits": {
        "sound_id": ("labeled_voices.sound_id", "unique_voices.converted"),
        "in_corpus": ("labeled_voices.sound_id", "unique_voices.converted"),
        "*": ("families.family_id", "labeled_voices.label", "audio_features.sound_id"),
    },
    "training_set": {
        **_same("training_splits", "sound_id", "split"),
        **_same("labeled_voices", "label"),
        **_same("families", "family_id"),
        **_same("unique_voices", *PARAMETER_NAMES),
        "names": _slots("name"),
    },
    "models": {"*": ("training_set.sound_id", "training_set.label", "training_set.split")},
    "realness": {
        **_same("training_set", "sound_id", "label"),
        **_same("models", "model_id"),
        "*": ("training_set.sound_id", "training_set.label", "models.model_id", "audio_features.sound_id"),
    },
    "model_evaluation": {
        "*": ("models.model_id", "training_set.sound_id", "training_set.label", "audio_features.sound_id")
    },
}
"""Lineage of every table except `raw_files`, `dumps` and `synth_messages`, which are read from files."""


def column_lineage(table: str) -> dg.TableColumnLineage:
    """Return the lineage of a table's columns, empty for tables that are read from files."""
    columns = LINEAGE.get(table)
    if columns is None:
        return dg.TableColumnLineage({})
    return dg.TableColumnLineage(
        {
            column: [_dependency(name) for name in columns.get(column) or columns["*"]]
            for column in TABLES[table].column_names()
        }
    )


def _dependency(name: str) -> dg.TableColumnDep:
    table, column = name.split(".")
    return dg.TableColumnDep(asset_key=dg.AssetKey(table), column_name=column)
