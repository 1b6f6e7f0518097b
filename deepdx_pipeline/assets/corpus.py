"""From the inbox to the splits, and the database over all of it. A table is one Parquet file, written whole."""

import hashlib
from collections.abc import Callable, Iterator

import dagster as dg

from deepdx_core.tables.schemas import describe
from deepdx_pipeline.resources import Workplace
from deepdx_pipeline.results import Result, bar_chart, markdown_table, materialized

GROUP = "corpus"


inbox = dg.AssetSpec(
    "inbox",
    group_name=GROUP,
    description="The folder where banks arrive, as people have them. Its files are only read.",
)


def inbox_event(workplace: Workplace) -> dg.AssetMaterialization:
    """The state of the inbox, for lineage and staleness.

    An observation would not do: Dagster takes the version of an external asset from materializations only.
    """
    return dg.AssetMaterialization(inbox.key, tags={"dagster/data_version": inbox_version(workplace)})


def inbox_version(workplace: Workplace) -> str:
    """A digest of every path in the inbox with its size and time, without reading a file.

    It changes when a file comes, goes, grows or is written anew.
    """
    from deepdx_core.intake.survey import inbox_files

    digest = hashlib.sha256()
    for path in inbox_files(workplace.home.inbox):
        try:
            status = path.lstat()
        except OSError:
            continue  # gone since it was listed
        digest.update(f"{path}\0{status.st_size}\0{status.st_mtime_ns}\0".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


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
    from deepdx_core.intake.survey import NOTHING_KNOWN, SURVEYED_BY, Survey, survey

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


def _table(name: str, *deps: str) -> Callable[[Callable[..., Result]], dg.AssetsDefinition]:
    return dg.asset(name=name, group_name=GROUP, deps=list(deps), description=describe(name), kinds={"parquet"})


@_table("decoded_voices", "dumps")
def decoded_voices(workplace: dg.ResourceParam[Workplace]) -> Result:
    """Unpack every slot of every dump, and judge it."""
    from deepdx_core.curation.decoding import decode_dumps

    with workplace.alone("decoded_voices"):
        voices = decode_dumps(workplace.tables.read("dumps"))
        version = workplace.tables.write("decoded_voices", voices)
    faults = voices.select("findings").explode("findings").drop_nulls().unnest("findings")
    worst = faults.group_by("rule", "parameter").len("findings").sort("findings", "parameter", descending=[True, False])
    return materialized("decoded_voices", voices, version, findings=markdown_table(worst.head(20)))


@_table("unique_voices", "decoded_voices")
def unique_voices(workplace: dg.ResourceParam[Workplace]) -> Result:
    """Make exact duplicates one sound that keeps all its names."""
    from deepdx_core.curation.uniqueness import unique_sounds

    with workplace.alone("unique_voices"):
        sounds = unique_sounds(workplace.tables.read("decoded_voices"))
        version = workplace.tables.write("unique_voices", sounds)
    commonest = sounds.sort("files", "sound_id", descending=[True, False]).select("name", "files", "slots").head(15)
    return materialized(
        "unique_voices", sounds, version, valid=int(sounds["valid"].sum()), commonest=markdown_table(commonest)
    )


@_table("labeled_voices", "unique_voices")
def labeled_voices(workplace: dg.ResourceParam[Workplace]) -> Result:
    """Say of every valid sound what kind it is."""
    from deepdx_core.labels.sounds import label_sounds
    from deepdx_core.labels.taxonomy import load_taxonomy

    taxonomy = load_taxonomy()
    with workplace.alone("labeled_voices"):
        columns = ["sound_id", "names", "name_counts", "algorithm", "valid"]
        sounds = workplace.tables.read("unique_voices", columns)
        labels = label_sounds(sounds.filter("valid").drop("valid"), taxonomy)
        version = workplace.tables.write("labeled_voices", labels)
    by_label = dict(labels["label"].value_counts().iter_rows())
    by_category = labels["category"].value_counts(sort=True)
    return materialized(
        "labeled_voices",
        labels,
        version,
        labels=bar_chart({label: by_label.get(label, 0) for label in taxonomy.labels}, "Sounds by label"),
        categories=bar_chart(dict(by_category.iter_rows()), "Sounds by category"),
    )


@_table("training_splits", "labeled_voices")
def training_splits(workplace: dg.ResourceParam[Workplace]) -> Result:
    """Part the sounds into those that models train on, are chosen on and are judged on."""
    from deepdx_core.curation.splits import assign_splits

    with workplace.alone("training_splits"):
        labels = workplace.tables.read("labeled_voices", ["sound_id", "label"])
        splits = assign_splits(labels["sound_id"])
        version = workplace.tables.write("training_splits", splits)
    shares = labels.join(splits, on="sound_id").pivot(
        "split", index="label", values="sound_id", aggregate_function="len"
    )
    return materialized("training_splits", splits, version, shares=markdown_table(shares.sort("label")))


@dg.asset(
    group_name=GROUP,
    deps=["raw_files", "dumps", "decoded_voices", "unique_voices", "labeled_voices", "training_splits"],
    kinds={"duckdb"},
    description="corpus.duckdb: a view with comments for each table, the views people ask for, and the ladder.",
)
def corpus_database(workplace: dg.ResourceParam[Workplace]) -> Result:
    """Rebuild the database of views."""
    from deepdx_core.corpus.database import build_database
    from deepdx_core.corpus.ladder import ladder

    home = workplace.home
    with workplace.alone("corpus_database"):
        views = build_database(home.database, workplace.tables)
    rows = ladder(home.database, workplace.tables)
    return Result(
        metadata={
            "views": ", ".join(views),
            "ladder": markdown_table(rows),
            "path": dg.MetadataValue.path(home.database),
        }
    )
