"""Database: corpus.duckdb, all tables in one file."""

import dagster as dg

from deepdx_core.tables.generator import GENERATOR_TABLES
from deepdx_core.tables.schemas import TABLES
from deepdx_pipeline.plots import Plots, bar_chart
from deepdx_pipeline.resources import HomeResource
from deepdx_pipeline.tables import CACHE, OWNERS, Result, markdown_table

GROUP = "database"


@dg.asset(
    group_name=GROUP,
    deps=[table for table in TABLES if table not in GENERATOR_TABLES],
    kinds={"duckdb"},
    owners=OWNERS,
    tags=CACHE,
    description="corpus.duckdb: all tables, views over them and the funnel, in one self-contained file.",
)
def corpus_database(home: HomeResource) -> Result:
    """Build the database from the current tables."""
    from deepdx_core.database.build import build_database
    from deepdx_core.database.funnel import funnel, funnel_by_source, kept_counts
    from deepdx_core.database.snapshot import Snapshot

    database = home.paths.database
    names = build_database(database, home.tables)
    with Snapshot(database) as corpus:
        rows = funnel(corpus)
        sources = funnel_by_source(corpus)
    plots = Plots(home.paths.plots / "corpus_database")
    return Result(
        metadata={
            "tables_and_views": ", ".join(names),
            "bytes": database.stat().st_size,
            **plots.metadata("kept", bar_chart(kept_counts(rows), "From files to families")),
            "funnel": markdown_table(rows),
            "sources": markdown_table(sources.head(40)),
            "path": dg.MetadataValue.path(database),
        }
    )


@dg.asset(
    group_name=GROUP,
    deps=["corpus_database", *GENERATOR_TABLES],
    kinds={"duckdb"},
    owners=OWNERS,
    tags=CACHE,
    description="corpus.duckdb, rebuilt with the tables about models.",
)
def models_in_database(home: HomeResource) -> Result:
    """Rebuild the database. An asset of its own, because training and evaluation end long after the corpus is ready."""
    from deepdx_core.database.build import build_database

    database = home.paths.database
    build_database(database, home.tables)
    return Result(metadata={"bytes": database.stat().st_size, "path": dg.MetadataValue.path(database)})


@dg.asset_check(
    asset="corpus_database",
    additional_deps=["dumps"],
    description="The outcomes of each step of the funnel add up to the count passed on by the step before.",
)
def funnel_adds_up(home: HomeResource) -> dg.AssetCheckResult:
    """Find steps of the funnel that lose or gain something."""
    from deepdx_core.database.funnel import funnel, gaps
    from deepdx_core.database.snapshot import Snapshot

    with Snapshot(home.paths.database) as corpus:
        found = gaps(funnel(corpus), corpus.read("dumps", ["voices"]))
    return dg.AssetCheckResult(passed=not found, metadata={"gaps": "; ".join(found) or "none"})
