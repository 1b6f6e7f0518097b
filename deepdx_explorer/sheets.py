"""Sheets: one voice in full, as JSON. Its routing, operators, envelopes and phrase, and all evidence."""

import threading
from dataclasses import asdict
from functools import cache
from typing import Any

import duckdb
import numpy as np
import polars as pl

from deepdx_core.arrays import Float64Array, UInt8Array
from deepdx_core.codec.packing import INIT_VOICE, MAXIMA
from deepdx_core.database.explain import Explanation
from deepdx_core.database.views import VIEWS
from deepdx_core.decoding.findings import describe_finding
from deepdx_core.decoding.sound_ids import sound_ids
from deepdx_core.sound.contours import FRAME_SECONDS, loudness_contours
from deepdx_core.sound.phrases import LABEL_PHRASES, Phrase, guess_labels
from deepdx_core.voice.algorithms import ALGORITHMS
from deepdx_core.voice.columns import CARRIERS, operator_columns
from deepdx_core.voice.parameters import INDEX, PARAMETER_NAMES

SECONDS, HELD = 3.0, 2.0
"""Length of the loudness contour, and the time of its key-up."""

_MAX_LISTED = 100


_LEVEL, _LOWEST_LEVEL, _HIGHEST_LEVEL = 1 / 16, 1 / 128, 1 / 2
"""Levels of the page's synthesizer: for a voice as loud as one carrier at full level, the least and the most."""
_DB_PER_STEP = 0.75  # of an operator's output level


def describe_sound(parameters: UInt8Array, loudness_db: Float64Array | None = None) -> list[dict[str, Any]]:
    """Return what the page needs to play voices, `uint8[n, 145]`: parameters, whether they are in range, and a level.

    Levels make voices equally loud. loudness_db: as in `audio_features`, `float64[n]`, NaN where it is not known: there
    the output levels of the carriers decide.
    """
    playable: list[bool] = np.all(parameters <= MAXIMA, axis=1).tolist()
    carriers = CARRIERS[np.minimum(parameters[:, INDEX["algorithm"]], len(ALGORITHMS) - 1)]
    below_full_db = (99.0 - parameters[:, operator_columns("output_level")]) * _DB_PER_STEP
    amplitude = np.sqrt(np.where(carriers, 10 ** (-below_full_db / 10), 0).sum(axis=1))
    if loudness_db is not None:
        measured = carriers.sum(axis=1) * 10 ** (loudness_db / 20)
        amplitude = np.where(np.isnan(loudness_db), amplitude, measured)
    levels = (_LEVEL / np.maximum(amplitude, 1e-6)).clip(_LOWEST_LEVEL, _HIGHEST_LEVEL)
    return [
        {"parameters": row.tobytes().hex(), "playable": is_in_range, "level": level}
        for row, is_in_range, level in zip(parameters, playable, levels.round(4).tolist(), strict=True)
    ]


def find_phrase_label(parameters: UInt8Array, label: str | None) -> str:
    """Return the label if it has a phrase, else the one whose phrase suits the voice, `uint8[145]`."""
    return label if label in LABEL_PHRASES else guess_labels(parameters[None])[0]


def describe_phrase(phrase: Phrase) -> list[dict[str, Any]]:
    """Return the notes of a phrase. Times are shares of its length; accents are factors of the velocity."""
    return [asdict(note) for note in phrase]


def is_playable(parameters: UInt8Array) -> bool:
    """Return True if all parameters, `uint8[145]`, are in range."""
    return bool((parameters <= MAXIMA).all())


def describe_voice(parameters: UInt8Array, name: str, label: str | None, loudness_db: float | None) -> dict[str, Any]:
    """Return a voice, `uint8[145]`, for display and playing. One that is out of range has no operators and no sound."""
    sheet: dict[str, Any] = {
        "sound_id": sound_ids(parameters[None])[0],
        "name": name,
        **describe_sound(parameters[None], np.array([loudness_db], np.float64))[0],
    }
    if not sheet["playable"]:
        return sheet
    algorithm = ALGORITHMS[parameters[INDEX["algorithm"]]]
    phrase_label = find_phrase_label(parameters, label)
    operators, common = _views().read(parameters)
    contour = loudness_contours(parameters[None], SECONDS, HELD)[0]
    return sheet | {
        "algorithm": {
            "number": algorithm.number,
            "carriers": algorithm.carriers,
            "modulations": algorithm.modulations,
            "feedback": algorithm.feedback,
        },
        "operators": operators.sort("operator").to_dicts(),
        "globals": common.row(0, named=True),
        "phrase": {"label": phrase_label, "notes": describe_phrase(LABEL_PHRASES[phrase_label])},
        "contour": {
            "frame_seconds": FRAME_SECONDS,
            "held_seconds": HELD,
            "levels_db": np.round(contour, 1).tolist(),
        },
    }


class _Views:
    """The views `voice_operators` and `voice_globals` over one voice at a time, which need not be in the corpus.

    Their queries are planned once: planning takes longer than all else.
    """

    _NAMES = ("voice_operators", "voice_globals")

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._connection = duckdb.connect()
        self._fill(INIT_VOICE, "CREATE TABLE unique_voices AS FROM voice")
        for name in self._NAMES:
            self._connection.execute(f"PREPARE {name} AS {VIEWS[name].sql}")

    def read(self, parameters: UInt8Array) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Return the rows of the operators and of the globals of a voice, `uint8[145]`."""
        with self._lock:
            self._connection.execute("DELETE FROM unique_voices")
            self._fill(parameters, "INSERT INTO unique_voices FROM voice")
            operators, common = (self._rows(name) for name in self._NAMES)
        return operators, common

    def _fill(self, parameters: UInt8Array, sql: str) -> None:
        voice = pl.DataFrame(parameters[None], schema=dict.fromkeys(PARAMETER_NAMES, pl.UInt8)).with_columns(
            sound_id=pl.lit(""),
            name=pl.lit(""),
            in_range=True,
            carriers=pl.lit(list(ALGORITHMS[parameters[INDEX["algorithm"]]].carriers), pl.List(pl.UInt8)),
        )
        self._connection.register("voice", voice.to_arrow())
        self._connection.execute(sql)
        self._connection.unregister("voice")

    def _rows(self, name: str) -> pl.DataFrame:
        found = self._connection.execute(f"EXECUTE {name}")
        columns = [column[0] for column in found.description]
        return pl.DataFrame(found.fetchall(), schema=columns, orient="row").drop("sound_id", "name", strict=False)


@cache
def _views() -> _Views:
    return _Views()


def describe_evidence(explanation: Explanation) -> dict[str, Any]:
    """Return what the corpus knows about a sound: names, places, verdict, family, label, split, critic."""
    verdict, label, split, realness = (
        explanation.verdict,
        explanation.label or {},
        explanation.split or {},
        explanation.realness or {},
    )
    findings = explanation.findings.head(_MAX_LISTED).to_dicts()
    return {
        "names": explanation.names.head(_MAX_LISTED).to_dicts(),
        "places": explanation.places.head(_MAX_LISTED).to_dicts(),
        "places_total": len(explanation.places),
        "verdict": {key: verdict[key] for key in ("verdict", "decided_by", "why", "corruption_score")},
        "findings": [finding | {"text": describe_finding(finding)} for finding in findings],
        "repair": explanation.repair and {"how": explanation.repair[0], "sound_id": explanation.repair[1]},
        "repaired_from": explanation.repaired_from.head(_MAX_LISTED).to_dicts(),
        "family": explanation.family.head(_MAX_LISTED).to_dicts(),
        "family_size": len(explanation.family) + 1,
        "label": {
            key: label.get(key) for key in ("label", "category", "confidence", "evidence", "by_names", "by_model")
        },
        "split": {key: split.get(key) for key in ("split", "reason")},
        "realness": realness.get("realness"),
    }
