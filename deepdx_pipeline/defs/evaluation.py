"""Evaluation: the champion beside real voices, baselines and the GAN, on families that are in no training split."""

import dagster as dg
import polars as pl
from pydantic import Field

from deepdx_core.gan.config import GanConfig
from deepdx_core.versions import MODEL_VERSION
from deepdx_pipeline.defs.generator import model_files, read_splits
from deepdx_pipeline.progress import progress_of
from deepdx_pipeline.resources import HomeResource
from deepdx_pipeline.tables import Result, markdown_table, materialized, table_asset

GROUP = "evaluation"
FILTERED_MUTATION = "10 % mutation, critic and filters"


class EvaluationConfig(dg.Config):
    """Configuration of `model_evaluation`."""

    seed: int = Field(default=0, ge=0, description="Seed of fitting, sampling and the protocol.")
    render: bool = Field(default=True, description="Render voices, for the metrics that need audio.")
    gan_steps: int = Field(default=GanConfig().steps, ge=1, description="Number of training steps of the GAN baseline.")


@table_asset(
    "model_evaluation",
    group=GROUP,
    deps=["models", "training_set", "labeled_voices", "audio_features", "rules", "taxonomy"],
    code_version=str(MODEL_VERSION),
    reads=model_files,
)
def model_evaluation(context: dg.AssetExecutionContext, config: EvaluationConfig, home: HomeResource) -> Result:
    """Run the protocol on the champion, the baselines and the GAN."""
    from deepdx_core.evaluation.baselines.gan import Gan
    from deepdx_core.evaluation.generators import Pretrained
    from deepdx_core.evaluation.protocol import BASELINES, MUTATION, evaluate
    from deepdx_core.generation.method import Filtered, fitted_model
    from deepdx_core.generation.model import load_model
    from deepdx_core.generation.registry import champion_folder
    from deepdx_core.quality.rules import load_rules

    report = progress_of(context)
    splits = read_splits(home, named=True)
    champion = load_model(champion_folder(home.paths))
    rules = load_rules(home.paths.rules)
    methods = {
        **BASELINES,
        "GAN of the blog": Gan(splits.labels, GanConfig(steps=config.gan_steps), report),
        FILTERED_MUTATION: Filtered(splits.labels, BASELINES[MUTATION], rules, config.render, report),
        f"{champion.kind} and critic": Pretrained(fitted_model(champion, rules, config.render, report)),
    }
    audio = home.tables.read_or_empty("audio_features") if config.render else None
    rows = evaluate(methods, splits, seed=config.seed, audio=audio, report=report)
    version = home.tables.write("model_evaluation", rows)
    shown = rows.select(pl.exclude("^.*_error$", "judged_on", "seed").cast(pl.String)).transpose(
        include_header=True, header_name="measure", column_names="generator"
    )
    return materialized(home, "model_evaluation", rows, version, measures=markdown_table(shown.fill_null("")))
