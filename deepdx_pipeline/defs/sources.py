"""Sources: the user's files (inbox, rules, taxonomy, overrides) as assets.

Their materialization records a version and writes nothing. Every job begins with it, so that assets
downstream record the versions they read. External assets would not do: a run could record their versions only in the
steps that read them, after Dagster has noted the versions that these steps depend on.
"""

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path

import dagster as dg

from deepdx_core.home import Home
from deepdx_pipeline.resources import HomeResource
from deepdx_pipeline.tables import OWNERS, Result

GROUP = "sources"
_VERSION_TAG = "dagster/data_version"
_MAX_EVENTS = 50  # of a source; runs may have failed since

_SPECS = [
    dg.AssetSpec(name, group_name=GROUP, kinds={kind}, owners=OWNERS, description=description)
    for name, kind, description in (
        ("inbox", "file", "Folder where banks arrive, in any form. Read only."),
        ("rules", "toml", "Your changes to the rules: rules.toml."),
        ("taxonomy", "toml", "Your categories, labels and words: taxonomy.toml."),
        ("overrides", "csv", "Your own verdicts and labels: verdicts.csv, labels.csv."),
    )
]
SOURCES = tuple(spec.key.to_user_string() for spec in _SPECS)


@dg.multi_asset(specs=_SPECS)
def sources(home: HomeResource) -> Iterator[Result]:
    """Check the user's files and record their versions. An invalid file stops the run before any work."""
    from deepdx_core.configuration import check_configuration

    versions = source_versions(home.paths)
    check_configuration(home.paths)
    for source, version in versions.items():
        yield Result(asset_key=source, data_version=dg.DataVersion(version))


def source_versions(home: Home) -> dict[str, str]:
    """Return a digest of each source, by asset name."""
    return {
        "inbox": inbox_version(home.inbox),
        "rules": _files_version(home.rules),
        "taxonomy": _files_version(home.taxonomy),
        "overrides": _files_version(home.verdicts, home.labels),
    }


def versions_of_run(instance: dg.DagsterInstance, run_id: str) -> Mapping[str, str] | None:
    """Return the version of each source that a run recorded, or None if it did not record all of them."""
    versions = {}
    for source in SOURCES:
        events = instance.fetch_materializations(dg.AssetKey(source), limit=_MAX_EVENTS).records
        recorded = next((event.asset_materialization for event in events if event.run_id == run_id), None)
        if recorded is None:
            return None
        versions[source] = (recorded.tags or {}).get(_VERSION_TAG, "")
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
