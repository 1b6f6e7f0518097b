"""Train the map of sounds of the package on the valid sounds of a home, and write it into the package.

`python -m tools.train_map HOME DATA` takes a home after a run on a public collection; DATA describes it on the card.
Needs the extra `map`. The map in the package comes from `dx7-library.zip`, a public collection of 4,131 files. Raise
`MAP_VERSION` afterwards. Takes half an hour on two cores.

The network first learns the places of a t-SNE embedding (openTSNE), then to keep the neighbors of each sound nearer
than others (InfoNCE with the kernel of t-SNE: Damrich et al. 2023, https://arxiv.org/abs/2206.01816). One family in
ten is left out of both. Printed for these: how many of a sound's 10 nearest by ear are among the 10 and the 50 nearest
on the map, trustworthiness, and how many of the 10 nearest, of other families, have its label; for a projection by
PCA, the embedding's own placement of new sounds, and the network.
"""

import sys
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import numpy as np
import openTSNE
import polars as pl
import torch
from sklearn.decomposition import PCA
from sklearn.manifold import trustworthiness
from torch.nn import functional

from deepdx_core import similarity
from deepdx_core.arrays import BoolArray, Float32Array, Float64Array, Int64Array
from deepdx_core.files import written_whole
from deepdx_core.home import Home
from deepdx_core.judges.judge import own_folds
from deepdx_core.similarity.ear import ear_vectors
from deepdx_core.similarity.sound_map import MapCard, SoundMap, to_file
from deepdx_core.tables.storage import Tables

_SEED = 0
_FOLDS = 10
_WIDTHS = (384, 192)
_BATCH = 512
_NEIGHBORS = 15
_PERPLEXITY = 30
_REGRESSION = (40, 3e-3)  # epochs, learning rate
_CONTRAST = (100, 2e-3)


def nearest(queries: Float64Array, points: Float64Array, count: int, own: Int64Array) -> Int64Array:
    """Return the nearest points of each query, `int64[n, count]`, the nearest first, without its own."""
    squares, found = (points**2).sum(axis=1), []
    for rows in np.array_split(np.arange(len(queries)), len(queries) // 500 + 1):
        distances = squares - 2 * queries[rows] @ points.T
        distances[np.arange(len(rows)), own[rows]] = np.inf
        best = np.argpartition(distances, count, axis=1)[:, :count]
        found.append(np.take_along_axis(best, np.take_along_axis(distances, best, axis=1).argsort(axis=1), axis=1))
    return np.concatenate(found)


class Measures:
    """How well places of held-out sounds keep their neighbors by ear."""

    def __init__(self, vectors: Float32Array, sounds: pl.DataFrame, held_out: BoolArray) -> None:
        self._vectors, self._rows = vectors, np.flatnonzero(held_out)
        self._by_ear = nearest(vectors[self._rows].astype(np.float64), vectors.astype(np.float64), 10, self._rows)
        self._labels, self._families = sounds["label"].to_numpy(), sounds["family_id"].to_numpy()
        self._named = (sounds["decided_by"] == "names").to_numpy()

    def of(self, places: Float64Array) -> dict[str, float]:
        """Return the measures of places, `float64[sounds, 2]`, by name."""
        rows = self._rows
        on_map = nearest(places[rows], places, 50, rows)
        kept = {
            count: float(
                np.mean([np.isin(ear, near[:count]).mean() for ear, near in zip(self._by_ear, on_map, strict=True)])
            )
            for count in (10, 50)
        }
        pure = []
        for row, near in zip(rows, on_map, strict=True):
            others = near[self._named[near] & (self._families[near] != self._families[row])][:10]
            if self._named[row] and len(others):
                pure.append((self._labels[others] == self._labels[row]).mean())
        return {
            "kept_of_10_in_10": round(kept[10], 4),
            "kept_of_10_in_50": round(kept[50], 4),
            "trustworthiness": round(float(trustworthiness(self._vectors[rows], places[rows], n_neighbors=10)), 4),
            "label_purity": round(float(np.mean(pure)), 4),
        }


def embed(vectors: Float32Array, held_out: BoolArray) -> Float64Array:
    """Return places by t-SNE, `float64[n, 2]`; those of held-out sounds by its own placement of new ones."""
    places = np.empty((len(vectors), 2))
    settings = {"perplexity": _PERPLEXITY, "initialization": "pca", "n_jobs": -1, "random_state": _SEED}
    embedding = openTSNE.TSNE(**settings).fit(vectors[~held_out].astype(np.float64))
    places[~held_out], places[held_out] = embedding, embedding.transform(vectors[held_out].astype(np.float64))
    return places


def train_network(vectors: Float32Array, places: Float64Array, trained_on: BoolArray, card: MapCard) -> SoundMap:
    """Return the map, trained on some of the sounds and their places by t-SNE."""
    torch.manual_seed(_SEED)
    rows = np.flatnonzero(trained_on)
    mean, scale = vectors[rows].mean(axis=0), np.maximum(vectors[rows].std(axis=0), np.float32(0.1))
    inputs, targets = torch.tensor((vectors[rows] - mean) / scale), torch.tensor(places[rows], dtype=torch.float32)
    neighbors = nearest(
        vectors[rows].astype(np.float64), vectors[rows].astype(np.float64), _NEIGHBORS, np.arange(len(rows))
    )
    near = torch.tensor(neighbors)
    widths = (vectors.shape[1], *_WIDTHS, 2)
    layers = [torch.nn.Linear(one, other) for one, other in pairwise(widths)]
    network = torch.nn.Sequential(*[part for layer in layers for part in (layer, torch.nn.ReLU())][:-1])

    def regression(batch: torch.Tensor) -> torch.Tensor:
        return functional.smooth_l1_loss(network(inputs[batch]), targets[batch], beta=3.0)

    def contrast(batch: torch.Tensor) -> torch.Tensor:
        partners = near[batch, torch.randint(_NEIGHBORS, (len(batch),))]
        ones, others = network(inputs[torch.cat([batch, partners])]).split(len(batch))
        nearness = -torch.log1p(torch.cdist(ones, torch.cat([others, ones])) ** 2)
        own = torch.arange(len(batch))
        nearness[own, len(batch) + own] = -torch.inf
        return functional.cross_entropy(nearness, own)

    for loss, (epochs, rate) in ((regression, _REGRESSION), (contrast, _CONTRAST)):
        steps = len(rows) // _BATCH
        optimizer = torch.optim.AdamW(network.parameters(), lr=rate, weight_decay=1e-2)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=epochs * steps)
        for epoch in range(epochs):
            for batch in torch.randperm(len(rows))[: steps * _BATCH].reshape(steps, _BATCH):
                optimizer.zero_grad()
                torch.autograd.backward(loss(batch))
                optimizer.step()
                schedule.step()
            print(f"\r{loss.__name__} {epoch + 1}/{epochs}", end="", file=sys.stderr)
    with torch.no_grad():
        # Most places within -0.76 and 0.76, where the tangent is steep: few are pressed against the edge.
        extent = torch.quantile(network(inputs).abs(), 0.995).item()
        layers[-1].weight.div_(extent)
        layers[-1].bias.div_(extent)
    halves = [
        (layer.weight.detach().numpy().T.astype(np.float16), layer.bias.detach().numpy().astype(np.float16))
        for layer in layers
    ]
    return SoundMap(card, mean, scale, tuple(weights for weights, _ in halves), tuple(biases for _, biases in halves))


def train_map(home: Home, data: str, date: str) -> SoundMap:
    """Train the map on the valid sounds of a home, and print how well three methods place held-out sounds."""
    tables = Tables(home)
    labeled = tables.read("labeled_voices", ["sound_id", "label", "decided_by"])
    ids, vectors = ear_vectors(tables.read("audio_features").join(labeled, on="sound_id", how="semi"))
    families = tables.read("families", ["sound_id", "family_id"])
    sounds = ids.to_frame().join(labeled, on="sound_id", maintain_order="left")
    sounds = sounds.join(families, on="sound_id", maintain_order="left")
    held_out = own_folds(sounds["family_id"], _FOLDS) == 0
    measures = Measures(vectors, sounds, held_out)
    print("PCA", measures.of(PCA(2).fit(vectors[~held_out]).transform(vectors).astype(np.float64)))
    places = embed(vectors, held_out)
    print("t-SNE", measures.of(places))
    card = MapCard(data=data, date=date, sounds=int((~held_out).sum()), measures={})
    found = train_network(vectors, places, ~held_out, card)
    kept = measures.of(found.places(vectors).astype(np.float64))
    print("network", kept)
    return replace(found, card=card.model_copy(update={"measures": kept}))


def main() -> None:
    """Train and write."""
    home, data = Home(Path(sys.argv[1])), sys.argv[2]
    found = train_map(home, data, f"{datetime.now(UTC):%Y-%m-%d}")
    with written_whole(Path(similarity.__path__[0]) / "sound_map.safetensors") as temporary:
        temporary.write_bytes(to_file(found))


if __name__ == "__main__":
    main()
