"""Intake: the files of the inbox, the dumps in them, and every voice slot."""

from collections.abc import Iterator

import dagster as dg

from deepdx_core.versions import CURATION_VERSION, READER_VERSION
from deepdx_pipeline.progress import progress_of
from deepdx_pipeline.resources import HomeResource
from deepdx_pipeline.tables import Result, markdown_table, materialized, table_asset, table_attributes

GROUP = "intake"


@dg.multi_asset(
    name="inbox_survey",
    specs=[
        dg.AssetSpec(
            table, deps=["inbox"], group_name=GROUP, code_version=str(READER_VERSION), **table_attributes(table)
        )
        for table in ("raw_files", "dumps")
    ],
)
def inbox_survey(context: dg.AssetExecutionContext, home: HomeResource) -> Iterator[Result]:
    """Read the new files of the inbox: a row for each path, and one for each stretch of bytes in each distinct file."""
    from deepdx_core.intake.survey import EMPTY_SURVEY, SURVEYED_BY, Survey, survey

    tables = home.tables
    same_code = all(tables.made_by(table) == SURVEYED_BY for table in ("raw_files", "dumps"))
    before = Survey(tables.read_or_empty("raw_files"), tables.read_or_empty("dumps")) if same_code else EMPTY_SURVEY
    home.paths.inbox.mkdir(parents=True, exist_ok=True)
    found = survey(home.paths.inbox, before, progress_of(context))
    dumps_version = tables.write("dumps", found.dumps, made_by=SURVEYED_BY)
    files_version = tables.write("raw_files", found.raw_files, made_by=SURVEYED_BY)
    reasons = found.raw_files.drop_nulls("reason")["reason"].value_counts(sort=True, name="files")
    kinds = found.dumps["what"].value_counts(sort=True, name="stretches")
    yield materialized(
        home, "raw_files", found.raw_files, files_version, without_voices=markdown_table(reasons.head(40))
    )
    yield materialized(home, "dumps", found.dumps, dumps_version, kinds=markdown_table(kinds.head(40)))


@table_asset("decoded_voices", group=GROUP, deps=["dumps"], code_version=str(CURATION_VERSION))
def decoded_voices(home: HomeResource) -> Result:
    """Unpack and check every slot of every dump."""
    from deepdx_core.decoding.dumps import decode_dumps

    voices = decode_dumps(home.tables.read("dumps"))
    version = home.tables.write("decoded_voices", voices)
    findings = voices.select("findings").explode("findings").drop_nulls().unnest("findings")
    worst = (
        findings.group_by("rule", "parameter").len("findings").sort("findings", "parameter", descending=[True, False])
    )
    return materialized(home, "decoded_voices", voices, version, findings=markdown_table(worst.head(20)))
