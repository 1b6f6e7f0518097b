"""The tables of generators: trained models, the critic's scores, and the evaluation."""

from typing import Literal, get_args

import dataframely as dy
import polars as pl

from deepdx_core.tables.columns import description, estimate, number, one_of, sound_id
from deepdx_core.tables.dataset import SPLITS

MEASURED = ("c2st", "precision", "recall", "density", "coverage", "dcr_near", "label_agreement")
"""The measures by which two models are compared, each with its standard error."""

Kind = Literal["writer", "gan"]
"""Kind of a model. `writer` writes each voice from a training voice; `gan` makes it from noise."""

ROLES = ("champion", "former champion", "challenger", "beaten", "unreadable")

GENERATOR_TABLES = ("models", "realness", "model_evaluation")


class TrainedModels(dy.Schema):
    """A trained model with its results on the validation split, and its role: banks come from the champion.

    All columns from the files of the model are null if they are unreadable.
    """

    model_id = dy.String(
        regex="^[0-9a-f]{16}$",
        primary_key=True,
        metadata=description("first digits of a digest of its voices, settings and code; its folder in models/"),
    )
    judged = dy.UInt32(min=1, metadata=description("position in the order of evaluation, from 1"))
    role = one_of(
        ROLES, "role; a challenger waits for voices to be compared on, a beaten model was worse than a champion"
    )
    reason = dy.String(metadata=description("why it has this role"))
    kind = one_of(get_args(Kind), "kind of model", nullable=True)
    config = dy.String(nullable=True, metadata=description("settings, as JSON"))
    data_version = dy.String(nullable=True, metadata=description("digest of the voices it was trained and selected on"))
    code_version = dy.String(nullable=True, metadata=description("version of the code and libraries that trained it"))
    voices = dy.UInt32(nullable=True, metadata=description("number of training voices"))
    steps = dy.UInt32(nullable=True, metadata=description("training steps up to the weights that were kept"))
    validation_loss = number("negative log-likelihood of a validation voice given its parent, in bits", nullable=True)
    written_c2st = number(
        "C2ST of written voices in training, before the critic selects among them, 0 to 1", nullable=True, max=1
    )
    critic_area = number(
        "area under the ROC curve of its critic by ear on held-out voices, 0 to 1", nullable=True, max=1
    )
    against = dy.String(nullable=True, metadata=description("champion it was compared with; null if there was none"))
    locals().update(
        {
            name: column
            for measure in MEASURED
            for name, column in estimate(measure, "on validation voices, as in model_evaluation").items()
        }
    )

    @dy.rule()
    def at_most_one_champion(cls) -> pl.Expr:
        return (pl.col("role") == "champion").sum() <= 1


class Realness(dy.Schema):
    """A valid sound with its realness: whether it looks real or written by a model, by the champion's critic."""

    sound_id = sound_id(primary_key=True)
    label = dy.String(metadata=description("label given to the critic"))
    realness = dy.Float32(metadata=description("log-odds that it is real rather than written, given its label"))
    by_ear = dy.Bool(metadata=description("the critic knew its audio features, too"))
    learned = dy.Bool(metadata=description("the critic was trained on it; scores of other sounds are more meaningful"))
    model_id = dy.String(regex="^[0-9a-f]{16}$", metadata=description("model of the critic"))


class ModelEvaluation(dy.Schema):
    """A generator, baseline or real reference with its results in the evaluation protocol.

    A generator makes voices for the labels of held-out voices, and is compared with these. The neighborhood of a voice
    reaches to the fifth nearest other voice of the same kind, real or generated. Standard errors count a family as one
    voice, and do not include the variation between seeds.
    """

    generator = dy.String(primary_key=True, metadata=description("name of the generator, baseline or real reference"))
    judged_on = one_of(SPLITS[1:], "split that it is compared with", primary_key=True)
    seed = dy.UInt32(primary_key=True, metadata=description("seed of fitting, sampling and measures"))
    voices = dy.UInt32(min=1, metadata=description("number of voices evaluated"))
    against = dy.UInt32(min=1, metadata=description("number of real voices they are compared with"))
    locals().update(
        estimate(
            "c2st",
            "classifier two-sample test: area under the ROC curve of boosted trees that separate its voices from real "
            "ones by parameters, families kept together; 0.5 is chance, 1 perfect separation",
            max=1,
        )
    )
    locals().update(estimate("c2st_network", "c2st by small neural networks instead of trees", max=1))
    pqmass = number(
        "PQMass: chi-squared per degree of freedom, of its voices and real ones counted in the cells of random "
        "partitions; 1 for one distribution, a little more for real voices because they have families"
    )
    locals().update(estimate("precision", "share of its voices in the neighborhood of a real one, 0 to 1", max=1))
    locals().update(estimate("recall", "share of real voices in the neighborhood of one of its voices, 0 to 1", max=1))
    locals().update(
        estimate(
            "density", "mean number of real neighborhoods around its voices, divided by 5; about 1 for real voices"
        )
    )
    locals().update(
        estimate("coverage", "share of real voices whose neighborhood has one of its voices, 0 to 1", max=1)
    )
    dcr_median = dy.Float64(
        min=0, max=145, metadata=description("median distance to the closest training voice, in differing parameters")
    )
    locals().update(
        estimate("dcr_near", "share of its voices at most 5 parameters away from a training voice, 0 to 1", max=1)
    )
    locals().update(
        estimate(
            "authenticity",
            "share of its voices that are farther from their closest training voice than that is from its own; the "
            "others are variants; 0 to 1",
            max=1,
        )
    )
    copies = dy.UInt32(metadata=description("number of its voices that are exact copies of training voices"))
    duplicates = dy.UInt32(metadata=description("number of its voices that are equal to an earlier one"))
    locals().update(
        estimate(
            "label_agreement",
            "share of its voices that a classifier trained on real voices gives the requested label, 0 to 1; on those "
            "with a telling name, or on all if names are not known",
            max=1,
        )
    )
    label_accuracy = number("share of the real voices that this classifier gives their label, 0 to 1", max=1)
    named_accuracy = number(
        "share of the real voices with a telling name that this classifier gives the label of the name, 0 to 1", max=1
    )
    structure_frequency = number("total variation from real voices in mode and frequency, 0 to 1", max=1)
    structure_envelopes = number("total variation from real voices in output and envelope levels, 0 to 1", max=1)
    structure_velocity = number("total variation from real voices in velocity sensitivity, 0 to 1", max=1)
    structure_key_scaling = number("total variation from real voices in keyboard level scaling, 0 to 1", max=1)
    structure_rate_scaling = number("total variation from real voices in keyboard rate scaling, 0 to 1", max=1)
    structure = number("mean of the total variations: 0 is as in real voices, 1 has nothing in common", max=1)
    bits = number("negative log-likelihood of a real voice given its label, in bits; null if unknown", nullable=True)
    locals().update(estimate("audio_c2st", "c2st by audio features; null if nothing was rendered", max=1))
    locals().update(
        estimate("audio_c2st_network", "c2st_network by audio features; null if nothing was rendered", max=1)
    )
    locals().update(estimate("silent", "share that is never audible, 0 to 1; null if nothing was rendered", max=1))
    locals().update(
        estimate(
            "sounding_after",
            "share that is at -60 dB or more 1.5 s after key-up, 0 to 1; null if nothing was rendered",
            max=1,
        )
    )
    locals().update(estimate("noisy", "share without a pitch at middle C, 0 to 1; null if nothing was rendered", max=1))
    fit_seconds = number("time to fit it, in seconds; null for pretrained models and real voices", nullable=True)
    bank_seconds = number("time to sample 32 voices, in seconds; null for real voices", nullable=True)
