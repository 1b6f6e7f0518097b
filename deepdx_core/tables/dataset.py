"""The tables of the dataset: labels, splits, training set."""

import dataframely as dy
import polars as pl

from deepdx_core.tables.columns import description, one_of, parameters, sound_id

SPLITS = ("train", "validation", "test")
WITHHELD = "withheld"
DECIDERS = ("names", "model", "family", "folders", "combination", "user", "nothing")


class LabeledVoices(dy.Schema):
    """A valid sound with its labels and the evidence that decided them."""

    sound_id = sound_id(primary_key=True)
    category = dy.String(metadata=description("fine category, such as electric-piano; other if evidence is too weak"))
    label = dy.String(metadata=description("training label, such as Pianos"))
    algorithm_label = dy.UInt8(min=1, max=32, metadata=description("algorithm as on the panel, 1 to 32"))
    confidence = dy.Float32(
        min=0,
        max=1,
        metadata=description("calibrated probability of the likeliest category, 0 to 1; 1 if the user decided"),
    )
    label_confidence = dy.Float32(
        min=0,
        max=1,
        metadata=description("probability of the label of the likeliest category, 0 to 1; 1 if the user decided"),
    )
    likeliest = dy.String(metadata=description("category with the most evidence, even if it is too weak"))
    categories = dy.List(
        dy.String(), metadata=description("all categories that are likely or mentioned in names, the best first")
    )
    labels = dy.List(dy.String(), metadata=description("training labels of these categories"))
    decided_by = one_of(DECIDERS, "evidence that most separates the category from the next likely one")
    evidence = dy.String(nullable=True, metadata=description("all evidence, in words; null if there is none"))
    by_names = dy.String(nullable=True, metadata=description("category by names alone; null without evidence"))
    by_model = dy.String(
        nullable=True,
        metadata=description("category by parameters; null if the judge of labels knows no category of the taxonomy"),
    )
    by_family = dy.String(
        nullable=True, metadata=description("category by names of other sounds in the family; null without evidence")
    )
    by_folders = dy.String(
        nullable=True, metadata=description("category by names of files and folders; null without evidence")
    )
    model = dy.String(
        nullable=True, metadata=description("version of the judge of labels; null if it knows no category")
    )

    @dy.rule()
    def category_agrees_with_decided_by(cls) -> pl.Expr:
        by_evidence = (pl.col("category") == "other") == (pl.col("decided_by") == "nothing")
        likeliest = (pl.col("category") == pl.col("likeliest")) | (pl.col("decided_by") == "nothing")
        return (pl.col("decided_by") == "user") | (by_evidence & likeliest)

    @dy.rule()
    def lists_begin_with_category_and_label(cls) -> pl.Expr:
        return (pl.col("categories").list.first() == pl.col("category")) & (
            pl.col("labels").list.first() == pl.col("label")
        )


class TrainingSplits(dy.Schema):
    """A sound with its split: models are trained, selected or tested on it. Assignments last as the corpus grows.

    A family is in one split. A new sound that joins families of different splits is withheld: it is in none of them, so
    that it neither leaks nor moves other sounds.
    """

    sound_id = sound_id(primary_key=True)
    split = one_of((*SPLITS, WITHHELD), "split")
    reason = dy.String(metadata=description("why it is in this split"))
    in_corpus = dy.Bool(metadata=description("it is a valid sound of the corpus now; if not, its assignment is kept"))


class TrainingSet(dy.Schema):
    """A valid sound with everything that models learn from: split, label, family, names and parameters."""

    sound_id = sound_id(primary_key=True)
    split = one_of((*SPLITS, WITHHELD), "split; models see no withheld sound")
    label = dy.String(metadata=description("training label"))
    family_id = dy.String(regex="^[0-9a-f]{20}$", metadata=description("family; the same for near-duplicates"))
    names = dy.List(dy.String(), metadata=description("all names it was found under, in alphabetical order"))
    locals().update(parameters())
