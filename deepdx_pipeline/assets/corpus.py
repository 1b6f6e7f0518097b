"""From the inbox to the sounds in it, and the database over all tables. A table is one Parquet file, written whole."""

from collections.abc import Iterator

import dagster as dg

from deepdx_core.tables.schemas import describe
from deepdx_pipeline.assets.sources import inbox, inbox_event, opinions_event
from deepdx_pipeline.assets.tables import table_asset
from deepdx_pipeline.resources import Workplace
from deepdx_pipeline.results import Result, bar_chart, markdown_table, materialized

GROUP = "corpus"


@dg.multi_asset(
    name="survey_of_the_inbox",
    group_name=GROUP,
    specs=[
        dg.AssetSpec(table, deps=[inbox], description=describe(table), kinds={"parquet"})
        for table in ("raw_files", "dumps")
    ],
)
def survey_of_the_inbox(context: dg.AssetExecutionContext, workplace: dg.ResourceParam[Workplace]) -> Iterator[Result]:
    """Read what is new in the inbox: a row for each path, and each stretch of each distinct file accounted for."""
    from deepdx_core.corpus.configuration import check_configuration
    from deepdx_core.intake.survey import NOTHING_KNOWN, SURVEYED_BY, Survey, survey

    check_configuration(workplace.home)  # here, since a run begins here: what it would stumble over later
    tables = workplace.tables
    with workplace.alone("survey"):
        context.log_event(inbox_event(workplace))
        same_code = all(tables.made_by(table) == SURVEYED_BY for table in ("raw_files", "dumps"))
        known = Survey(tables.read("raw_files"), tables.read("dumps")) if same_code else NOTHING_KNOWN
        workplace.home.inbox.mkdir(parents=True, exist_ok=True)
        found = survey(workplace.home.inbox, known, workplace.reporter(context))
        dumps_version = tables.write("dumps", found.dumps, made_by=SURVEYED_BY)
        files_version = tables.write("raw_files", found.raw_files, made_by=SURVEYED_BY)
    reasons = found.raw_files.drop_nulls("reason")["reason"].value_counts(sort=True, name="files")
    kinds = found.dumps["what"].value_counts(sort=True, name="stretches")
    yield materialized("raw_files", found.raw_files, files_version, without_voices=markdown_table(reasons.head(40)))
    yield materialized("dumps", found.dumps, dumps_version, kinds=markdown_table(kinds.head(40)))


@table_asset(GROUP, "decoded_voices", "dumps")
def decoded_voices(workplace: dg.ResourceParam[Workplace]) -> Result:
    """Unpack every slot of every dump, and judge it."""
    from deepdx_core.curation.decoding import decode_dumps

    with workplace.alone("decoded_voices"):
        voices = decode_dumps(workplace.tables.read("dumps"))
        version = workplace.tables.write("decoded_voices", voices)
    faults = voices.select("findings").explode("findings").drop_nulls().unnest("findings")
    worst = faults.group_by("rule", "parameter").len("findings").sort("findings", "parameter", descending=[True, False])
    return materialized("decoded_voices", voices, version, findings=markdown_table(worst.head(20)))


@table_asset(GROUP, "unique_voices", "decoded_voices", "opinions")
def unique_voices(context: dg.AssetExecutionContext, workplace: dg.ResourceParam[Workplace]) -> Result:
    """Make exact duplicates one sound that keeps all its names, and put right what can be."""
    from deepdx_core.curation.rules import load_rules
    from deepdx_core.curation.uniqueness import unique_sounds

    context.log_event(opinions_event(workplace))
    rules = load_rules(workplace.home.rules)
    with workplace.alone("unique_voices"):
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
    description="corpus.duckdb: a view with comments for each table, the views people ask for, and the ladder.",
)
def corpus_database(workplace: dg.ResourceParam[Workplace]) -> Result:
    """Rebuild the database of views."""
    from deepdx_core.corpus.database import build_database
    from deepdx_core.corpus.ladder import going_on, ladder, ladder_by_source
    from deepdx_core.tables.generator import GENERATOR_TABLES
    from deepdx_core.tables.schemas import TABLES

    home = workplace.home
    with workplace.alone("corpus_database"):
        # Tables of the generator come later, if at all; what they will hold is seen through the same views.
        for table in GENERATOR_TABLES:
            if not workplace.tables.exists(table):
                workplace.tables.write(table, TABLES[table].create_empty())
        views = build_database(home.database, workplace.tables)
    rows = ladder(home.database, workplace.tables)
    return Result(
        metadata={
            "views": ", ".join(views),
            "rungs": bar_chart(going_on(rows), "From files to families"),
            "ladder": markdown_table(rows),
            "sources": markdown_table(ladder_by_source(home.database, workplace.tables).head(40)),
            "path": dg.MetadataValue.path(home.database),
        }
    )
