"""Jobs: named selections of assets, with the settings of `deepdx.toml` as their configuration."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import dagster as dg

from deepdx_core.settings import Settings

EVERYTHING, CORPUS, EVALUATION = "everything", "corpus", "evaluation"

_SOURCES = dg.AssetSelection.groups("sources")
_GENERATOR = dg.AssetSelection.groups("generator")
_EVALUATION = dg.AssetSelection.groups("evaluation")
_MODELS_IN_DATABASE = dg.AssetSelection.assets("models_in_database")


def build_jobs(settings: Settings) -> list[Any]:
    """Return all jobs."""
    return [
        dg.define_asset_job(
            EVERYTHING,
            selection=dg.AssetSelection.all() - _EVALUATION,
            config={"ops": op_configs(settings, EVERYTHING)},
            description="From the inbox to the database, a model and new banks.",
        ),
        dg.define_asset_job(
            CORPUS,
            selection=dg.AssetSelection.all() - _GENERATOR - _EVALUATION - _MODELS_IN_DATABASE,
            config={"ops": op_configs(settings, CORPUS)},
            description="From the inbox to the training set and the database, without a model.",
        ),
        dg.define_asset_job(
            EVALUATION,
            selection=_SOURCES | _EVALUATION | _MODELS_IN_DATABASE,
            description="Evaluate the champion beside real voices and baselines. Takes some minutes.",
        ),
    ]


def op_configs(
    settings: Settings, job: str, changes: Mapping[str, Mapping[str, Any]] = MappingProxyType({})
) -> dict[str, Any]:
    """Return the configuration of a job's assets by the settings, with changes: `ops` of a run's configuration."""
    corpus = {"audio_features": {"render": settings.run.audio}, "labeled_voices": {"folders": settings.run.folders}}
    generator = {"voice_model": settings.training.model_dump(), "generated_banks": settings.banks.model_dump()}
    of_job: dict[str, dict[str, Any]] = {EVERYTHING: corpus | generator, CORPUS: corpus, EVALUATION: {}}
    configs = of_job[job]
    for asset, values in changes.items():
        configs[asset] = {**configs.get(asset, {}), **values}
    return {asset: {"config": config} for asset, config in configs.items()}
