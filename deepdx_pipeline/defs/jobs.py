"""Jobs: named selections of assets, with the settings of `deepdx.toml` as their configuration."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import dagster as dg

from deepdx_core.settings import Settings
from deepdx_pipeline.defs.evaluation import EvaluationConfig
from deepdx_pipeline.defs.generator import BankConfig
from deepdx_pipeline.defs.orders import generate_bank

EVERYTHING, REFRESH_CORPUS, TRAIN, EVALUATE = "everything", "refresh_corpus", "train", "evaluate"

_SOURCES = dg.AssetSelection.groups("sources")
_GENERATOR = dg.AssetSelection.groups("generator")
_EVALUATION = dg.AssetSelection.groups("evaluation")
_MODELS_IN_DATABASE = dg.AssetSelection.assets("models_in_database")

_SELECTIONS = {
    EVERYTHING: (
        dg.AssetSelection.all() - _EVALUATION,
        "From the inbox to the database, a model and new banks.",
    ),
    REFRESH_CORPUS: (
        dg.AssetSelection.all() - _GENERATOR - _EVALUATION - _MODELS_IN_DATABASE,
        "From the inbox to the training set and the database, without a model.",
    ),
    TRAIN: (
        _SOURCES | _GENERATOR | _MODELS_IN_DATABASE,
        "Train a model on the corpus as it is, compare it with the champion, and generate new banks.",
    ),
    EVALUATE: (
        _SOURCES | _EVALUATION | _MODELS_IN_DATABASE,
        "Evaluate the champion beside real voices and baselines. Takes some minutes.",
    ),
}


def build_jobs(settings: Settings) -> list[Any]:
    """Return all jobs. Their configuration, which the launchpad shows, has every key with its value."""
    jobs = [
        dg.define_asset_job(
            name, selection=selection, config={"ops": op_configs(settings, name)}, description=description
        )
        for name, (selection, description) in _SELECTIONS.items()
    ]
    return [*jobs, generate_bank]


def op_configs(
    settings: Settings, job: str, changes: Mapping[str, Mapping[str, Any]] = MappingProxyType({})
) -> dict[str, Any]:
    """Return the configuration of a job's assets by the settings, with changes: `ops` of a run's configuration.

    changes: by asset; `gan` of `voice_model` may hold some of its keys.
    """
    corpus = {
        "audio_features": {"render": settings.run.audio},
        "labeled_voices": {"folders": settings.run.folders},
        "training_splits": {"converted": settings.run.converted},
    }
    generator = {
        "voice_model": {**settings.training.model_dump(), "gan": settings.gan.model_dump()},
        "generated_banks": {**BankConfig().model_dump(), **settings.banks.model_dump()},
    }
    of_job: dict[str, dict[str, Any]] = {
        EVERYTHING: corpus | generator,
        REFRESH_CORPUS: corpus,
        TRAIN: generator,
        EVALUATE: {"model_evaluation": EvaluationConfig().model_dump()},
    }
    configs = of_job[job]
    for asset, values in changes.items():
        before = configs.get(asset, {})
        nested = {key: {**before[key], **value} for key, value in values.items() if isinstance(value, Mapping)}
        configs[asset] = {**before, **values, **nested}
    return {asset: {"config": config} for asset, config in configs.items()}
