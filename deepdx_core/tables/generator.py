"""The schemas of what is known of generators: the models, how they are judged, and what their critic says of voices."""

import dataframely as dy
import polars as pl

from deepdx_core.tables.columns import SPLITS, about, estimate, number, one_of, sound_id

MEASURED = ("c2st", "precision", "recall", "density", "coverage", "dcr_near", "label_agreement")
"""The measures by which a model is compared with another, each with its standard error."""

ROLES = ("champion", "former champion", "beaten", "unreadable")


GENERATOR_TABLES = ("models", "realness", "model_evaluation")
"""Their names."""


class TrainedModels(dy.Schema):
    """A model that was trained, how it did on voices of the validation split, and whether banks come from it."""

    model_id = dy.String(
        regex="^[0-9a-f]{16}$",
        primary_key=True,
        metadata=about("the model: first digits of a digest of its voices, settings and code; its folder in models/"),
    )
    judged = dy.UInt32(min=1, metadata=about("the how many-th that was judged here"))
    role = one_of(ROLES, "banks come from the champion; a beaten one was worse than the champion of its time")
    reason = dy.String(metadata=about("why it has this role"))
    config = dy.String(nullable=True, metadata=about("its settings, as JSON"))
    data_version = dy.String(nullable=True, metadata=about("digest of the voices it learned from and was chosen by"))
    code_version = dy.String(nullable=True, metadata=about("version of the code and the libraries that trained it"))
    voices = dy.UInt32(nullable=True, metadata=about("voices it learned from"))
    steps = dy.UInt32(nullable=True, metadata=about("steps to the validation whose weights were kept"))
    validation_loss = number("bits to tell a voice of the validation split, given its parent", nullable=True)
    written_c2st = number("C2ST of written voices before the critic chooses, while training", nullable=True, max=1)
    critic_area = number("area under the ROC curve of its critic, on voices held out", nullable=True, max=1)
    against = dy.String(nullable=True, metadata=about("the champion that it was compared with; null if there was none"))
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
    """What the champion's critic says of a valid sound: whether it looks like those of people or like a model's."""

    sound_id = sound_id(primary_key=True)
    label = dy.String(metadata=about("the label it was judged with"))
    realness = dy.Float32(metadata=about("log-odds that it is real rather than written, given its label"))
    learned = dy.Bool(metadata=about("the critic learned from it; of others its word weighs more"))
    model_id = dy.String(regex="^[0-9a-f]{16}$", metadata=about("the model whose critic said so"))


class ModelEvaluation(dy.Schema):
    """How a generator did by the protocol of evaluation, beside the real voices and the baselines.

    Voices that it made for the labels of the voices held out are compared with these. Standard errors count voices of a
    family as one, and do not regard that another seed would give another generator.
    """

    generator = dy.String(primary_key=True, metadata=about("the generator, baseline or real reference"))
    judged_on = one_of(SPLITS[1:], "the split whose voices it was judged against", primary_key=True)
    seed = dy.UInt32(primary_key=True, metadata=about("of fitting, of sampling and of what the measures draw"))
    voices = dy.UInt32(min=1, metadata=about("voices judged"))
    against = dy.UInt32(min=1, metadata=about("real voices they were judged against"))
    locals().update(
        estimate(
            "c2st",
            "area under the ROC curve of boosted trees that tell its voices from real ones by their parameters, with "
            "families kept together: 0.5 is not at all, 1 always",
            max=1,
        )
    )
    locals().update(estimate("precision", "share of its voices that are among real ones", max=1))
    locals().update(estimate("recall", "share of real voices that are among its voices", max=1))
    locals().update(estimate("density", "how densely real voices lie about its voices; about 1 for real ones"))
    locals().update(estimate("coverage", "share of real voices with one of its voices near by", max=1))
    dcr_median = dy.Float64(
        min=0, max=145, metadata=about("parameters in which its voices differ from the closest training voice: median")
    )
    locals().update(estimate("dcr_near", "share of its voices with a training voice 5 or fewer parameters away", max=1))
    copies = dy.UInt32(metadata=about("of its voices, exact copies of training voices"))
    duplicates = dy.UInt32(metadata=about("of its voices, those equal to one before"))
    locals().update(
        estimate(
            "label_agreement",
            "share of its voices that a classifier taught with real voices gives the label that was asked for",
            max=1,
        )
    )
    label_accuracy = number("share of the real voices that this classifier gives their label", max=1)
    structure_frequency = number("total variation of mode with frequency", max=1)
    structure_envelopes = number("total variation of output levels with envelope levels", max=1)
    structure_velocity = number("total variation of velocity sensitivities", max=1)
    structure_key_scaling = number("total variation of keyboard level scaling", max=1)
    structure_rate_scaling = number("total variation of keyboard rate scaling", max=1)
    structure = number("mean of the total variations: 0 is as in real voices, 1 has nothing in common", max=1)
    bits = number("bits it needs to tell a real voice, given its label; null where it gives no chances", nullable=True)
    locals().update(estimate("audio_c2st", "as c2st, by what rendered voices measure; null where none were", max=1))
    locals().update(estimate("silent", "share never heard; null where none were rendered", max=1))
    locals().update(
        estimate(
            "sounding_after",
            "share still over -60 dB 1.5 s after the key is let go; null where none were rendered",
            max=1,
        )
    )
    locals().update(estimate("noisy", "share without a pitch at middle C; null where none were rendered", max=1))
    fit_seconds = number("seconds to fit it; null for what was fitted before and for real voices", nullable=True)
    bank_seconds = number("seconds to make 32 voices; null for real ones", nullable=True)
