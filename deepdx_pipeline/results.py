"""What an asset says of what it made: row counts, column schemas, tables and charts that a person reads in the UI."""

import base64
import io
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import dagster as dg
import polars as pl

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.figure import Figure

from deepdx_core.tables.schemas import TABLES, describe_columns

Result = dg.MaterializeResult[Any]


def column_schema(table: str) -> dg.TableSchema:
    """The columns of a table with their types and what they mean."""
    types = TABLES[table].create_empty().schema
    return dg.TableSchema(
        columns=[
            dg.TableColumn(name, str(types[name]), description=about) for name, about in describe_columns(table).items()
        ]
    )


def materialized(table: str, rows: pl.DataFrame, digest: str, **metadata: Any) -> Result:
    """What is said of every table: rows and columns, beside what is particular to it. `digest` is its data version."""
    return Result(
        asset_key=table,
        data_version=dg.DataVersion(digest),
        metadata={
            "dagster/row_count": len(rows),
            "dagster/column_schema": column_schema(table),
            **metadata,
        },
    )


def markdown_table(rows: pl.DataFrame) -> dg.MarkdownMetadataValue:
    """A table as Markdown. Names come from other people's files: what Markdown or HTML would act on is escaped."""
    lines = [_line(rows.columns), "|---" * rows.width + "|"]
    lines += [_line(row) for row in rows.iter_rows()]
    return dg.MetadataValue.md("\n".join(lines))


def _line(cells: Any) -> str:
    return "| " + " | ".join(_escape(cell) for cell in cells) + " |"


# Every character that Markdown or HTML would act on, as an entity.
_HARMLESS = {ord(mark): f"&#{ord(mark)};" for mark in "&<>\"'\\`*_[]|~#!"}


def _escape(cell: Any) -> str:
    text = f"{cell:,}" if isinstance(cell, int) else str(cell)
    return text.translate(_HARMLESS)


def bar_chart(counts: Mapping[str, int], title: str) -> dg.MarkdownMetadataValue:
    """Counts as horizontal bars, the first on top."""
    from matplotlib.figure import Figure  # a second or two, which definitions must not cost

    figure = Figure(figsize=(7, 0.6 + 0.3 * len(counts)), layout="constrained")
    axes = figure.subplots()
    bars = axes.barh(list(counts), list(counts.values()), color="#3d7ea6")
    axes.bar_label(bars, fmt="{:,.0f}", padding=3)
    axes.invert_yaxis()
    axes.set_title(title)
    axes.spines[["top", "right"]].set_visible(False)
    axes.margins(x=0.12)
    return picture(figure, title)


def picture(figure: "Figure", alternative: str) -> dg.MarkdownMetadataValue:
    """A figure as a picture within Markdown."""
    png = io.BytesIO()
    figure.savefig(png, format="png", dpi=90)
    encoded = base64.b64encode(png.getvalue()).decode()
    return dg.MetadataValue.md(f"![{alternative}](data:image/png;base64,{encoded})")


_ROWS_A_MEAN = 50


def curves(rows: pl.DataFrame, x: str, title: str) -> dg.MarkdownMetadataValue:
    """Every other column over column `x`: faintly as it is, and as a running mean; few rows as points, too."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 3.2), layout="constrained")
    axes = figure.subplots()
    for name in rows.columns:
        if name != x:
            (line,) = axes.plot(rows[x], rows[name], alpha=0.2, linewidth=0.7)
            mean = rows[name].rolling_mean(max(1, len(rows) // _ROWS_A_MEAN), center=True)
            marker = "o" if len(rows) < 2 * _ROWS_A_MEAN else ""  # a line through one point cannot be seen
            axes.plot(rows[x], mean, marker=marker, color=line.get_color(), label=name)
    axes.set_title(title)
    axes.set_xlabel(x)
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    return picture(figure, title)


def stacked_bars(rows: pl.DataFrame, bar: str, part: str, count: str, title: str) -> dg.MarkdownMetadataValue:
    """A horizontal bar for each value of `bar`, in the order of the rows, of a piece for each `part`."""
    if rows.is_empty():
        return dg.MetadataValue.md("nothing yet")
    from matplotlib import colormaps
    from matplotlib.figure import Figure

    bars, parts = (rows[column].unique(maintain_order=True).to_list() for column in (bar, part))
    counts = {(b, p): n for b, p, n in rows.select(bar, part, count).iter_rows()}
    figure = Figure(figsize=(9, 1.2 + 0.45 * len(bars)), layout="constrained")
    axes = figure.subplots()
    left = [0] * len(bars)
    for number, name in enumerate(parts):
        widths = [counts.get((b, name), 0) for b in bars]
        axes.barh(bars, widths, left=left, label=name, color=colormaps["tab10"](number % 10))
        left = [a + b for a, b in zip(left, widths, strict=True)]
    axes.invert_yaxis()
    axes.set_title(title)
    axes.legend(frameon=False, ncols=4, loc="upper center", bbox_to_anchor=(0.5, -0.1))
    axes.spines[["top", "right"]].set_visible(False)
    return picture(figure, title)


def heat_map(rows: pl.DataFrame, y: str, x: str, count: str, title: str) -> dg.MarkdownMetadataValue:
    """How often which values of two columns meet: darker for the larger share of a row."""
    if rows.is_empty():
        return dg.MetadataValue.md("nothing yet")
    from matplotlib.figure import Figure

    table = rows.sort(x).pivot(x, index=y, values=count).fill_null(0).sort(y)
    names = table[y].to_list()
    values = table.drop(y).to_numpy().astype(float)
    shares = values / values.sum(axis=1, keepdims=True).clip(1)
    figure = Figure(figsize=(2.5 + 0.3 * values.shape[1], 1.5 + 0.3 * len(names)), layout="constrained")
    axes = figure.subplots()
    axes.imshow(shares, cmap="Blues", vmin=0, aspect="auto")
    axes.set(yticks=range(len(names)), yticklabels=names, xticks=range(values.shape[1]))
    axes.set_xticklabels(table.drop(y).columns, rotation=90)
    axes.set(title=title, xlabel=x, ylabel=y)
    return picture(figure, title)


def image_grid(images: Mapping[str, "np.ndarray"], title: str) -> dg.MarkdownMetadataValue:
    """A row of small images, `float32[n, 16, 16]` within [-1, 1], for each name."""
    from matplotlib.figure import Figure

    columns = max(len(row) for row in images.values())
    figure = Figure(figsize=(0.9 * columns, 0.9 * len(images)), layout="constrained")
    grid = figure.subplots(len(images), columns, squeeze=False)
    for cells, (name, row) in zip(grid, images.items(), strict=True):
        cells[0].set_ylabel(name, rotation=0, ha="right", va="center")
        for cell, image in zip(cells, row, strict=False):
            cell.imshow(image, cmap="magma", vmin=-1, vmax=1)
        for cell in cells:
            cell.set(xticks=[], yticks=[])
    figure.suptitle(title)
    return picture(figure, title)
