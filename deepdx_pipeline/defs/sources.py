"""Sources: the user's files as external assets: the inbox, the rules, the taxonomy, the overrides.

An asset that reads a source records the version of the source as a materialization. An observation would not do:
Dagster takes the version of an external asset from its materializations.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path

import dagster as dg

from deepdx_core.home import Home

GROUP = "sources"
SOURCES = ("inbox", "rules", "taxonomy", "overrides")
_VERSION_TAG = "dagster/data_version"
_MAX_EVENTS = 50  # of a source; a run records a few, and runs may have failed since

inbox = dg.AssetSpec(
    "inbox", group_name=GROUP, kinds={"file"}, description="Folder where banks arrive, in any form. Read only."
)
rules = dg.AssetSpec("rules", group_name=GROUP, kinds={"toml"}, description="Your changes to the rules: rules.toml.")
taxonomy = dg.AssetSpec(
    "taxonomy", group_name=GROUP, kinds={"toml"}, description="Your categories, labels and words: taxonomy.toml."
)
overrides = dg.AssetSpec(
    "overrides", group_name=GROUP, kinds={"csv"}, description="Your own verdicts and labels: verdicts.csv, labels.csv."
)


def source_versions(home: Home) -> dict[str, str]:
    """Return a digest of each source, by asset name."""
    return {
        "inbox": inbox_version(home.inbox),
        "rules": _files_version(home.rules),
        "taxonomy": _files_version(home.taxonomy),
        "overrides": _files_version(home.verdicts, home.labels),
    }


def source_materializations(home: Home, *sources: str) -> list[dg.AssetMaterialization]:
    """Return the materializations that record the current versions of sources."""
    versions = source_versions(home)
    return [dg.AssetMaterialization(source, tags={_VERSION_TAG: versions[source]}) for source in sources]


def record_source_versions(context: dg.AssetExecutionContext, home: Home, *sources: str) -> None:
    """Record the versions of the sources that an asset is about to read."""
    for materialization in source_materializations(home, *sources):
        context.log_event(materialization)


def versions_of_run(instance: dg.DagsterInstance, run_id: str) -> Mapping[str, str] | None:
    """Return the version of each source when a run first read it, or None if it did not read all of them."""
    versions = {}
    for source in SOURCES:
        events = instance.fetch_materializations(dg.AssetKey(source), limit=_MAX_EVENTS).records
        of_run = [event.asset_materialization for event in events if event.run_id == run_id]
        if not of_run or (oldest := of_run[-1]) is None:
            return None
        versions[source] = (oldest.tags or {}).get(_VERSION_TAG, "")
    return versions


def inbox_version(folder: Path) -> str:
    """Return a digest of the path, size and modification time of every file in the inbox. Files are not opened."""
    from deepdx_core.intake.local_files import find_files

    digest = hashlib.sha256()
    for path in find_files(folder):
        try:
            status = path.lstat()
        except OSError:
            continue  # gone since it was listed
        row = f"{path.relative_to(folder)}\0{status.st_size}\0{status.st_mtime_ns}\0"
        digest.update(row.encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def _files_version(*paths: Path) -> str:
    digest = hashlib.sha256()
    for path in paths:
        content = ""
        try:
            if path.is_file():
                with path.open("rb") as file:
                    content = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            content = str(error)  # reported by the run, which cannot read the file either
        digest.update(f"{path.name}\0{content}\0".encode())
    return digest.hexdigest()
