"""Code references of assets: file and line, or a link to the commit if the checkout has a remote on the web."""

import inspect
import subprocess
import warnings
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit, urlunsplit

import dagster as dg

_ROOT = Path(__file__).resolve().parents[1]

Assets = Sequence[Any]


def with_code_references(assets: Assets) -> Assets:
    """Return the assets with references to the code that computes them."""
    commit = _git("rev-parse", "HEAD")
    web = web_address(_git("remote", "get-url", "origin"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.BetaWarning)  # in beta; only links depend on it
        referenced = [_with_reference(asset) for asset in assets]
        if not commit or not web:
            return referenced
        mapping = dg.AnchorBasedFilePathMapping(local_file_anchor=_ROOT, file_anchor_path_in_repository="")
        platform: Literal["github", "gitlab"] = "gitlab" if "gitlab" in web else "github"
        return dg.link_code_references_to_git(referenced, web, commit, mapping, platform)


def _with_reference(asset: dg.AssetsDefinition) -> dg.AssetsDefinition:
    """Return an asset with a reference to its function.

    `dg.with_source_code_references` names the file of the outermost decorator, and the line of the function inside.
    """
    function = inspect.unwrap(asset.op.compute_fn.decorated_fn)  # type: ignore[union-attr]
    code = function.__code__
    reference = dg.LocalFileCodeReference(file_path=code.co_filename, line_number=code.co_firstlineno)
    metadata = {"dagster/code_references": dg.CodeReferencesMetadataValue(code_references=[reference])}
    return asset.map_asset_specs(lambda spec: spec.merge_attributes(metadata=metadata))


def web_address(remote: str) -> str:
    """Return the web address of a git remote, without credentials, or "" if the remote is not on the web."""
    if remote.startswith("git@") and ":" in remote:
        host, _, path = remote.removeprefix("git@").partition(":")
        remote = f"https://{host}/{path}"
    parts = urlsplit(remote)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return ""
    host = parts.hostname if parts.port is None else f"{parts.hostname}:{parts.port}"
    return urlunsplit((parts.scheme, host, parts.path.removesuffix(".git"), "", ""))


@cache  # a process makes the definitions more than once
def _git(*arguments: str) -> str:
    """Return the output of a git command in the checkout, or "" without git or for an installed package."""
    if not (_ROOT / ".git").exists():
        return ""
    try:
        command = ["git", "-C", str(_ROOT), *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=5).stdout.strip()  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        return ""
