"""Jobs: named selections of assets."""

import dagster as dg

_SOURCES = dg.AssetSelection.groups("sources")
_GENERATOR = dg.AssetSelection.groups("generator")
_EVALUATION = dg.AssetSelection.groups("evaluation")
_MODELS_IN_DATABASE = dg.AssetSelection.assets("models_in_database")

everything = dg.define_asset_job(
    "everything",
    selection=dg.AssetSelection.all() - _EVALUATION,
    description="From the inbox to the database, a model and new banks.",
)
corpus = dg.define_asset_job(
    "corpus",
    selection=dg.AssetSelection.all() - _GENERATOR - _EVALUATION - _MODELS_IN_DATABASE,
    description="From the inbox to the training set and the database, without a model.",
)
evaluation = dg.define_asset_job(
    "evaluation",
    selection=_SOURCES | _EVALUATION | _MODELS_IN_DATABASE,
    description="Evaluate the champion beside real voices and baselines. Takes some minutes.",
)
