"""Voices in another order, and without those that nobody misses, for the command `convert`."""

from enum import StrEnum
from typing import TYPE_CHECKING

from deepdx_pipeline.cli.console import announce_compilation, err, print_line, progress_bar

if TYPE_CHECKING:
    import polars as pl

_MAX_LISTED = 20  # voices left out for one reason


class Sort(StrEnum):
    """Order of voices."""

    ORIGINAL = "original"
    NAME = "name"
    CATEGORY = "category"
    SIMILARITY = "similarity"


class Unwanted(StrEnum):
    """Voices to leave out."""

    EMPTY = "empty"
    ALIKE = "sounds-alike"


_EMPTY = {"empty": "an empty slot", "silent": "makes no sound"}
"""The verdicts on voices that `Unwanted.EMPTY` leaves out, in words."""


def arrange(voices: "pl.DataFrame", sort: Sort, without: list[Unwanted]) -> "pl.DataFrame":
    """Return writable voices in an order, without the unwanted ones, and print on stderr which ones these are."""
    if Unwanted.EMPTY in without:
        voices = _leave_out_empty(voices)
    if not len(voices) or (sort is not Sort.SIMILARITY and Unwanted.ALIKE not in without):
        return _sort_unheard(voices, sort)

    from deepdx_core.arranging.order import sort_by_sound
    from deepdx_core.exchange.conversion import to_parameters
    from deepdx_core.sound.audio_features import compute_voice_features
    from deepdx_core.tables.audio import AudioFeatures

    announce_compilation()
    with progress_bar() as report:
        audio = compute_voice_features(to_parameters(voices), AudioFeatures.create_empty(), report)
    if Unwanted.ALIKE in without:
        voices = _leave_out_alike(voices, audio)
        audio = audio.join(voices, on="sound_id", how="semi")
    return sort_by_sound(voices, audio) if sort is Sort.SIMILARITY else _sort_unheard(voices, sort)


def _sort_unheard(voices: "pl.DataFrame", sort: Sort) -> "pl.DataFrame":
    """Return voices in an order that needs no audio."""
    if sort is Sort.NAME:
        from deepdx_core.arranging.order import sort_by_name

        return sort_by_name(voices)
    if sort is Sort.CATEGORY:
        from deepdx_core.arranging.judgement import find_categories
        from deepdx_core.arranging.order import sort_by_category
        from deepdx_core.home import find_home
        from deepdx_core.labels.taxonomy import find_taxonomy

        home = find_home()
        taxonomy = find_taxonomy(home.taxonomy)
        return sort_by_category(voices, find_categories(voices, home, taxonomy), taxonomy)
    return voices


def _leave_out_empty(voices: "pl.DataFrame") -> "pl.DataFrame":
    from deepdx_core.arranging.judgement import find_verdicts
    from deepdx_core.home import find_home

    verdicts = find_verdicts(voices, find_home())
    is_empty = verdicts.is_in(list(_EMPTY))
    _print_left_out(voices.filter(is_empty), [_EMPTY[verdict] for verdict in verdicts.filter(is_empty)])
    return voices.filter(~is_empty)


def _leave_out_alike(voices: "pl.DataFrame", audio: "pl.DataFrame") -> "pl.DataFrame":
    import numpy as np

    from deepdx_core.arranging.alike import find_earlier
    from deepdx_core.exchange.conversion import format_slot

    stands_for = find_earlier(voices["sound_id"], audio)
    left_out = np.flatnonzero(stands_for != np.arange(len(voices)))
    listed = voices[stands_for[left_out[:_MAX_LISTED]]].iter_rows(named=True)
    _print_left_out(voices[left_out], [f"sounds like {format_slot(row)}" for row in listed])
    return voices[np.flatnonzero(stands_for == np.arange(len(voices)))]


def _print_left_out(voices: "pl.DataFrame", reasons: list[str]) -> None:
    """Print which voices are left out, with the reasons of at least the first ones."""
    from deepdx_core.exchange.conversion import format_slot

    for row, reason in zip(voices.head(_MAX_LISTED).iter_rows(named=True), reasons, strict=False):
        print_line(f"{format_slot(row)}: left out: {reason}", "dim", err)
    if (more := len(voices) - _MAX_LISTED) > 0:
        print_line(f"... and {more:,} more left out for such reasons", "dim", err)
