"""The choice of sounds for banks: by rating and taste, of every label its share, no two of a family, in a good order.

Rated `star` and `keep` come first. The others are chosen one by one, each for its own worth and for its distance to
those chosen before (maximal marginal relevance: Carbonell and Goldstein, 1998). Worth is taste where there are ratings,
else the number of files with the sound.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl

from deepdx_core.arrays import Float64Array, Int64Array, UInt8Array
from deepdx_core.display import counted, shown
from deepdx_core.errors import DeepDXError
from deepdx_core.home import Home
from deepdx_core.keeping.collections import Collection
from deepdx_core.keeping.ratings import read_ratings
from deepdx_core.keeping.scale import Rating
from deepdx_core.progress import Report, silent
from deepdx_core.similarity.order import short_path
from deepdx_core.tables.storage import Tables
from deepdx_core.taste.features import Features
from deepdx_core.taste.model import Taste
from deepdx_core.voice.parameters import PARAMETER_NAMES

MAX_COUNT = 32 * 99

_DIVERSITY = 0.25  # worth that a sound loses which equals one chosen before
_RADIUS = 0.4  # distance at which sounds are hardly alike any more
_JITTER = 0.05  # worth drawn by the seed
_POPULAR = 0.1  # worth of a sound in many files beside its taste
_CANDIDATES = 5000  # of a label, the worthiest: the time grows with them
_LIKED = (Rating.STAR, Rating.KEEP)


class PickError(DeepDXError):
    """Sounds cannot be chosen as asked."""


def pick_sounds(
    home: Home,
    count: int,
    *,
    labels: Sequence[str] = (),
    quotas: Mapping[str, int] | None = None,
    without: Sequence[str] = (),
    seed: int = 0,
    features: Features | None = None,
    ratings: pl.DataFrame | None = None,
    report: Report = silent,
) -> pl.DataFrame:
    """Choose sounds of the corpus of a home, in the order in which they make a bank: by label, neighbors alike.

    labels: choose from these only. quotas: number of sounds of some labels; the others share the rest, in proportion to
    their families. Liked sounds (`star`, `keep`) come first, and never one rated `skip`, nor another of its family that
    is not liked. without: ids of sounds that are not chosen, nor others of their families: those that a bank has
    already. seed: another one gives another choice of about the same worth. features, ratings: those of the home,
    for a caller that has them already.

    Returns `sound_id`, `name`, `label`, `taste` (about 0 to 1), `sure` (0 to 1; 0: nothing is known), `rating`,
    `files`, `why`. With the same corpus, ratings and seed, the choice is the same. Raises PickError for an unknown
    label or a number of sounds that cannot be met.
    """
    quotas = dict(quotas or {})
    features = Features.of_corpus(home) if features is None else features
    ratings = read_ratings(home) if ratings is None else ratings
    taste = Taste.fit(features, ratings)
    report("tastes predicted", 0, len(features.sound_ids))
    sounds = _candidates(home, taste, ratings, without, seed)
    report("tastes predicted", len(features.sound_ids), len(features.sound_ids))
    _require_possible(sounds, count, labels, quotas)
    if labels:
        sounds = sounds.filter(pl.col("label").is_in([*labels, *quotas]))
    vectors = features.vectors[features.rows(sounds["sound_id"])]
    chosen: list[Int64Array] = []
    last: Float64Array | None = None
    for label, number in sorted(_share(sounds, count, quotas).items()):
        (own,) = np.nonzero((sounds["label"] == label).to_numpy())
        rows = own[_choose(sounds[own], vectors[own], number)]
        rows = rows[short_path(vectors[rows], last)]
        if len(rows):
            last = vectors[rows[-1]]
        chosen.append(rows)
    rows = np.concatenate(chosen)
    return sounds[rows].with_columns(why=pl.Series(_reasons(sounds, vectors, rows, taste, features, ratings)))[
        :, ["sound_id", "name", "label", "taste", "sure", "rating", "files", "why"]
    ]


def to_collection(home: Home, picked: pl.DataFrame) -> Collection:
    """Return picked sounds as a collection, under their names."""
    voices = Tables(home).read("training_set", ["sound_id", *PARAMETER_NAMES])
    rows = picked.select("sound_id", "name").join(voices, on="sound_id", how="left", maintain_order="left")
    parameters: UInt8Array = rows.select(PARAMETER_NAMES).to_numpy()
    return Collection(np.ascontiguousarray(parameters), tuple(rows["name"]))


def _candidates(home: Home, taste: Taste, ratings: pl.DataFrame, without: Sequence[str], seed: int) -> pl.DataFrame:
    """Return the best sound of each family that may be chosen, with `liked` (0, 1 keep, 2 star) and `worth`."""
    tables = Tables(home)
    sounds = tables.read("training_set", ["sound_id", "label", "family_id"]).sort("sound_id")
    sounds = sounds.join(
        tables.read("unique_voices", ["sound_id", "name", "files"]), on="sound_id", maintain_order="left"
    )
    sounds = sounds.join(ratings.select("sound_id", "rating"), on="sound_id", how="left", maintain_order="left")
    mean, deviation = taste.predict(sounds["sound_id"])
    popular = np.log1p(sounds["files"].to_numpy().astype(np.float64))
    popular /= popular.max()
    worth = mean + _POPULAR * popular if taste.ratings else popular
    sounds = sounds.with_columns(
        taste=mean,
        sure=taste.sure(deviation),
        worth=worth + _JITTER * np.random.default_rng(seed).random(len(sounds)),
        liked=(pl.col("rating") == Rating.STAR).cast(pl.Int8).fill_null(0) * 2
        + (pl.col("rating") == Rating.KEEP).cast(pl.Int8).fill_null(0),
        skipped=(pl.col("rating") == Rating.SKIP).fill_null(False),
    )
    allowed = ~pl.col("skipped") & ((pl.col("liked") > 0) | ~pl.col("skipped").any().over("family_id"))
    taken = sounds.filter(pl.col("sound_id").is_in(list(without)))["family_id"]
    best = sounds.filter(allowed, ~pl.col("family_id").is_in(taken.implode())).sort(
        "liked", "worth", "sound_id", descending=[True, True, False]
    )
    return best.unique("family_id", keep="first", maintain_order=True).sort("sound_id")


def _require_possible(sounds: pl.DataFrame, count: int, labels: Sequence[str], quotas: Mapping[str, int]) -> None:
    families = dict(sounds["label"].value_counts().iter_rows())
    if not 1 <= count <= MAX_COUNT:
        raise PickError(f"{count:,} sounds: choose 1 to {MAX_COUNT:,}")
    for label in (*labels, *quotas):
        if label not in families:
            raise PickError(f"{shown(label)} is not one of the labels {', '.join(sorted(families))}")
    for label, number in quotas.items():
        if not 0 <= number <= families[label]:
            raise PickError(f"{label}: {number:,} of {families[label]:,} families")
    if sum(quotas.values()) > count:
        raise PickError(f"the quotas are {sum(quotas.values()):,} sounds together, and only {count:,} are to be chosen")
    left = sum(number for label, number in families.items() if label not in quotas and (not labels or label in labels))
    if sum(quotas.values()) + left < count:
        raise PickError(f"only {sum(quotas.values()) + left:,} families to choose {count:,} sounds from, one of each")


def _share(sounds: pl.DataFrame, count: int, quotas: Mapping[str, int]) -> dict[str, int]:
    """Return the number of sounds of each label: quotas; of others, liked ones, and a share by the number of families.

    If there is room, every label has one.
    """
    groups = sounds.group_by("label").agg(families=pl.len(), liked=(pl.col("liked") > 0).sum()).sort("label")
    free = groups.filter(~pl.col("label").is_in(list(quotas)))
    left = count - sum(quotas.values())
    families, liked = (free[column].to_numpy().astype(np.int64) for column in ("families", "liked"))
    if liked.sum() >= left:
        shares = _apportion(liked.astype(np.float64), left, np.zeros_like(liked), liked)
    else:
        least = np.maximum(liked, 1)
        least = least if least.sum() <= left else liked
        shares = _apportion(families.astype(np.float64), left, least, families)
    return dict(quotas) | dict(zip(free["label"], shares.tolist(), strict=True))


def _apportion(weights: Float64Array, total: int, least: Int64Array, most: Int64Array) -> Int64Array:
    """Divide a total in proportion to weights, within bounds: seat by seat to the largest quotient (Webster)."""
    shares = least.copy()
    while shares.sum() < total:
        quotients = np.where(shares < most, weights / (2 * shares + 1), -1)
        shares[quotients.argmax()] += 1
    return shares


def _choose(sounds: pl.DataFrame, vectors: Float64Array, number: int) -> Int64Array:
    """Return the rows of the sounds to choose of a label, `int64[number]`."""
    liked, worth = sounds["liked"].to_numpy(), sounds["worth"].to_numpy()
    pool = np.lexsort((-worth, -liked))[: max(_CANDIDATES, number)]
    worth, points = 2.0 * liked[pool] + worth[pool], vectors[pool]  # a liked sound is worth more than any other
    likeness = np.zeros(len(pool))
    chosen: list[int] = []
    for _ in range(number):
        scores = worth - _DIVERSITY * likeness
        scores[chosen] = -np.inf
        best = int(scores.argmax())
        chosen.append(best)
        distances = np.linalg.norm(points - points[best], axis=1)
        likeness = np.maximum(likeness, np.exp(-0.5 * (distances / _RADIUS) ** 2))
    return pool[chosen]


def _reasons(
    sounds: pl.DataFrame,
    vectors: Float64Array,
    rows: Int64Array,
    taste: Taste,
    features: Features,
    ratings: pl.DataFrame,
) -> list[str]:
    """Return in words why each of some sounds was chosen."""
    liked = ratings.filter(pl.col("rating").is_in(list(map(str, _LIKED))))
    found = features.find(liked["sound_id"])
    liked, known = liked.filter(found >= 0), features.vectors[found[found >= 0]]
    reasons = []
    for row in rows.tolist():
        rating, files = sounds["rating"][row], sounds["files"][row]
        if rating in _LIKED:
            reasons.append(f"you rated it {rating}")
        elif taste.ratings and len(known):
            nearest = int(np.linalg.norm(known - vectors[row], axis=1).argmin())
            near = liked.row(nearest, named=True)
            reasons.append(
                f"taste {sounds['taste'][row]:.2f}; of the sounds you like, nearest to {near['sound_id'][:8]}"
            )
        elif taste.ratings:
            reasons.append(f"taste {sounds['taste'][row]:.2f}")
        else:
            reasons.append(f"in {counted(files, 'file')}")
    return reasons
