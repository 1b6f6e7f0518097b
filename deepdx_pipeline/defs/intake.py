"""Intake: the files of the inbox, the dumps and messages in them, and every voice slot."""

from collections.abc import Iterator

import dagster as dg
from pydantic import Field

from deepdx_core.tables.storage import DamagedTableError
from deepdx_core.versions import CURATION_VERSION, READER_VERSION
from deepdx_pipeline.inputs import SURVEYED
from deepdx_pipeline.progress import progress_of
from deepdx_pipeline.resources import HomeResource
from deepdx_pipeline.tables import (
    Result,
    markdown_table,
    materialized,
    table_asset,
    table_attributes,
    unchanged_table,
)

GROUP = "intake"


class SurveyConfig(dg.Config):
    """Configuration of `inbox_survey`."""

    verify: bool = Field(False, description="Read every file, also those unchanged by size, time and inode.")


@dg.multi_asset(
    name="inbox_survey",
    specs=[
        dg.AssetSpec(
            table, deps=["inbox"], group_name=GROUP, code_version=str(READER_VERSION), **table_attributes(table)
        )
        for table in SURVEYED
    ],
)
def inbox_survey(context: dg.AssetExecutionContext, config: SurveyConfig, home: HomeResource) -> Iterator[Result]:
    """Read the new files of the inbox: a row for each path, stretch of bytes, and message of another Yamaha."""
    from deepdx_core.intake.inbox_index import InboxIndex
    from deepdx_core.intake.survey import EMPTY_SURVEY, SURVEYED_BY, Survey, survey

    tables = home.tables
    before = EMPTY_SURVEY
    if all(tables.made_by(table) == SURVEYED_BY for table in SURVEYED):
        index = InboxIndex() if config.verify else InboxIndex.read(home.paths.inbox_index)
        try:
            before = Survey(tables.read("raw_files"), tables.read("dumps"), tables.read("synth_messages"), index)
        except DamagedTableError as error:
            context.log.warning(str(error))
    home.paths.inbox.mkdir(parents=True, exist_ok=True)
    found = survey(home.paths.inbox, before, progress_of(context))
    same = (
        found.raw_files.equals(before.raw_files),
        found.dumps.equals(before.dumps),
        found.messages.equals(before.messages),
    )
    if before is not EMPTY_SURVEY and all(same):
        results = [unchanged_table(home, table) for table in SURVEYED]
    else:
        # Files last: a run that is killed before reads those again whose rows may be missing.
        messages_version = tables.write("synth_messages", found.messages, made_by=SURVEYED_BY)
        dumps_version = tables.write("dumps", found.dumps, made_by=SURVEYED_BY)
        files_version = tables.write("raw_files", found.raw_files, made_by=SURVEYED_BY)
        reasons = found.raw_files.drop_nulls("reason")["reason"].value_counts(sort=True, name="files")
        kinds = found.dumps["what"].value_counts(sort=True, name="stretches")
        of_synths = found.messages.group_by("synth", "what").len("messages").sort("messages", "what", descending=True)
        results = [
            materialized(
                home, "raw_files", found.raw_files, files_version, without_voices=markdown_table(reasons.head(40))
            ),
            materialized(home, "dumps", found.dumps, dumps_version, kinds=markdown_table(kinds.head(40))),
            materialized(
                home, "synth_messages", found.messages, messages_version, kinds=markdown_table(of_synths.head(40))
            ),
        ]
    if found.index != before.index:
        found.index.write(home.paths.inbox_index)
    yield from results


@table_asset("decoded_voices", group=GROUP, deps=["dumps"], code_version=f"{READER_VERSION}.{CURATION_VERSION}")
def decoded_voices(home: HomeResource) -> Result:
    """Unpack and check every slot of every new dump."""
    from deepdx_core.decoding.dumps import DECODED_BY, decode_dumps

    tables = home.tables
    known = tables.read_or_empty("decoded_voices") if tables.made_by("decoded_voices") == DECODED_BY else None
    voices = decode_dumps(tables.read("dumps"), known)
    version = tables.write("decoded_voices", voices, made_by=DECODED_BY)
    findings = voices.select("findings").explode("findings").drop_nulls().unnest("findings")
    worst = (
        findings.group_by("rule", "parameter").len("findings").sort("findings", "parameter", descending=[True, False])
    )
    return materialized(home, "decoded_voices", voices, version, findings=markdown_table(worst.head(20)))
