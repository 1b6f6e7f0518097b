"""The command that examines an installation and its home: doctor."""

import json
from dataclasses import asdict
from typing import Annotated

import typer

from deepdx_pipeline.cli.console import print_line

_STYLES = {"ok": "green", "warning": "yellow", "problem": "red"}


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON, for bug reports.")] = False,
) -> None:
    """Examine the installation and the home folder, and say what to do about each trouble.

    Changes nothing. The exit code is 1 if there is a problem. Findings contain paths and names of files, but no voices.
    """
    from deepdx_pipeline.doctor import examine

    findings = []
    for finding in examine():
        findings.append(finding)
        if not as_json:
            remedy = f" -> {finding.remedy}" if finding.remedy else ""
            style = _STYLES[finding.status] if finding.status != "ok" else ""
            print_line(f"{finding.status:<8} {finding.check:<16} {finding.found}{remedy}", style)
    if as_json:
        print(json.dumps([asdict(finding) for finding in findings], indent=1))
    if any(finding.status == "problem" for finding in findings):
        raise typer.Exit(1)
