"""From the splits to new banks: the model, and what it writes."""

from pathlib import Path

import dagster as dg
import numpy as np
import polars as pl

from deepdx_core.gan.config import GanConfig
from deepdx_pipeline.assets.tables import table_asset
from deepdx_pipeline.resources import Workplace
from deepdx_pipeline.results import Result, curves, image_grid, markdown_table, materialized

GROUP = "generator"


class Training(dg.Config):
    """What may be set for a training run; `deepdx_core.gan.config.GanConfig` says what it means."""

    steps: int = GanConfig.steps
    seed: int = GanConfig.seed


@dg.asset(
    group_name=GROUP,
    deps=["unique_voices", "labeled_voices", "training_splits"],
    kinds={"pytorch"},
    description="The conditional GAN, trained on the sounds of the training split.",
)
def voice_model(context: dg.AssetExecutionContext, config: Training, workplace: dg.ResourceParam[Workplace]) -> Result:
    """Train the model, unless the one that is there was made from the same voices, settings and code."""
    from deepdx_core.gan.checkpoints import run_fingerprint
    from deepdx_core.gan.model import save_model
    from deepdx_core.gan.training import CHECKPOINT, TrainingProgress, train
    from deepdx_core.labels.taxonomy import find_taxonomy

    labels = find_taxonomy(workplace.home.taxonomy).labels
    settings = GanConfig(steps=config.steps, seed=config.seed)
    parameters, label_ids = _training_voices(workplace, labels)
    fingerprint = run_fingerprint(parameters, label_ids, labels, settings)
    folder = workplace.home.models / "gan"
    report = workplace.reporter(context)

    def progress(at: TrainingProgress) -> None:
        losses = f"losses: discriminator {at.discriminator_loss:5.2f}, generator {at.generator_loss:5.2f}"
        report(f"training, {losses}", at.step, at.steps)

    with workplace.alone("voice_model"):
        kept = _present_fingerprint(folder) == fingerprint
        if not kept:
            result = train(parameters, label_ids, labels, settings, folder, progress)
            history = pl.DataFrame(result.history, schema=["discriminator", "generator"]).with_row_index("step", 1)
            _write_losses(folder, history)
            save_model(folder, result.model)
            (folder / CHECKPOINT).unlink(missing_ok=True)
    losses = pl.read_parquet(folder / "losses.parquet")
    return Result(
        data_version=dg.DataVersion(fingerprint),
        metadata={
            "voices": len(parameters),
            "steps": settings.steps,
            "trained": "kept: voices, settings and code are the same" if kept else "anew",
            "losses": curves(losses, "step", "Losses while training"),
            "path": dg.MetadataValue.path(folder),
        },
    )


def _training_voices(workplace: Workplace, labels: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Parameters `uint8[n, 145]` and label ids `int64[n]` of the training split, in the order of sound ids."""
    from deepdx_core.voice.parameters import PARAMETER_NAMES

    tables = workplace.tables
    training = tables.read("training_splits").filter(pl.col("split") == "train").select("sound_id")
    labeled = training.join(tables.read("labeled_voices", ["sound_id", "label"]), on="sound_id")
    voices = labeled.join(tables.read("unique_voices", ["sound_id", *PARAMETER_NAMES]), on="sound_id").sort("sound_id")
    if voices.is_empty():
        raise dg.Failure("there are no valid voices to train on: add banks with `deepdx add`", allow_retries=False)
    ids = voices["label"].replace_strict({label: i for i, label in enumerate(labels)}, return_dtype=pl.Int64)
    return voices.select(PARAMETER_NAMES).to_numpy(writable=True), ids.to_numpy(writable=True)


def _present_fingerprint(folder: Path) -> str:
    """What the stored model was trained on, "" if there is none that can be used."""
    from deepdx_core.gan.model import ModelError, load_model

    try:
        return load_model(folder).summary.fingerprint
    except ModelError:
        return ""


def _write_losses(folder: Path, history: pl.DataFrame) -> None:
    from deepdx_core.tables.storage import written_whole

    with written_whole(folder / "losses.parquet") as temporary:
        history.write_parquet(temporary)


class Protocol(dg.Config):
    """How the evaluation is run."""

    seed: int = 0
    render: bool = True


@table_asset(
    GROUP,
    "model_evaluation",
    *("unique_voices", "audio_features", "families", "labeled_voices", "training_splits", "voice_model"),
)
def model_evaluation(
    context: dg.AssetExecutionContext, config: Protocol, workplace: dg.ResourceParam[Workplace]
) -> Result:
    """Judge the model beside the real voices and the baselines, on families that it has never seen."""
    from deepdx_core.evaluation.adversarial import FittedGan
    from deepdx_core.evaluation.generators import Taught
    from deepdx_core.evaluation.protocol import BASELINES, evaluate
    from deepdx_core.evaluation.voices import splits_of
    from deepdx_core.gan.model import load_model

    tables = workplace.tables
    model = load_model(workplace.home.models / "gan")
    with workplace.alone("model_evaluation"):
        splits = splits_of(
            tables.read("unique_voices"),
            tables.read("families"),
            tables.read("labeled_voices"),
            tables.read("training_splits"),
            model.labels,
        )
        methods = {**BASELINES, "GAN": Taught(FittedGan(model, model.labels))}
        audio = tables.read_or_empty("audio_features") if config.render else None
        rows = evaluate(methods, splits, seed=config.seed, audio=audio, report=workplace.reporter(context))
        version = tables.write("model_evaluation", rows)
    shown = rows.select(pl.exclude("^.*_error$", "judged_on", "seed").cast(pl.String)).transpose(
        include_header=True, header_name="measure", column_names="generator"
    )
    return materialized("model_evaluation", rows, version, measures=markdown_table(shown.fill_null("")))


class Wish(dg.Config):
    """What the banks are made from, beside the model."""

    seed: int = 0


@dg.asset(
    group_name=GROUP,
    deps=["voice_model"],
    description="A bank of 32 new voices for each label, as a DX7 loads it.",
)
def generated_banks(config: Wish, workplace: dg.ResourceParam[Workplace]) -> Result:
    """Have the model write a bank for each label."""
    from deepdx_core.codec.names import names_to_text
    from deepdx_core.codec.packing import unpack_vmem
    from deepdx_core.codec.reader import read
    from deepdx_core.gan.banks import generate_banks
    from deepdx_core.gan.encoding import encode
    from deepdx_core.gan.model import load_model
    from deepdx_core.tables.storage import written_whole
    from deepdx_core.voice.parameters import INDEX

    model = load_model(workplace.home.models / "gan")
    names: dict[str, list[str]] = {}
    images: dict[str, np.ndarray] = {}
    with workplace.alone("generated_banks"):
        for label in model.labels:
            (bank,) = generate_banks(model, 32, config.seed, label)
            with written_whole(workplace.home.banks / f"{label.lower()}.syx") as temporary:
                temporary.write_bytes(bank)
            packed = np.frombuffer(read(bank).segments[0].payload, np.uint8).reshape(32, 128)
            parameters, raw_names = unpack_vmem(packed)
            algorithms = parameters[:, INDEX["algorithm"]] + 1
            texts = names_to_text(raw_names)
            names[label] = [f"{name} ({number})" for name, number in zip(texts, algorithms, strict=True)]
            images[label] = encode(parameters)[:8]
    return Result(
        metadata={
            "banks": len(names),
            "path": dg.MetadataValue.path(workplace.home.banks),
            "voices (with their algorithms)": markdown_table(pl.DataFrame(names)),
            "preview": image_grid(images, "Eight voices of each bank as the images the networks see"),
        },
    )
