"""What comes from the user and is only read: the inbox, and opinions."""

import hashlib

import dagster as dg

from deepdx_pipeline.resources import Workplace

inbox = dg.AssetSpec(
    "inbox",
    group_name="corpus",
    description="The folder where banks arrive, as people have them. Its files are only read.",
)
opinions = dg.AssetSpec(
    "opinions",
    group_name="corpus",
    description="What you say yourself: rules.toml, taxonomy.toml, and your own verdicts.csv and labels.csv.",
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


def opinions_event(workplace: Workplace) -> dg.AssetMaterialization:
    """The state of the opinions, as `inbox_event` is that of the inbox."""
    return dg.AssetMaterialization(opinions.key, tags={"dagster/data_version": opinions_version(workplace)})


def opinions_version(workplace: Workplace) -> str:
    """A digest of the files that hold opinions."""
    digest = hashlib.sha256()
    for path in workplace.home.opinions:
        content = path.read_bytes() if path.is_file() else b""
        digest.update(f"{path.name}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()
