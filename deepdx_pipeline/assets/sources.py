"""What comes from the user and is only read: the inbox, and overrides."""

import hashlib

import dagster as dg

from deepdx_pipeline.resources import Workspace

inbox = dg.AssetSpec(
    "inbox",
    group_name="corpus",
    description="The folder where banks arrive, as people have them. Its files are only read.",
)
overrides = dg.AssetSpec(
    "overrides",
    group_name="corpus",
    description="What you say yourself: rules.toml, taxonomy.toml, and your own verdicts.csv and labels.csv.",
)

_VERSION_TAG = "dagster/data_version"
# A run has one event for the inbox and some for overrides; far enough back for the runs that failed since.
_EVENTS = 50


def inbox_event(workplace: Workspace) -> dg.AssetMaterialization:
    """The state of the inbox, for lineage and staleness.

    An observation would not do: Dagster takes the version of an external asset from materializations only.
    """
    return dg.AssetMaterialization(inbox.key, tags={_VERSION_TAG: inbox_version(workplace)})


def inbox_version(workplace: Workspace) -> str:
    """A digest of every path in the inbox with its size and time, without reading a file.

    It changes when a file comes, goes, grows or is written anew.
    """
    from deepdx_core.intake.local_files import find_files

    digest = hashlib.sha256()
    folder = workplace.home.inbox
    for path in find_files(folder):
        try:
            status = path.lstat()
        except OSError:
            continue  # gone since it was listed
        row = f"{path.relative_to(folder)}\0{status.st_size}\0{status.st_mtime_ns}\0"
        digest.update(row.encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def overrides_event(workplace: Workspace) -> dg.AssetMaterialization:
    """The state of the overrides, as `inbox_event` is that of the inbox."""
    return dg.AssetMaterialization(overrides.key, tags={_VERSION_TAG: overrides_version(workplace)})


def overrides_version(workplace: Workspace) -> str:
    """A digest of the files that hold overrides."""
    digest = hashlib.sha256()
    for path in workplace.home.overrides:
        content = ""
        try:
            if path.is_file():
                with path.open("rb") as file:
                    content = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            content = str(error)  # the run that cannot read it says so
        digest.update(f"{path.name}\0{content}\0".encode())
    return digest.hexdigest()


def versions_of_run(instance: dg.DagsterInstance, run_id: str) -> tuple[str, str] | None:
    """The versions of inbox and overrides that a run began with, or None if it did not read both."""
    versions = []
    for source in (inbox, overrides):
        events = instance.fetch_materializations(source.key, limit=_EVENTS).records
        of_run = [event.asset_materialization for event in events if event.run_id == run_id]
        if not of_run or (oldest := of_run[-1]) is None:
            return None
        versions.append((oldest.tags or {}).get(_VERSION_TAG, ""))
    return versions[0], versions[1]
