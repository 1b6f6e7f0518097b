"""Database: corpus.duckdb, all tables in one file."""

from typing import Any

import dagster as dg

from deepdx_core.tables.generator import GENERATOR_TABLES
from deepdx_core.tables.schemas import TABLES
from deepdx_core.tables.stamps import Stamps, digest, source_digest
from deepdx_core.tables.storage import checksum
from deepdx_pipeline.inputs import Step
from deepdx_pipeline.plots import Plots, bar_chart, heat_map
from deepdx_pipeline.resources import HomeResource
from deepdx_pipeline.tables import (
    CACHE,
    OWNERS,
    Result,
    markdown_table,
    passed_unless_changed,
    plot_files,
    unless_unchanged,
)

GROUP = "database"


_CORPUS_TABLES = [table for table in TABLES if table not in GENERATOR_TABLES]
_CODE_VERSION = f"{source_digest('deepdx_core.database')} {source_digest('deepdx_core.tables')}"
_DATABASE = Step("database", list(TABLES), _CODE_VERSION)


def _update_database(home: HomeResource) -> str:
    """Build the database unless it has the present rows of all tables. Return its version: a digest of these."""
    from deepdx_core.database.build import build_database

    database, stamps = home.paths.database, Stamps(home.paths)
    version = _DATABASE.inputs(home.paths)
    if not stamps.is_current(_DATABASE.name, version):
        build_database(database, home.tables)
        stamps.record(_DATABASE.name, version, [database])
    return version


@dg.asset(
    group_name=GROUP,
    deps=_CORPUS_TABLES,
    kinds={"duckdb"},
    owners=OWNERS,
    tags=CACHE,
    description="corpus.duckdb: all tables, views over them and the funnel, in one self-contained file.",
)
@unless_unchanged(
    "corpus_database",
    deps=_CORPUS_TABLES,
    code_version=_CODE_VERSION,
    outputs=lambda home: [home.database],
)
def corpus_database(home: HomeResource) -> Result:
    """Build the database from the current tables."""
    from deepdx_core.database.build import RELATIONS
    from deepdx_core.database.funnel import funnel, funnel_by_source
    from deepdx_core.database.snapshot import Snapshot

    database = home.paths.database
    version = _update_database(home)
    with Snapshot(database) as corpus:
        rows = funnel(corpus)
        sources = funnel_by_source(corpus)
    return Result(
        data_version=dg.DataVersion(version),
        metadata={
            "tables_and_views": ", ".join(RELATIONS),
            "bytes": database.stat().st_size,
            "funnel": markdown_table(rows),
            "sources": markdown_table(sources.head(40)),
            "path": dg.MetadataValue.path(database),
        },
    )


_CHART_DEPS = ["corpus_database", "verdicts", "labeled_voices"]
_CHART_VERSION = f"{source_digest('deepdx_core.database')} {source_digest('deepdx_core.labels')}"


@dg.asset(
    group_name=GROUP,
    deps=_CHART_DEPS,
    code_version=_CHART_VERSION,
    kinds={"matplotlib"},
    owners=OWNERS,
    tags=CACHE,
    description="Charts of the corpus: the funnel, verdicts, categories and labels.",
)
@unless_unchanged(
    "corpus_charts",
    deps=_CHART_DEPS,
    code_version=_CHART_VERSION,
    outputs=lambda home: plot_files(home, "corpus_charts"),
)
def corpus_charts(home: HomeResource) -> Result:
    """Draw the charts. An asset of its own, because drawing takes longer than all that a new bank needs before."""
    from deepdx_core.database.funnel import funnel, kept_counts
    from deepdx_core.database.snapshot import Snapshot
    from deepdx_core.labels import report
    from deepdx_core.tables.curation import VERDICTS

    verdicts = dict(home.tables.read("verdicts", ["verdict"])["verdict"].value_counts().iter_rows())
    labeled = home.tables.read("labeled_voices")
    categories = dict(labeled["category"].value_counts(sort=True).iter_rows())
    with Snapshot(home.paths.database) as corpus:
        kept = kept_counts(funnel(corpus))
    charts = {
        "kept": bar_chart(kept, "From files to families"),
        "verdicts": bar_chart({verdict: verdicts.get(verdict, 0) for verdict in VERDICTS}, "Sounds by verdict"),
        "categories": bar_chart(categories, "Sounds by category"),
        "names_and_model": heat_map(
            report.confusion(labeled), "by_names", "by_model", "sounds", "Category by names and by the model"
        ),
        "algorithms": heat_map(
            report.by_algorithm(labeled), "label", "algorithm_label", "sounds", "Label by algorithm"
        ),
    }
    plots = Plots(home.paths.plots / "corpus_charts")
    metadata: dict[str, Any] = {}
    for name, chart in charts.items():
        metadata |= plots.metadata(name, chart)
    drawn = {path.name: checksum(path.read_bytes()) for path in plot_files(home.paths, "corpus_charts")}
    return Result(data_version=dg.DataVersion(digest(drawn)), metadata=metadata)


@dg.asset(
    group_name=GROUP,
    deps=["corpus_database", *GENERATOR_TABLES],
    kinds={"duckdb"},
    owners=OWNERS,
    tags=CACHE,
    description="corpus.duckdb, rebuilt with the tables about models.",
)
@unless_unchanged(
    "models_in_database", deps=list(TABLES), code_version=_CODE_VERSION, outputs=lambda home: [home.database]
)
def models_in_database(home: HomeResource) -> Result:
    """Rebuild the database. An asset of its own, because training and evaluation end long after the corpus is ready."""
    database = home.paths.database
    version = _update_database(home)
    return Result(
        data_version=dg.DataVersion(version),
        metadata={"bytes": database.stat().st_size, "path": dg.MetadataValue.path(database)},
    )


@dg.asset_check(
    asset="corpus_database",
    additional_deps=["dumps", "synth_messages"],
    description="The outcomes of each step of the funnel add up to the count passed on by the step before.",
)
@passed_unless_changed(
    "corpus_database", "funnel_adds_up", deps=["dumps", "synth_messages"], code_version=_CODE_VERSION
)
def funnel_adds_up(home: HomeResource) -> dg.AssetCheckResult:
    """Find steps of the funnel that lose or gain something."""
    from deepdx_core.database.funnel import funnel, gaps
    from deepdx_core.database.snapshot import Snapshot

    with Snapshot(home.paths.database) as corpus:
        found = gaps(funnel(corpus), corpus)
    return dg.AssetCheckResult(passed=not found, metadata={"gaps": "; ".join(found) or "none"})
