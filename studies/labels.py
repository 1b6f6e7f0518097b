"""Labels measured against the folders into which people sorted `dx7-library.zip`, and one source against another.

`python -m studies.labels HOME` reads the tables of a home folder that holds the collection. Nothing is told of
folders: truth is the hand-sorted `!Instruments/...`, where a folder says one thing (Misc, Synth, Effects and the like
do not). Files that sorted a sound into folders that contradict each other are no truth. Folder truth is never taught:
the models learn from names, those of other families at that. Weights were chosen on one half of the families, by a
digest of their ids; the figures are of the other half.

Accuracy is over sounds labeled (not "other"), "of all" over all truth. ECE is the expected calibration error of the
confidence of labeled sounds in 15 bins of equal width. Fine truth is a set where a folder says no more: Piano holds
acoustic and electric ones, Strings ensembles and solos, Drums drums and percussion; "strict" takes the first of each.
"""

import hashlib
import sys
import time
from pathlib import Path

import numpy as np
import polars as pl
from rich.console import Console
from rich.table import Table

from deepdx_core.home import Home
from deepdx_core.labels import evidence as kinds
from deepdx_core.labels.combination import Evidence, combine_evidence
from deepdx_core.labels.evidence import audio_columns
from deepdx_core.labels.sounds import label_sounds
from deepdx_core.labels.taxonomy import OTHER, Taxonomy, load_taxonomy
from deepdx_core.tables.storage import Tables

# The deepest folder that is listed decides.
FOLDERS = {
    "Accordion": ["accordion"],
    "Brass": ["brass"],
    "Brass/Sax": ["woodwind"],
    "Harmonica": ["woodwind"],
    "Keyboard/Clavinet": ["clav"],
    "Keyboard/Harpsichord": ["harpsichord"],
    "Keyboard/Organ": ["organ"],
    "Keyboard/Piano": ["acoustic-piano", "electric-piano"],
    "Keyboard/Piano/Electric Piano": ["electric-piano"],
    "Percussion/Bells": ["bell"],
    "Percussion/Drums": ["drum", "percussion"],
    "Plucked/Bass": ["bass"],
    "Plucked/Guitar": ["guitar"],
    "Plucked/Harp": ["harp"],
    "Strings": ["strings", "solo-strings"],
    "Strings/Violin": ["solo-strings"],
    "Strings/cello": ["solo-strings"],
    "Voice": ["choir"],
    "Woodwind": ["woodwind"],
}

# How public labelers go about it: the first of these that stands anywhere in the name.
SUBSTRINGS = {
    "bass": ["BASS"],
    "electric-piano": ["E.PIANO", "EPIANO", "E PIANO", "E-PIANO", "RHODES", "WURL"],
    "acoustic-piano": ["PIANO"],
    "clav": ["CLAV"],
    "harpsichord": ["HARPSI"],
    "organ": ["ORGAN"],
    "strings": ["STRING"],
    "brass": ["BRASS", "HORN", "TRUMPET", "TROMBONE", "TUBA"],
    "woodwind": ["FLUTE", "CLARINET", "OBOE", "SAX"],
    "guitar": ["GUIT"],
    "harp": ["HARP"],
    "choir": ["CHOIR", "VOICE", "VOX"],
    "bell": ["BELL", "CHIME"],
    "mallet": ["MARIMBA", "VIBE", "XYLO"],
    "drum": ["DRUM", "SNARE", "TOM"],
    "percussion": ["PERC", "CYMBAL"],
    "pad": ["PAD"],
    "lead": ["LEAD"],
    "synth": ["SYN"],
    "effect": ["EFFECT", "FX"],
}
_BINS = 15


def main() -> None:
    """Label, measure and print."""
    tables, taxonomy, console = Tables(Home(Path(sys.argv[1]))), load_taxonomy(), Console(width=140)
    valid = tables.read("verdicts", ["sound_id", "verdict"]).filter(pl.col("verdict") == "valid")
    sounds = tables.read("unique_voices").join(valid, on="sound_id", how="semi").sort("sound_id")
    families = tables.read("families", ["sound_id", "family_id"])
    started, worked = time.perf_counter(), time.process_time()
    silent = combine_evidence(sounds, families, taxonomy)
    rows = label_sounds(silent)
    seconds, worked = time.perf_counter() - started, time.process_time() - worked
    listening = combine_evidence(sounds, families, taxonomy, heard=audio_columns(tables.read("audio_features")))
    truth = _truth(tables, silent, taxonomy)
    console.print(
        f"{len(sounds):,} valid sounds labeled in {seconds:.1f} s ({worked:.1f} s of one core's work) without audio"
    )
    console.print(
        f"{truth.known.sum():,} have clean truth, {truth.reported.sum():,} of them in the half reported; "
        f"{truth.contradicted:,} more stand in folders that contradict each other"
    )
    ways = {
        "substrings, first match": _by_substrings(sounds, taxonomy),
        "our names alone": silent.combined(("names",)) * (silent.strength("names") > 0)[:, None],
        "names withheld: parameters": silent.combined(("model",)),
        "names withheld: parameters, audio": listening.combined(("model",)),
        "all evidence": silent.combined(),
        "all evidence, audio": listening.combined(),
    }
    shown = Table(
        "half reported",
        "coverage: corpus",
        "not label Other",
        "truth",
        "label",
        "fine",
        "strict",
        "label of all",
        "fine of all",
        "ECE label",
        "ECE fine",
    )
    for name, probable in ways.items():
        shown.add_row(name, *_scores(probable, truth, truth.reported, taxonomy))
    shown.add_row(
        "all evidence, half chosen on", *_scores(silent.combined(), truth, truth.known & ~truth.reported, taxonomy)
    )
    nameless = truth.reported & (silent.strength("names") == 0)
    shown.add_row(f"all evidence, {nameless.sum():,} nameless", *_scores(silent.combined(), truth, nameless, taxonomy))
    console.print(shown)
    console.print(_recalls(silent.combined(), truth, taxonomy))
    console.print(_calibration(silent.combined(), truth, taxonomy))
    console.print(_across_sources(tables, sounds, families, taxonomy))
    console.print(f"decided by: {dict(rows['decided_by'].value_counts(sort=True).iter_rows())}")


class Truth:
    """What folders say of the sounds of some evidence, row by row."""

    def __init__(self, fine: np.ndarray, strict: np.ndarray, label_of: np.ndarray, half: np.ndarray) -> None:
        """fine, strict: `bool[n, categories]`; label_of: each category's label; half: `bool[n]`."""
        self.fine = fine
        self.strict = strict
        self.label_of = label_of
        self.known = fine.any(axis=1)
        self.reported = self.known & half
        self.contradicted = 0

    def right(self, best: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Whether a category each is right: its label, the category, and strictly so."""
        rows = np.arange(len(best))
        labels = np.zeros((len(best), self.label_of.max() + 1), bool)
        for number, label in enumerate(self.label_of):
            labels[:, label] |= self.fine[:, number]
        return labels[rows, self.label_of[best]], self.fine[rows, best], self.strict[rows, best]


def _truth(tables: Tables, evidence: Evidence, taxonomy: Taxonomy) -> Truth:
    inside = "^.*!Instruments/"
    files = tables.read("raw_files", ["member", "sha256"]).filter(pl.col("member").str.contains(inside))
    parts = pl.col("member").str.replace(inside, "").str.split("/")
    # Folders are at most three deep.
    depths = [
        parts.list.head(depth).list.join("/").replace_strict(FOLDERS, default=None, return_dtype=pl.List(pl.String))
        for depth in (3, 2, 1)
    ]
    said = (
        files.select("sha256", said=pl.coalesce(*depths))
        .drop_nulls("said")
        .join(tables.read("decoded_voices", ["sha256", "sound_id"]).unique(), on="sha256")
        .join(evidence.sounds.select("sound_id").with_row_index("row"), on="sound_id")
        .select("row", "said")
        .unique()
    )
    fine = np.zeros((len(evidence.sounds), len(taxonomy.learnable)), bool)
    strict, seen = fine.copy(), np.zeros(len(fine), bool)
    for row, names in said.sort("row", "said").iter_rows():
        mine = np.isin(taxonomy.learnable, names)
        first = np.isin(taxonomy.learnable, names[:1])
        fine[row] = fine[row] & mine if seen[row] else mine
        strict[row] = strict[row] | first if seen[row] else first
        seen[row] = True
    labels = {label: number for number, label in enumerate(taxonomy.labels)}
    half = [hashlib.sha256(id_.encode()).digest()[0] % 2 == 1 for id_ in evidence.sounds["family_id"]]
    truth = Truth(
        fine, strict & fine, np.array([labels[taxonomy.label_of[c]] for c in taxonomy.learnable]), np.array(half)
    )
    truth.contradicted = int((seen & ~truth.known).sum())
    return truth


def _by_substrings(sounds: pl.DataFrame, taxonomy: Taxonomy) -> np.ndarray:
    name = pl.col("name").str.to_uppercase()
    found = pl.coalesce(
        *(
            pl.when(name.str.contains_any(words)).then(pl.lit(taxonomy.number[category]))
            for category, words in SUBSTRINGS.items()
        )
    )
    number = sounds.select(found.fill_null(-1)).to_series().to_numpy()
    certain = np.zeros((len(sounds), len(taxonomy.learnable)))
    certain[np.flatnonzero(number >= 0), number[number >= 0]] = 1.0
    return certain


def _scores(probable: np.ndarray, truth: Truth, asked: np.ndarray, taxonomy: Taxonomy) -> list[str]:
    best, confidence = probable.argmax(axis=1), probable.max(axis=1)
    enough = confidence >= taxonomy.least_confidence
    labeled = enough & asked
    label, fine, strict = truth.right(best)
    of_label = (probable * (truth.label_of[best][:, None] == truth.label_of)).sum(axis=1)
    shares = [
        enough.mean(),
        (enough & (truth.label_of[best] != truth.label_of[taxonomy.number["effect"]])).mean(),
        labeled.sum() / asked.sum(),
        *(right[labeled].mean() for right in (label, fine, strict)),
        *((right & labeled)[asked].mean() for right in (label, fine)),
    ]
    errors = [_ece(of_label[labeled], label[labeled]), _ece(confidence[labeled], fine[labeled])]
    return [f"{share:.1%}" for share in shares] + [f"{error:.3f}" for error in errors]


def _ece(confidence: np.ndarray, right: np.ndarray) -> float:
    bins = np.minimum((confidence * _BINS).astype(int), _BINS - 1)
    return float(
        sum(abs(confidence[bins == b].mean() - right[bins == b].mean()) * (bins == b).mean() for b in np.unique(bins))
    )


def _recalls(probable: np.ndarray, truth: Truth, taxonomy: Taxonomy) -> Table:
    best = np.where(probable.max(axis=1) >= taxonomy.least_confidence, probable.argmax(axis=1), -1)
    shown = Table("folders say", "sounds", "labeled", "recall, fine", "recall, label", "most said instead")
    sets = pl.DataFrame({"said": [" / ".join(np.array(taxonomy.learnable)[row]) for row in truth.fine[truth.reported]]})
    rows = np.flatnonzero(truth.reported)
    label, fine, _ = truth.right(best)
    for said in sets["said"].unique().sort():
        asked = rows[(sets["said"] == said).to_numpy()]
        labeled = best[asked] >= 0
        wrong = best[asked][labeled & ~fine[asked]]
        instead = np.bincount(wrong, minlength=1).argsort()[::-1][:2]
        shown.add_row(
            said,
            str(len(asked)),
            f"{labeled.mean():.1%}",
            f"{(fine[asked] & labeled).mean():.1%}",
            f"{(label[asked] & labeled).mean():.1%}",
            ", ".join(f"{taxonomy.learnable[n]} {np.sum(wrong == n)}" for n in instead if np.any(wrong == n)),
        )
    return shown


def _calibration(probable: np.ndarray, truth: Truth, taxonomy: Taxonomy) -> Table:
    best, confidence = probable.argmax(axis=1), probable.max(axis=1)
    asked = truth.reported & (confidence >= taxonomy.least_confidence)
    bins = np.minimum((confidence * _BINS).astype(int), _BINS - 1)
    shown = Table("confidence", "sounds", "mean confidence", "right (fine)")
    for b in np.unique(bins[asked]):
        inside = asked & (bins == b)
        right = truth.right(best)[1][inside].mean()
        shown.add_row(
            f"{b / _BINS:.2f} to {(b + 1) / _BINS:.2f}",
            str(inside.sum()),
            f"{confidence[inside].mean():.3f}",
            f"{right:.3f}",
        )
    return shown


def _across_sources(tables: Tables, sounds: pl.DataFrame, families: pl.DataFrame, taxonomy: Taxonomy) -> Table:
    """Of each sound that two sources name, all names of one source withheld: does the label from the rest agree?"""
    source = pl.col("member").str.split("/").list.first()
    files = tables.read("raw_files", ["member", "sha256"]).filter(pl.col("member").str.contains("/"))
    named = (
        files.select("sha256", source=source)
        .filter(~pl.col("source").str.starts_with("!"))
        .unique()
        .join(tables.read("decoded_voices", ["sha256", "sound_id", "name"]).unique(), on="sha256")
        .join(sounds.select("sound_id"), on="sound_id")
        .with_columns(first=pl.col("source").min().over("sound_id"), last=pl.col("source").max().over("sound_id"))
        .filter(pl.col("first") != pl.col("last"))
    )
    withheld = named.with_columns(held=pl.col("source") == pl.col("last"))
    # A file that both sources hold is withheld altogether.
    withheld = withheld.with_columns(pl.col("held").any().over("sha256", "sound_id"))
    counted = (
        withheld.unique(["sha256", "sound_id", "name", "held"])
        .group_by("sound_id", "held", "name")
        .agg(n=pl.len().cast(pl.UInt32))
    )
    lists = (
        counted.sort("sound_id", "name")
        .group_by("sound_id", "held", maintain_order=True)
        .agg(names="name", name_counts="n")
    )
    out = lists.filter("held").drop("held")
    rest = lists.filter(~pl.col("held")).drop("held")
    asked = out.join(rest, on="sound_id", suffix="_rest")
    changed = sounds.drop("names", "name_counts").join(
        pl.concat([
            asked.select("sound_id", names="names_rest", name_counts="name_counts_rest"),
            sounds.join(asked, on="sound_id", how="anti").select("sound_id", "names", "name_counts"),
        ]), on="sound_id")  # fmt: skip
    rows = label_sounds(combine_evidence(changed, families, taxonomy))
    held = kinds.of_names(asked, taxonomy).shares
    both = asked.select(
        "sound_id",
        copied=pl.col("names").list.set_intersection("names_rest").list.len() > 0,
        said=pl.Series(taxonomy.learnable).gather(held.argmax(axis=1)),
        speaks=pl.Series(held.any(axis=1)),
    ).filter("speaks").join(rows, on="sound_id")  # fmt: skip
    label = pl.col("said").replace_strict(dict(taxonomy.label_of)) == pl.col("label")
    shown = Table("names of one source withheld", "sounds", "labeled", "label agrees", "fine agrees", "ECE fine")
    cases = {
        "all": pl.lit(True),
        "names not copied": ~pl.col("copied"),
        "nothing named by the rest": pl.col("by_names").is_null(),
    }
    for name, case in cases.items():
        part = both.filter(case)
        labeled = part.filter(pl.col("category") != OTHER)
        fine = (labeled["said"] == labeled["category"]).to_numpy()
        shown.add_row(
            name,
            f"{len(part):,}",
            f"{len(labeled) / len(part):.1%}",
            f"{labeled.select(label).to_series().mean():.1%}",
            f"{fine.mean():.1%}",
            f"{_ece(labeled['confidence'].to_numpy(), fine):.3f}",
        )
    return shown


if __name__ == "__main__":
    main()
