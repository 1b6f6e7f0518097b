"""The order of voices in banks: by name, by category, or so that neighbors sound alike. All are stable."""

import polars as pl

from deepdx_core.labels.taxonomy import Taxonomy
from deepdx_core.similarity.ear import ear_vectors
from deepdx_core.similarity.order import short_path


def sort_by_name(voices: pl.DataFrame) -> pl.DataFrame:
    """Return voices in the order of their names, without regard to case."""
    return voices.sort(_NAME, maintain_order=True)


def sort_by_category(voices: pl.DataFrame, categories: pl.Series, taxonomy: Taxonomy) -> pl.DataFrame:
    """Return voices in the order of their categories in the file of the taxonomy, and of their names in each."""
    place = categories.replace_strict({name: i for i, name in enumerate(taxonomy.categories)}, return_dtype=pl.Int64)
    return voices.sort(place, _NAME, maintain_order=True)


def sort_by_sound(voices: pl.DataFrame, audio: pl.DataFrame) -> pl.DataFrame:
    """Return voices in an order in which neighbors sound alike. audio: a table `audio_features` of all the sounds."""
    ids, vectors = ear_vectors(audio)
    places = pl.DataFrame({"sound_id": ids.gather(short_path(vectors))}).with_row_index("place")
    return voices.join(places, on="sound_id", maintain_order="left").sort("place", maintain_order=True).drop("place")


_NAME = pl.col("name").str.strip_chars().str.to_lowercase()
