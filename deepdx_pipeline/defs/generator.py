"""Generator: models, the choice of the champion, its critic's scores of the corpus, and its banks."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg
import polars as pl
from pydantic import Field

from deepdx_core.gan.config import GanConfig
from deepdx_core.generation.request import SamplingRequest
from deepdx_core.home import Home
from deepdx_core.settings import TrainingSettings
from deepdx_core.tables.stamps import digest
from deepdx_core.tables.storage import checksum
from deepdx_core.versions import MODEL_VERSION
from deepdx_core.writer.config import WriterConfig
from deepdx_pipeline.plots import Plots, curves
from deepdx_pipeline.progress import progress_of
from deepdx_pipeline.resources import HomeResource
from deepdx_pipeline.tables import (
    CACHE,
    OWNERS,
    STATE,
    Result,
    markdown_table,
    materialized,
    plot_files,
    table_asset,
    unless_unchanged,
)

if TYPE_CHECKING:
    from deepdx_core.dataset.arrays import Splits
    from deepdx_core.generation.voice_model import VoiceModel

GROUP = "generator"
_CODE_VERSION = str(MODEL_VERSION)
_TRAINING = "training"  # folder of the model in training


_MODEL_DEPS = ["training_set", "taxonomy", "audio_features"]
_BANK_DEPS = ["models", "rules", "decoded_voices"]


def model_files(home: Home) -> list[Path]:
    """Return the files of all stored models."""
    return sorted(path for path in home.models.glob("*/*") if path.parent.name != _TRAINING and path.is_file())


def _bank_files(home: Home) -> list[Path]:
    return [*sorted(home.banks.glob("*.syx")), *plot_files(home, "generated_banks")]


def read_splits(home: HomeResource, named: bool = False) -> "Splits":
    """Return the training set as arrays, by split. Raises dg.Failure if a split is empty.

    named: with the labels that follow from names alone, by which generators are judged.
    """
    from deepdx_core.dataset.arrays import labels_by_names, splits_from_training_set
    from deepdx_core.labels.taxonomy import find_taxonomy

    try:
        taxonomy = find_taxonomy(home.paths.taxonomy)
        by_names = labels_by_names(home.tables.read("labeled_voices"), taxonomy) if named else None
        return splits_from_training_set(home.tables.read("training_set"), taxonomy.labels, by_names)
    except ValueError as error:
        raise dg.Failure(f"{error}: add banks with `deepdx add`", allow_retries=False) from error


class GanTrainingConfig(dg.Config, GanConfig):
    """Settings of a GAN, in the configuration of `voice_model`."""


class TrainingConfig(dg.Config, TrainingSettings):
    """Configuration of `voice_model`."""

    gan: GanTrainingConfig = Field(default=GanTrainingConfig(), description="Settings of a GAN, if `model` is gan.")

    def of_model(self) -> WriterConfig | GanConfig:
        """Return the settings of the chosen kind of model."""
        if self.model == "gan":
            return GanConfig.from_json(self.gan.to_json())
        return WriterConfig(**self.model_dump(exclude={"model", "gan"}))


@dg.asset(
    group_name=GROUP,
    deps=_MODEL_DEPS,
    code_version=_CODE_VERSION,
    kinds={"pytorch"},
    owners=OWNERS,
    tags=STATE,
    description="A writer or a GAN and its critic, trained on the training split: a challenger of the champion.",
)
@unless_unchanged(
    "voice_model",
    deps=_MODEL_DEPS,
    code_version=_CODE_VERSION,
    outputs=lambda home: [*model_files(home), *plot_files(home, "voice_model")],
)
def voice_model(context: dg.AssetExecutionContext, config: TrainingConfig, home: HomeResource) -> Result:
    """Train a model, or keep the model of the same training set, configuration and code version."""
    from deepdx_core.generation.model import load_model, save_model
    from deepdx_core.generation.model_card import ModelError
    from deepdx_core.generation.names import fit_names
    from deepdx_core.generation.registry import model_folder
    from deepdx_core.generation.rounds import ROUNDS_CHECKPOINT
    from deepdx_core.generation.training import model_fingerprint, train_model
    from deepdx_core.writer.training import CHECKPOINT, TrainingProgress

    splits = read_splits(home)
    settings = config.of_model()
    folder = model_folder(home.paths, model_fingerprint(splits, settings))
    training = home.paths.models / _TRAINING
    report = progress_of(context)

    def progress(at: TrainingProgress) -> None:
        losses = f"{at.training_loss:.0f} bits a voice; validation {at.validation_loss:.0f}"
        report(f"training the writer, {losses}, C2ST {at.validation_c2st:.3f}", at.step, at.steps)

    model = None
    with suppress(ModelError):
        model = load_model(folder)
    trained = model is None
    if model is None:
        for needed in folder, training:  # fails now rather than after the training
            try:
                needed.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise dg.Failure(f"{needed}: {error.strerror}", allow_retries=False) from error
        named = home.tables.read("training_set", ["names", "label", "family_id"]).explode(
            "names", empty_as_null=False, keep_nulls=False
        )
        names = fit_names(*(named[column].to_list() for column in ("names", "label", "family_id")))
        try:
            audio = home.tables.read_or_empty("audio_features")
            model = train_model(splits, names, settings, training, progress, report, audio)
        except ValueError as error:
            raise dg.Failure(f"{error}: add banks with `deepdx add`", allow_retries=False) from error
        except FloatingPointError as error:  # training diverged
            raise dg.Failure(str(error), allow_retries=False) from error
        save_model(folder, model)
        for checkpoint in (CHECKPOINT, ROUNDS_CHECKPOINT):
            (training / checkpoint).unlink(missing_ok=True)
    summary = model.summary
    return Result(
        data_version=dg.DataVersion(summary.fingerprint),
        metadata={
            "model": folder.name,
            "kind": model.kind,
            "voices": summary.voices,
            "steps": summary.steps,
            **({} if summary.validation_loss is None else {"validation_loss_bits": summary.validation_loss}),
            "validation_c2st": summary.validation_c2st,
            "critic_area": summary.critic_area,
            "trained": "in this run" if trained else "earlier: same voices, settings and code",
            **_history(Plots(home.paths.plots / "voice_model"), model),
            "path": dg.MetadataValue.path(folder),
        },
    )


def _history(plots: Plots, model: "VoiceModel") -> Mapping[str, dg.MetadataValue[Any]]:
    from deepdx_core.gan.history import HISTORY as GAN_HISTORY
    from deepdx_core.writer.history import HISTORY as WRITER_HISTORY

    if not len(model.history):  # models of an early format have none
        return {}
    columns, title = (WRITER_HISTORY, "Bits a voice") if model.kind == "writer" else (GAN_HISTORY, "Losses")
    rows = pl.DataFrame(model.history, schema=list(columns), orient="row")
    losses = curves(rows.drop("validation_c2st"), "step", title)
    c2st = curves(rows.select("step", "validation_c2st"), "step", "C2ST of generated voices (0.5: like real ones)")
    return {**plots.metadata("losses", losses), **plots.metadata("c2st", c2st)}


@table_asset(
    "models",
    group=GROUP,
    deps=["voice_model", "training_set", "labeled_voices", "rules", "taxonomy"],
    code_version=_CODE_VERSION,
    reads=model_files,
)
def models(context: dg.AssetExecutionContext, home: HomeResource) -> Result:
    """Compare each new model with the champion, and choose the champion."""
    from deepdx_core.generation.registry import compare_models
    from deepdx_core.quality.rules import load_rules

    known = home.tables.read_or_empty("models")
    rules = load_rules(home.paths.rules)
    rows = compare_models(home.paths, known, read_splits(home, named=True), rules, progress_of(context))
    version = home.tables.write("models", rows)
    shown = rows.select("judged", "model_id", "role", "reason", "c2st", "precision", "density", "coverage")
    champion = rows.filter(pl.col("role") == "champion")["model_id"].to_list()
    return materialized(
        home, "models", rows, version, champion=", ".join(champion) or "none", roles=markdown_table(shown.reverse())
    )


@table_asset(
    "realness",
    group=GROUP,
    deps=["models", "training_set", "audio_features"],
    code_version=_CODE_VERSION,
    reads=model_files,
)
def realness(home: HomeResource) -> Result:
    """Score every sound of the training set with the champion's critic."""
    from deepdx_core.generation.model import load_model
    from deepdx_core.generation.realness import score_corpus
    from deepdx_core.generation.registry import champion_folder

    tables = home.tables
    folder = champion_folder(home.paths)
    voices = tables.read("training_set")
    audio = tables.read_or_empty("audio_features")
    rows = score_corpus(load_model(folder), folder.name, voices, tables.read_or_empty("realness"), audio)
    version = tables.write("realness", rows)
    names = voices.select("sound_id", name=pl.col("names").list.first())
    least = rows.sort("realness", "sound_id").head(20).join(names, on="sound_id", maintain_order="left")
    return materialized(
        home, "realness", rows, version, least_real=markdown_table(least.select("sound_id", "name", "realness"))
    )


_DEFAULTS = SamplingRequest()


class BankConfig(dg.Config):
    """Configuration of `generated_banks`."""

    seed: int = Field(default=0, ge=0, description="The same seed gives the same banks.")
    temperature: float = Field(
        default=_DEFAULTS.temperature,
        description="Sampling temperature; below 1 favors likely values, above 1 unlikely ones.",
    )
    novelty: float = Field(
        default=_DEFAULTS.novelty,
        description="Distance of a voice from its parent, relative to the distances between real voices; 2 doubles it.",
    )
    choices: int = Field(
        default=_DEFAULTS.choices, description="Number of candidates per voice, among which the critic chooses."
    )
    by_ear: bool = Field(
        default=True, description="Render candidates, and reject the silent, endless and noisy ones by their sound."
    )
    avoid_copies: bool = Field(
        default=_DEFAULTS.avoid_copies,
        description="Reject voices that differ from a training voice in 5 or fewer parameters.",
    )


@dg.asset(
    group_name=GROUP,
    deps=_BANK_DEPS,
    code_version=_CODE_VERSION,
    kinds={"sysex"},
    owners=OWNERS,
    tags=CACHE,
    description="A bank of 32 new voices for each label, written by the champion, ready for a DX7.",
)
@unless_unchanged(
    "generated_banks", deps=_BANK_DEPS, code_version=_CODE_VERSION, outputs=_bank_files, reads=model_files
)
def generated_banks(config: BankConfig, home: HomeResource) -> Result:
    """Generate a bank for each label with the champion."""
    from deepdx_core.dataset.arrays import generated_voices
    from deepdx_core.files import write_outputs
    from deepdx_core.generation.banks import draw_names, encode_banks
    from deepdx_core.generation.model import load_model
    from deepdx_core.generation.registry import champion_folder, corpus_names
    from deepdx_core.generation.sampling import sample
    from deepdx_core.quality.rules import load_rules
    from deepdx_core.voice.parameters import VMEM_VOICES
    from deepdx_pipeline.bank_report import rejections_table, sheet, voices_table

    banks: dict[Path, bytes] = {}
    tables: list[pl.DataFrame] = []
    sheets: dict[str, Any] = {}
    rejected: Counter[str] = Counter()
    model = load_model(champion_folder(home.paths))
    unknown = {"novelty"} if model.kind == "gan" else set()  # a GAN has no parents to keep a distance from
    rules = load_rules(home.paths.rules)
    taken = corpus_names(home.paths)
    plots = Plots(home.paths.plots / "generated_banks")
    for label, file_name in zip(model.labels, bank_file_names(model.labels), strict=True):
        request = SamplingRequest(label=label, **config.model_dump(exclude={"seed", "by_ear", *unknown}))
        voices = sample(model, VMEM_VOICES, config.seed, request, rules=rules, render=config.by_ear)
        names = draw_names(model, voices, config.seed, taken)
        (banks[home.paths.banks / file_name],) = encode_banks(voices, names)
        realness = model.critic.realness(generated_voices(voices.parameters, voices.label_ids))
        table = voices_table(names, voices.parameters, realness)
        tables.append(table.select(pl.lit(file_name).alias("bank"), pl.all()))
        if config.by_ear:
            sheets |= sheet(plots, Path(file_name).stem, names, voices.parameters, label)
        rejected += Counter(voices.rejected)
    home.paths.banks.mkdir(parents=True, exist_ok=True)
    write_outputs(banks, force=True)  # all at once: never a mix of banks of two models
    return Result(
        data_version=dg.DataVersion(digest({path.name: checksum(bank) for path, bank in banks.items()})),
        metadata={
            "banks": len(banks),
            "path": dg.MetadataValue.path(home.paths.banks),
            "voices": markdown_table(pl.concat(tables)),
            "rejected": markdown_table(rejections_table(rejected)),
            **sheets,
        },
    )


def bank_file_names(labels: Sequence[str]) -> list[str]:
    """Return a distinct, safe file name for the bank of each label. Labels come from the user and may be any text."""
    found: list[str] = []
    for number, label in enumerate(labels, 1):
        stem = re.sub(r"[^\w &+.-]", "-", label.lower()).lstrip(".")[:80]
        name = f"{stem}.syx"
        found.append(f"{stem}-{number}.syx" if not stem or name in found else name)
    return found
