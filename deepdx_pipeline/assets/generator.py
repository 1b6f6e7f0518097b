"""From the splits to new banks: models, which of them is the champion, how it is judged, and what it writes."""

import json
import re
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg
import numpy as np
import polars as pl
from pydantic import Field

from deepdx_core.gan.config import GanConfig
from deepdx_core.writer.config import WriterConfig
from deepdx_pipeline.assets.tables import table_asset
from deepdx_pipeline.resources import Workspace
from deepdx_pipeline.results import Result, curves, image_grid, markdown_table, materialized

if TYPE_CHECKING:
    from deepdx_core.arrays import Float64Array
    from deepdx_core.dataset.arrays import Splits
    from deepdx_core.generation.names import NameModel

GROUP = "generator"

_OF_SPLITS = ("unique_voices", "families", "labeled_voices", "training_splits")


def _splits(workplace: Workspace) -> "Splits":
    """The valid voices by split, as arrays."""
    from deepdx_core.dataset.arrays import splits_from_tables
    from deepdx_core.labels.taxonomy import find_taxonomy

    labels = find_taxonomy(workplace.home.taxonomy).labels
    try:
        sounds, families, labeled, splits = (workplace.tables.read(table) for table in _OF_SPLITS)
        return splits_from_tables(sounds, families, labeled, splits, labels)
    except ValueError as error:
        raise dg.Failure(f"{error}: add banks with `deepdx add`", allow_retries=False) from error


class Training(dg.Config):
    """What may be set for a training run: any of `deepdx_core.writer.config.WriterConfig`."""

    settings: dict[str, Any] = Field(default_factory=dict)


@dg.asset(
    group_name=GROUP,
    deps=["decoded_voices", *_OF_SPLITS],
    kinds={"pytorch"},
    description="The writer and its critic, trained on the sounds of the training split: a challenger of the champion.",
)
def voice_model(
    context: dg.AssetExecutionContext,
    config: Training,
    workplace: dg.ResourceParam[Workspace],
) -> Result:
    """Train a model, unless there is one that was made from the same voices, settings and code."""
    from deepdx_core.generation.model import load_model, save_model
    from deepdx_core.generation.model_card import ModelError
    from deepdx_core.generation.registry import model_folder
    from deepdx_core.generation.training import model_fingerprints, train_model
    from deepdx_core.writer.training import CHECKPOINT, TrainingProgress

    splits = _splits(workplace)
    try:
        settings = WriterConfig.from_json(json.dumps(config.settings))
    except ValueError as error:
        raise dg.Failure(str(error), allow_retries=False) from error
    folder, former = (model_folder(workplace.home, of) for of in model_fingerprints(splits, settings))
    training = workplace.home.models / "training"
    report = workplace.reporter(context)

    def progress(at: TrainingProgress) -> None:
        said = (
            f"{at.training_loss:.0f} bits a voice; validation {at.validation_loss:.0f}, told {at.validation_c2st:.3f}"
        )
        report(f"learning to write, {said}", at.step, at.steps)

    model = None
    for kept in folder, former:
        with suppress(ModelError):
            model, folder = load_model(kept), kept
            break
    trained = model is None
    if model is None:
        for needed in folder, training:  # found out now rather than after the training
            try:
                needed.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise dg.Failure(f"{needed}: {error.strerror}", allow_retries=False) from error
        names = _names(workplace)
        try:
            model = train_model(splits, names, settings, training, progress, report)
        except ValueError as error:
            raise dg.Failure(f"{error}: add banks with `deepdx add`", allow_retries=False) from error
        save_model(folder, model)
        (training / CHECKPOINT).unlink(missing_ok=True)
    summary = model.summary
    return Result(
        data_version=dg.DataVersion(summary.fingerprint),
        metadata={
            "model": folder.name,
            "voices": summary.voices,
            "steps": summary.steps,
            "validation_loss_bits": summary.validation_loss,
            "validation_c2st": summary.validation_c2st,
            "critic_area": summary.critic_area,
            "trained": "anew" if trained else "kept: voices, settings and code are the same",
            **_history(model.history),
            "path": dg.MetadataValue.path(folder),
        },
    )


def _names(workplace: Workspace) -> "NameModel":
    """Names in the manner of those that valid sounds have."""
    from deepdx_core.generation.names import fit_names

    tables = workplace.tables
    named = (
        tables.read("decoded_voices", ["sound_id", "name"])
        .unique()
        .join(tables.read("labeled_voices", ["sound_id", "label"]), on="sound_id")
        .join(tables.read("families", ["sound_id", "family_id"]), on="sound_id")
        .sort("sound_id", "name")
    )
    return fit_names(*(named[column].to_list() for column in ("name", "label", "family_id")))


def _history(history: "Float64Array") -> dict[str, dg.MarkdownMetadataValue]:
    from deepdx_core.writer.training import HISTORY

    if not len(history):  # of a model that does not know it
        return {}
    rows = pl.DataFrame(history, schema=list(HISTORY), orient="row")
    return {
        "losses": curves(rows.select("step", "training_loss", "validation_loss"), "step", "Bits a voice"),
        "told": curves(rows.select("step", "validation_c2st"), "step", "C2ST of written voices (0.5: like real)"),
    }


@table_asset(GROUP, "models", "voice_model", *_OF_SPLITS)
def models(context: dg.AssetExecutionContext, workplace: dg.ResourceParam[Workspace]) -> Result:
    """Have every new model meet the champion."""
    from deepdx_core.generation.registry import compare_models
    from deepdx_core.quality.rules import load_rules

    known = workplace.tables.read_or_empty("models")
    rules = load_rules(workplace.home.rules)
    rows = compare_models(workplace.home, known, _splits(workplace), rules, workplace.reporter(context))
    version = workplace.tables.write("models", rows)
    shown = rows.select("judged", "model_id", "role", "reason", "c2st", "precision", "density", "coverage")
    champion = rows.filter(pl.col("role") == "champion")["model_id"].to_list()
    return materialized(
        "models", rows, version, champion=", ".join(champion) or "none", roles=markdown_table(shown.reverse())
    )


@table_asset(GROUP, "realness", "models", "unique_voices", "labeled_voices")
def realness(workplace: dg.ResourceParam[Workspace]) -> Result:
    """Ask the champion's critic about every valid sound."""
    from deepdx_core.generation.model import load_model
    from deepdx_core.generation.realness import score_corpus
    from deepdx_core.generation.registry import champion_folder

    tables = workplace.tables
    folder = champion_folder(workplace.home)
    rows = score_corpus(
        load_model(folder),
        folder.name,
        tables.read("unique_voices"),
        tables.read("labeled_voices", ["sound_id", "label"]),
        tables.read_or_empty("realness"),
    )
    version = tables.write("realness", rows)
    least = (
        rows.sort("realness", "sound_id")
        .head(20)
        .join(tables.read("unique_voices", ["sound_id", "name"]), on="sound_id", maintain_order="left")
    )
    return materialized(
        "realness", rows, version, least_real=markdown_table(least.select("sound_id", "name", "realness"))
    )


class Protocol(dg.Config):
    """How the evaluation is run. gan_steps: of the GAN that the model is judged beside, which is trained for it."""

    seed: int = 0
    render: bool = True
    gan_steps: int = GanConfig.steps


@table_asset(GROUP, "model_evaluation", "audio_features", "models", *_OF_SPLITS)
def model_evaluation(
    context: dg.AssetExecutionContext, config: Protocol, workplace: dg.ResourceParam[Workspace]
) -> Result:
    """Judge the champion beside the real voices, the baselines and the blog's GAN, on families it has never seen."""
    from deepdx_core.evaluation.baselines.gan import Gan
    from deepdx_core.evaluation.generators import Pretrained
    from deepdx_core.evaluation.protocol import BASELINES, evaluate
    from deepdx_core.generation.method import FittedWriter
    from deepdx_core.generation.model import load_model
    from deepdx_core.generation.registry import champion_folder
    from deepdx_core.quality.rules import load_rules
    from deepdx_core.sound.rendering import available

    report = workplace.reporter(context)
    model = load_model(champion_folder(workplace.home))
    splits = _splits(workplace)
    render = config.render and available()
    writer = FittedWriter(model, load_rules(workplace.home.rules), render, report)
    methods = {
        **BASELINES,
        "GAN of the blog": Gan(splits.labels, GanConfig(steps=config.gan_steps), report),
        "writer and critic": Pretrained(writer),
    }
    audio = workplace.tables.read_or_empty("audio_features") if config.render else None
    rows = evaluate(methods, splits, seed=config.seed, audio=audio, report=report)
    version = workplace.tables.write("model_evaluation", rows)
    shown = rows.select(pl.exclude("^.*_error$", "judged_on", "seed").cast(pl.String)).transpose(
        include_header=True, header_name="measure", column_names="generator"
    )
    return materialized("model_evaluation", rows, version, measures=markdown_table(shown.fill_null("")))


class Wished(dg.Config):
    """What the banks are made from, beside the model."""

    seed: int = 0


@dg.asset(
    group_name=GROUP,
    deps=["models"],
    description="A bank of 32 new voices for each label, as a DX7 loads it, from the champion.",
)
def generated_banks(config: Wished, workplace: dg.ResourceParam[Workspace]) -> Result:
    """Have the champion write a bank for each label."""
    from deepdx_core.files import write_outputs
    from deepdx_core.gan.encoding import encode
    from deepdx_core.generation.banks import draw_names, encode_banks
    from deepdx_core.generation.model import load_model
    from deepdx_core.generation.registry import champion_folder, corpus_names
    from deepdx_core.generation.request import SamplingRequest
    from deepdx_core.generation.sampling import sample
    from deepdx_core.quality.rules import load_rules
    from deepdx_core.sound.rendering import available
    from deepdx_core.voice.parameters import INDEX, VMEM_VOICES

    shown: dict[str, list[str]] = {}
    images: dict[str, np.ndarray] = {}
    banks: dict[Path, bytes] = {}
    passed_over: Counter[str] = Counter()
    model = load_model(champion_folder(workplace.home))
    rules = load_rules(workplace.home.rules)
    taken = corpus_names(workplace.home)
    for label, file_name in zip(model.labels, _file_names(model.labels), strict=True):
        made = sample(model, VMEM_VOICES, config.seed, SamplingRequest(label=label), rules=rules, render=available())
        names = draw_names(model, made, config.seed, taken)
        (banks[workplace.home.banks / file_name],) = encode_banks(made, names)
        algorithms = made.parameters[:, INDEX["algorithm"]] + 1
        shown[label] = [f"{name} ({number})" for name, number in zip(names, algorithms, strict=True)]
        images[label] = encode(made.parameters[:8])
        passed_over += Counter(made.rejected)
    workplace.home.banks.mkdir(parents=True, exist_ok=True)
    write_outputs(banks, force=True)  # all as one: those of two models are never side by side
    reasons = pl.DataFrame(
        passed_over.most_common(), schema={"candidates passed over": pl.String, "how many": pl.Int64}, orient="row"
    )
    return Result(
        metadata={
            "banks": len(shown),
            "path": dg.MetadataValue.path(workplace.home.banks),
            "voices (with their algorithms)": markdown_table(pl.DataFrame(shown)),
            "passed over": markdown_table(reasons),
            "preview": image_grid(images, "Eight voices of each bank as images: a parameter is a cell or more"),
        },
    )


def _file_names(labels: Sequence[str]) -> list[str]:
    """A file for the bank of each label, no two alike: labels are the user's, and may hold anything."""
    found: list[str] = []
    for number, label in enumerate(labels, 1):
        stem = re.sub(r"[^\w &+.-]", "-", label.lower()).lstrip(".")[:80]
        name = f"{stem}.syx"
        found.append(f"{stem}-{number}.syx" if not stem or name in found else name)
    return found
