"""Rows that a command found, printed for people or programs."""

import sys
from enum import StrEnum
from typing import TYPE_CHECKING

from deepdx_pipeline.cli.console import out

if TYPE_CHECKING:
    import polars as pl


class RowFormat(StrEnum):
    """Output format."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"


def print_rows(rows: "pl.DataFrame", format: RowFormat) -> None:
    """Print rows on standard output."""
    from deepdx_pipeline.cli.sql import format_table

    if format is RowFormat.JSON:
        sys.stdout.write(rows.write_json() + "\n")
    elif format is RowFormat.CSV:
        sys.stdout.write(rows.write_csv())
    else:
        out.file.writelines(format_table(rows, None))
