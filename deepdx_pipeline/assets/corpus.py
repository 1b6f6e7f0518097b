"""From the inbox to the sounds in it, and the database over all tables. A table is one Parquet file, written whole."""

from collections.abc import Iterator

import dagster as dg

from deepdx_pipeline.assets.sources import inbox, inbox_event, overrides_event
from deepdx_pipeline.assets.tables import description, table_asset
from deepdx_pipeline.resources import Workspace
from deepdx_pipeline.results import Result, bar_chart, markdown_table, materialized

GROUP = "corpus"


@dg.multi_asset(
    name="survey_of_the_inbox",
    group_name=GROUP,
    specs=[
        dg.AssetSpec(table, deps=[inbox], description=description(table), kinds={"parquet"})
        for table in ("raw_files", "dumps")
    ],
)
def survey_of_the_inbox(context: dg.AssetExecutionContext, workplace: dg.ResourceParam[Workspace]) -> Iterator[Result]:
    """Read what is new in the inbox: a row for each path, and each stretch of each distinct file accounted for."""
    from deepdx_core.configuration import check_configuration
    from deepdx_core.intake.survey import EMPTY_SURVEY, SURVEYED_BY, Survey, survey

    check_configuration(workplace.home)  # here, since a run begins here: what it would stumble over later
    tables = workplace.tables
    context.log_event(inbox_event(workplace))
    same_code = all(tables.made_by(table) == SURVEYED_BY for table in ("raw_files", "dumps"))
    before = Survey(tables.read_or_empty("raw_files"), tables.read_or_empty("dumps")) if same_code else EMPTY_SURVEY
    workplace.home.inbox.mkdir(parents=True, exist_ok=True)
    found = survey(workplace.home.inbox, before, workplace.reporter(context))
    dumps_version = tables.write("dumps", found.dumps, made_by=SURVEYED_BY)
    files_version = tables.write("raw_files", found.raw_files, made_by=SURVEYED_BY)
    reasons = found.raw_files.drop_nulls("reason")["reason"].value_counts(sort=True, name="files")
    kinds = found.dumps["what"].value_counts(sort=True, name="stretches")
    yield materialized("raw_files", found.raw_files, files_version, without_voices=markdown_table(reasons.head(40)))
    yield materialized("dumps", found.dumps, dumps_version, kinds=markdown_table(kinds.head(40)))


@table_asset(GROUP, "decoded_voices", "dumps")
def decoded_voices(workplace: dg.ResourceParam[Workspace]) -> Result:
    """Unpack every slot of every dump, and judge it."""
    from deepdx_core.decoding.dumps import decode_dumps

    voices = decode_dumps(workplace.tables.read("dumps"))
    version = workplace.tables.write("decoded_voices", voices)
    faults = voices.select("findings").explode("findings").drop_nulls().unnest("findings")
    worst = faults.group_by("rule", "parameter").len("findings").sort("findings", "parameter", descending=[True, False])
    return materialized("decoded_voices", voices, version, findings=markdown_table(worst.head(20)))


@table_asset(GROUP, "unique_voices", "decoded_voices", "overrides")
def unique_voices(context: dg.AssetExecutionContext, workplace: dg.ResourceParam[Workspace]) -> Result:
    """Make exact duplicates one sound that keeps all its names, and put right what can be."""
    from deepdx_core.dedup.exact import unique_sounds
    from deepdx_core.quality.rules import load_rules

    context.log_event(overrides_event(workplace))
    rules = load_rules(workplace.home.rules)
    sounds = unique_sounds(workplace.tables.read("decoded_voices"), rules.repair)
    version = workplace.tables.write("unique_voices", sounds)
    commonest = sounds.sort("files", "sound_id", descending=[True, False]).select("name", "files", "slots").head(15)
    repairs = sounds.drop_nulls("repair")["repair"].value_counts(sort=True, name="sounds")
    return materialized(
        "unique_voices",
        sounds,
        version,
        in_range=int(sounds["in_range"].sum()),
        repairs=markdown_table(repairs),
        commonest=markdown_table(commonest),
    )


@dg.asset(
    group_name="database",
    deps=["raw_files", "training_splits"],  # all other tables of the corpus come before the splits
    kinds={"duckdb"},
    description="corpus.duckdb: all tables, the views people ask for, and the funnel, in one file that needs no other.",
)
def corpus_database(workplace: dg.ResourceParam[Workspace]) -> Result:
    """Build the database anew from the tables as they are now."""
    from deepdx_core.database.build import build_database
    from deepdx_core.database.funnel import funnel, funnel_by_source, kept_counts
    from deepdx_core.database.snapshot import Snapshot

    database = workplace.home.database
    names = build_database(database, workplace.tables)
    with Snapshot(database) as corpus:
        rows = funnel(corpus)
        sources = funnel_by_source(corpus)
    return Result(
        metadata={
            "tables and views": ", ".join(names),
            "bytes": database.stat().st_size,
            "steps": bar_chart(kept_counts(rows), "From files to families"),
            "funnel": markdown_table(rows),
            "sources": markdown_table(sources.head(40)),
            "path": dg.MetadataValue.path(database),
        }
    )


@dg.asset(
    group_name="generator",
    deps=["corpus_database", "models", "realness", "model_evaluation"],
    kinds={"duckdb"},
    description="corpus.duckdb anew, with what is known of models by now.",
)
def models_in_database(workplace: dg.ResourceParam[Workspace]) -> Result:
    """Build the database anew, since models are judged long after the corpus is ready."""
    from deepdx_core.database.build import build_database

    database = workplace.home.database
    build_database(database, workplace.tables)
    return Result(metadata={"bytes": database.stat().st_size, "path": dg.MetadataValue.path(database)})
