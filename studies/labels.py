"""Accuracy of labels against the hand-sorted folders of `dx7-library.zip`, and of one source against another.

`python -m studies.labels HOME` reads the tables of a home folder with this collection. Ground truth is the folder of a
sound, `!Instruments/...`, if it names one instrument (not Misc, Synth, Effects and the like). Sounds in contradicting
folders are left out. Labels do not use folders here. Models never train on the truth, only on names, and no sound is
classified by a model trained on names of its family. Weights were chosen on one half of the families, by a digest of
their ids; the figures are of the other half.

Accuracy is over labeled sounds (not "other"); "of all" is over all sounds with truth. ECE is the expected calibration
error of the confidence of labeled sounds in 15 bins of equal width. The true category ("fine") is a set if the folder
is ambiguous: Piano contains acoustic and electric ones, Strings ensembles and solos, Drums drums and percussion;
"strict" counts only the first.
"""

import hashlib
import sys
import time
from pathlib import Path

import numpy as np
import polars as pl
from rich.console import Console
from rich.table import Table

from deepdx_core.arrays import BoolArray, Float64Array, Int64Array
from deepdx_core.home import Home
from deepdx_core.judges.store import package_judge
from deepdx_core.labels.combination import Evidence, combine_evidence
from deepdx_core.labels.evidence import from_names
from deepdx_core.labels.sounds import label_sounds
from deepdx_core.labels.taxonomy import OTHER, Taxonomy, load_taxonomy
from deepdx_core.tables.storage import Tables

# Categories by folder; the deepest listed folder of a path decides.
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

# The method of public scripts: the first category with a substring anywhere in the name.
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
    """Label the corpus, evaluate and print."""
    tables, taxonomy, console = Tables(Home(Path(sys.argv[1]))), load_taxonomy(), Console(width=140)
    valid = tables.read("verdicts", ["sound_id", "verdict"]).filter(pl.col("verdict") == "valid")
    sounds = tables.read("unique_voices").join(valid, on="sound_id", how="semi").sort("sound_id")
    families = tables.read("families", ["sound_id", "family_id"])
    started, cpu = time.perf_counter(), time.process_time()
    evidence = combine_evidence(sounds, families, taxonomy, package_judge("labels"))
    rows = label_sounds(evidence)
    seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
    truth = _load_truth(tables, evidence, taxonomy)
    console.print(f"{len(sounds):,} valid sounds labeled in {seconds:.1f} s ({cpu:.1f} s of CPU time)")
    console.print(
        f"{truth.known.sum():,} have ground truth, {truth.reported.sum():,} of them in the half reported; "
        f"{truth.contradicted:,} more are in folders that contradict each other"
    )
    methods = {
        "substrings, first match": _match_substrings(sounds, taxonomy),
        "our names alone": evidence.combined(("names",)) * (evidence.strength("names") > 0)[:, None],
        "names withheld: parameters": evidence.combined(("model",)),
        "all evidence": evidence.combined(),
    }
    table = Table(
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
    for name, probabilities in methods.items():
        table.add_row(name, *_scores(probabilities, truth, truth.reported, taxonomy))
    combined = evidence.combined()
    table.add_row("all evidence, half chosen on", *_scores(combined, truth, truth.known & ~truth.reported, taxonomy))
    nameless = truth.reported & (evidence.strength("names") == 0)
    table.add_row(f"all evidence, {nameless.sum():,} nameless", *_scores(combined, truth, nameless, taxonomy))
    console.print(table)
    console.print(_recall_table(combined, truth, taxonomy))
    console.print(_calibration_table(combined, truth, taxonomy))
    console.print(_across_sources(tables, sounds, families, taxonomy))
    console.print(f"decided by: {dict(rows['decided_by'].value_counts(sort=True).iter_rows())}")


class Truth:
    """Ground truth from folders. Arrays have the rows of the evidence."""

    def __init__(self, fine: BoolArray, strict: BoolArray, label_of: Int64Array, half: BoolArray) -> None:
        """fine, strict: true categories, `bool[n, categories]`. label_of: label id of each. half: reported half."""
        self.fine = fine
        self.strict = strict
        self.label_of = label_of
        self.known = fine.any(axis=1)
        self.reported = self.known & half
        self.contradicted = 0

    def correct(self, best: Int64Array) -> tuple[BoolArray, BoolArray, BoolArray]:
        """Return where a predicted category has a true label, is a true category, and is the strict one, `bool[n]`."""
        rows = np.arange(len(best))
        labels = np.zeros((len(best), self.label_of.max() + 1), bool)
        for number, label in enumerate(self.label_of):
            labels[:, label] |= self.fine[:, number]
        return labels[rows, self.label_of[best]], self.fine[rows, best], self.strict[rows, best]


def _load_truth(tables: Tables, evidence: Evidence, taxonomy: Taxonomy) -> Truth:
    inside = "^.*!Instruments/"
    files = tables.read("raw_files", ["member", "sha256"]).filter(pl.col("member").str.contains(inside))
    parts = pl.col("member").str.replace(inside, "").str.split("/")
    number = {folder: number for number, folder in enumerate(FOLDERS)}
    # Folders are at most three deep.
    depths = [
        parts.list.head(depth).list.join("/").replace_strict(number, default=None, return_dtype=pl.Int64)
        for depth in (3, 2, 1)
    ]
    placed = (
        files.select("sha256", folder=pl.coalesce(*depths))
        .drop_nulls("folder")
        .join(tables.read("decoded_voices", ["sha256", "sound_id"]).unique(), on="sha256")
        .join(evidence.sounds.select("sound_id").with_row_index("row"), on="sound_id")
    )
    rows, folders = placed["row"].to_numpy(), placed["folder"].to_numpy()
    # Of several folders, all must allow a category, and any may be strict on it.
    allowed = np.array([np.isin(taxonomy.learnable, categories) for categories in FOLDERS.values()])
    first = np.array([np.isin(taxonomy.learnable, categories[:1]) for categories in FOLDERS.values()])
    seen = np.bincount(rows, minlength=len(evidence.sounds)) > 0
    fine = np.repeat(seen[:, None], len(taxonomy.learnable), axis=1)
    strict = np.zeros_like(fine)
    np.logical_and.at(fine, rows, allowed[folders])
    np.logical_or.at(strict, rows, first[folders])
    labels = {label: number for number, label in enumerate(taxonomy.labels)}
    half = [hashlib.sha256(id_.encode()).digest()[0] % 2 == 1 for id_ in evidence.sounds["family_id"]]
    truth = Truth(
        fine, strict & fine, np.array([labels[taxonomy.label_of[c]] for c in taxonomy.learnable]), np.array(half)
    )
    truth.contradicted = int((seen & ~truth.known).sum())
    return truth


def _match_substrings(sounds: pl.DataFrame, taxonomy: Taxonomy) -> Float64Array:
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


def _scores(probabilities: Float64Array, truth: Truth, rows: BoolArray, taxonomy: Taxonomy) -> list[str]:
    best, confidence = probabilities.argmax(axis=1), probabilities.max(axis=1)
    enough = confidence >= taxonomy.least_confidence
    labeled = enough & rows
    label, fine, strict = truth.correct(best)
    label_confidence = (probabilities * (truth.label_of[best][:, None] == truth.label_of)).sum(axis=1)
    shares = [
        enough.mean(),
        (enough & (truth.label_of[best] != truth.label_of[taxonomy.number["effect"]])).mean(),
        labeled.sum() / rows.sum(),
        *(correct[labeled].mean() for correct in (label, fine, strict)),
        *((correct & labeled)[rows].mean() for correct in (label, fine)),
    ]
    errors = [_ece(label_confidence[labeled], label[labeled]), _ece(confidence[labeled], fine[labeled])]
    return [f"{share:.1%}" for share in shares] + [f"{error:.3f}" for error in errors]


def _ece(confidence: Float64Array, correct: BoolArray) -> float:
    bins = np.minimum((confidence * _BINS).astype(int), _BINS - 1)
    return float(
        sum(abs(confidence[bins == b].mean() - correct[bins == b].mean()) * (bins == b).mean() for b in np.unique(bins))
    )


def _recall_table(probabilities: Float64Array, truth: Truth, taxonomy: Taxonomy) -> Table:
    best = np.where(probabilities.max(axis=1) >= taxonomy.least_confidence, probabilities.argmax(axis=1), -1)
    table = Table("truth", "sounds", "labeled", "recall, fine", "recall, label", "most common errors")
    sets = pl.Series([" / ".join(np.array(taxonomy.learnable)[row]) for row in truth.fine[truth.reported]])
    reported = np.flatnonzero(truth.reported)
    label, fine, _ = truth.correct(best)
    for categories in sets.unique().sort():
        rows = reported[(sets == categories).to_numpy()]
        labeled = best[rows] >= 0
        wrong = best[rows][labeled & ~fine[rows]]
        instead = np.bincount(wrong, minlength=1).argsort()[::-1][:2]
        table.add_row(
            categories,
            str(len(rows)),
            f"{labeled.mean():.1%}",
            f"{(fine[rows] & labeled).mean():.1%}",
            f"{(label[rows] & labeled).mean():.1%}",
            ", ".join(f"{taxonomy.learnable[n]} {np.sum(wrong == n)}" for n in instead if np.any(wrong == n)),
        )
    return table


def _calibration_table(probabilities: Float64Array, truth: Truth, taxonomy: Taxonomy) -> Table:
    best, confidence = probabilities.argmax(axis=1), probabilities.max(axis=1)
    labeled = truth.reported & (confidence >= taxonomy.least_confidence)
    bins = np.minimum((confidence * _BINS).astype(int), _BINS - 1)
    table = Table("confidence", "sounds", "mean confidence", "accuracy, fine")
    for b in np.unique(bins[labeled]):
        inside = labeled & (bins == b)
        accuracy = truth.correct(best)[1][inside].mean()
        table.add_row(
            f"{b / _BINS:.2f} to {(b + 1) / _BINS:.2f}",
            str(inside.sum()),
            f"{confidence[inside].mean():.3f}",
            f"{accuracy:.3f}",
        )
    return table


def _across_sources(tables: Tables, sounds: pl.DataFrame, families: pl.DataFrame, taxonomy: Taxonomy) -> Table:
    """Hide the names from one source of each sound named by several; compare the label by other evidence with them."""
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
    # Withhold a file of both sources altogether.
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
    split = out.join(rest, on="sound_id", suffix="_rest")
    changed = sounds.drop("names", "name_counts").join(
        pl.concat([
            split.select("sound_id", names="names_rest", name_counts="name_counts_rest"),
            sounds.join(split, on="sound_id", how="anti").select("sound_id", "names", "name_counts"),
        ]), on="sound_id")  # fmt: skip
    rows = label_sounds(combine_evidence(changed, families, taxonomy, package_judge("labels")))
    held = from_names(split, taxonomy).shares
    both = split.select(
        "sound_id",
        copied=pl.col("names").list.set_intersection("names_rest").list.len() > 0,
        withheld=pl.Series(taxonomy.learnable).gather(held.argmax(axis=1)),
        known=pl.Series(held.any(axis=1)),
    ).filter("known").join(rows, on="sound_id")  # fmt: skip
    label = pl.col("withheld").replace_strict(taxonomy.label_of) == pl.col("label")
    table = Table("names of one source withheld", "sounds", "labeled", "label agrees", "fine agrees", "ECE fine")
    cases = {
        "all": pl.lit(True),
        "names not copied": ~pl.col("copied"),
        "no known names in the rest": pl.col("by_names").is_null(),
    }
    for name, case in cases.items():
        part = both.filter(case)
        labeled = part.filter(pl.col("category") != OTHER)
        fine = (labeled["withheld"] == labeled["category"]).to_numpy()
        table.add_row(
            name,
            f"{len(part):,}",
            f"{len(labeled) / len(part):.1%}",
            f"{labeled.select(label).to_series().mean():.1%}",
            f"{fine.mean():.1%}",
            f"{_ece(labeled['confidence'].to_numpy(), fine):.3f}",
        )
    return table


if __name__ == "__main__":
    main()
