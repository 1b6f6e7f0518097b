"""The taste model and `deepdx pick` on simulated users of a corpus.

`python -m studies.taste HOME [--users N] [--count N]` invents users with a hidden taste: a random direction of eight
measures of the sound (direction), bright and plucked sounds (plucked), or random favors among categories (categories).
They rate some sounds with noise: 40 % skip, 35 % fine, 18 % keep, 7 % star. It prints the rank correlation of the
predicted with the hidden taste over all sounds, by what was rated: sounds at random, or those that the model asks for,
ten at a time. Then it compares picks with a choice at random: labels, categories and families, the hidden taste as a
percentile, the distance between neighbors. The home folder is only read, and must have rendered audio.
"""

import argparse
import time
from pathlib import Path

import numpy as np
import polars as pl
from rich.console import Console
from rich.table import Table
from scipy.stats import spearmanr

from deepdx_core.home import Home
from deepdx_core.keeping.scale import RATINGS
from deepdx_core.sound.audio_features import summarize_by_sound
from deepdx_core.tables.storage import Tables
from deepdx_core.taste.features import Features
from deepdx_core.taste.model import Taste
from deepdx_core.taste.picking import pick_sounds

KINDS = ("direction", "plucked", "categories")
RATED = (5, 10, 30, 100)
_NOISE = 0.12  # of a rating, in percentiles of the hidden taste
_BOUNDS = (0.40, 0.75, 0.93)


class Users:
    """Simulated users of a corpus."""

    def __init__(self, home: Home, features: Features) -> None:
        """Read the measures of all sounds in `features`."""
        tables = Tables(home)
        ids = features.sound_ids.to_frame("sound_id")
        audio = ids.join(summarize_by_sound(tables.read("audio_features")), on="sound_id", maintain_order="left")
        measures = audio.select(
            pl.col("brightness_hz").fill_null(500).clip(20).log(2),
            (pl.col("attack_seconds").fill_null(0) + 0.01).log(2),
            (pl.col("decay_seconds").fill_null(4) + 0.02).log(2),
            pl.col("sustain_db").fill_null(-20).clip(-40),
            (pl.col("release_seconds").fill_null(3) + 0.02).log(2),
            pl.col("harmonicity").fill_null(0.5),
            pl.col("flatness", "harshness").fill_null(0),
        ).to_numpy()
        self.measures = (measures - measures.mean(axis=0)) / measures.std(axis=0)
        labels = ids.join(tables.read("labeled_voices", ["sound_id", "category"]), on="sound_id", maintain_order="left")
        self.categories = labels["category"]
        self.features = features

    def hidden_taste(self, kind: str, random: np.random.Generator) -> np.ndarray:
        """Return the hidden taste of a user as the percentile of each sound, 0 to 1."""
        direction = self.measures @ random.normal(size=8) / 8**0.5
        match kind:
            case "direction":
                values = direction
            case "plucked":
                values = np.minimum.reduce([self.measures[:, 0], -self.measures[:, 1], -self.measures[:, 2]])
            case _:
                names = sorted(set(self.categories))
                favors = dict(zip(names, random.normal(size=len(names)), strict=True))
                values = self.categories.replace_strict(favors, return_dtype=pl.Float64).to_numpy() + 0.5 * direction
        return values.argsort(kind="stable").argsort() / len(values)

    def rate(self, hidden: np.ndarray, rows: np.ndarray, random: np.random.Generator) -> pl.DataFrame:
        """Return the ratings that a user gives to some sounds."""
        felt = hidden[rows] + random.normal(scale=_NOISE, size=len(rows))
        names = np.array(RATINGS)[np.digitize(felt, _BOUNDS)]
        return pl.DataFrame({"sound_id": self.features.sound_ids.gather(rows), "rating": pl.Series(names)})


def learn(users: Users, kind: str, asked: bool, seed: int) -> dict[int, tuple[float, pl.DataFrame]]:
    """Return the rank correlation and the ratings, by the number of ratings."""
    random = np.random.default_rng([seed, KINDS.index(kind)])
    hidden = users.hidden_taste(kind, random)
    ratings = users.rate(hidden, np.empty(0, dtype=np.int64), random)
    found = {}
    while len(ratings) < max(RATED):
        step = 5 if len(ratings) < 10 else 10
        taste = Taste.fit(users.features, ratings)
        rows = (
            users.features.rows(taste.next_to_rate(step, seed))
            if asked
            else random.choice(len(hidden), step, replace=False)
        )
        ratings = pl.concat([ratings, users.rate(hidden, rows, random)]).unique("sound_id", maintain_order=True)
        if len(ratings) in RATED:
            mean, _ = Taste.fit(users.features, ratings).predict(users.features.vectors)
            found[len(ratings)] = float(spearmanr(mean, hidden).statistic), ratings
    return found


def compare_picks(home: Home, users: Users, count: int, number: int) -> Table:
    """Return a table of picks beside choices at random, averaged over users."""
    tables = Tables(home)
    families = dict(tables.read("families", ["sound_id", "family_id"]).iter_rows())
    labels = dict(tables.read("labeled_voices", ["sound_id", "label"]).iter_rows())
    categories = dict(zip(users.features.sound_ids, users.categories, strict=True))
    table = Table("taste", "ratings", "choice", "labels", "categories", "families", "hidden taste", "step", box=None)
    for kind in KINDS:
        rows: dict[tuple[int, str], list[list[float]]] = {}
        for seed in range(number):
            hidden = users.hidden_taste(kind, np.random.default_rng([seed, KINDS.index(kind)]))
            learnt = learn(users, kind, False, seed)
            nothing = learnt[RATED[0]][1].clear()
            for ratings in (nothing, *(learnt[n][1] for n in RATED[1:] if n in learnt)):
                picked = pick_sounds(home, count, features=users.features, ratings=ratings, seed=seed)["sound_id"]
                random = users.features.sound_ids.sample(count, seed=seed, shuffle=True)
                for choice, ids in (("pick", picked), ("random", random)):
                    at = users.features.rows(ids)
                    steps = np.linalg.norm(np.diff(users.features.vectors[at], axis=0), axis=1).mean()
                    sizes = [float(len({of[id_] for id_ in ids})) for of in (labels, categories, families)]
                    rows.setdefault((len(ratings), choice), []).append([*sizes, float(hidden[at].mean()), float(steps)])
        for (rated, choice), values in rows.items():
            means = np.mean(values, axis=0)
            table.add_row(kind, str(rated), choice, *(f"{v:.1f}" for v in means[:3]), *(f"{v:.2f}" for v in means[3:]))
    return table


def main() -> None:
    """Run the study."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("home", type=Path)
    parser.add_argument("--users", type=int, default=8)
    parser.add_argument("--count", type=int, default=128)
    options = parser.parse_args()
    home, console = Home(options.home), Console()
    began = time.perf_counter()
    users = Users(home, features := Features.of_corpus(home))
    console.print(f"{len(features.sound_ids):,} sounds; features in {time.perf_counter() - began:.1f} s")
    table = Table("taste", "rated", *map(str, RATED), box=None)
    for kind in KINDS:
        for asked in (False, True):
            found = [learn(users, kind, asked, seed) for seed in range(options.users)]
            means = [np.mean([of[n][0] for of in found if n in of]) for n in RATED]
            table.add_row(kind, "as asked" if asked else "at random", *(f"{mean:.2f}" for mean in means))
    console.print(table)
    console.print(compare_picks(home, users, options.count, options.users))


if __name__ == "__main__":
    main()
