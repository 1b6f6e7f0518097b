"""Sources: the user's files (inbox, rules, taxonomy, overrides) as assets.

Their materialization records a version and writes nothing. Every job begins with it, so that assets
downstream record the versions they read. External assets would not do: a run could record their versions only in the
steps that read them, after Dagster has noted the versions that these steps depend on.
"""

from collections.abc import Iterator, Mapping

import dagster as dg

from deepdx_pipeline.inputs import check_configuration_if_changed, source_versions
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
    versions = source_versions(home.paths)
    check_configuration_if_changed(home.paths, record=True)
    for source, version in versions.items():
        yield Result(asset_key=source, data_version=dg.DataVersion(version))


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
