"""Plots of assets: a PNG file of each in the home folder, and a small preview in the metadata of the event."""

import base64
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg
import numpy as np
import polars as pl

from deepdx_core.files import written_whole

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from deepdx_core.arrays import Float32Array

_DPI, _PREVIEW_DPI = 110, 45
_PREVIEW_COLORS = 32  # keeps a preview at some kilobytes: every event stays in Dagster's storage for good


class Plots:
    """The plots of one asset, in their own folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def metadata(self, name: str, figure: "Figure | None") -> Mapping[str, dg.MetadataValue[Any]]:
        """Write a figure as `NAME.png` and return its metadata: a preview, and the path of the file.

        figure: None for a plot without data.
        """
        if figure is None:
            return {name: dg.MetadataValue.md("no data yet")}
        path = self._folder / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        drawn = io.BytesIO()
        figure.savefig(drawn, format="png", dpi=_DPI)
        with written_whole(path) as temporary:
            temporary.write_bytes(drawn.getvalue())
        return {name: _preview(drawn, name), f"{name}_file": dg.MetadataValue.path(path)}


def _preview(drawn: io.BytesIO, name: str) -> dg.MarkdownMetadataValue:
    from PIL import Image

    reduced, plot = io.BytesIO(), Image.open(drawn).convert("RGB")
    # Scaled rather than drawn again, which takes half a second.
    small = plot.resize([round(pixels * _PREVIEW_DPI / _DPI) for pixels in plot.size], Image.Resampling.LANCZOS)
    small.quantize(_PREVIEW_COLORS).save(reduced, format="png", optimize=True)
    encoded = base64.b64encode(reduced.getvalue()).decode()
    return dg.MetadataValue.md(f"![{name}](data:image/png;base64,{encoded})")


def bar_chart(counts: Mapping[str, int], title: str) -> "Figure":
    """Draw counts as horizontal bars, the first on top."""
    from matplotlib.figure import Figure  # takes a second or two, too long for loading the definitions

    figure = Figure(figsize=(7, 0.6 + 0.3 * len(counts)), layout="constrained")
    axes = figure.subplots()
    bars = axes.barh(list(counts), list(counts.values()), color="#3d7ea6")
    axes.bar_label(bars, fmt="{:,.0f}", padding=3)
    axes.invert_yaxis()
    axes.set_title(title)
    axes.spines[["top", "right"]].set_visible(False)
    axes.margins(x=0.12)
    return figure


_MEAN_WINDOWS = 50  # in the width of a plot


def curves(rows: pl.DataFrame, x: str, title: str) -> "Figure":
    """Draw every other column over column `x`, faintly, with its running mean. Few rows are drawn as points too."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 3.2), layout="constrained")
    axes = figure.subplots()
    for name in rows.columns:
        if name != x:
            (line,) = axes.plot(rows[x], rows[name], alpha=0.2, linewidth=0.7)
            mean = rows[name].rolling_mean(max(1, len(rows) // _MEAN_WINDOWS), center=True)
            marker = "o" if len(rows) < 2 * _MEAN_WINDOWS else ""  # a line through one point cannot be seen
            axes.plot(rows[x], mean, marker=marker, markersize=10, color=line.get_color(), label=name)
    axes.set_title(title)
    axes.set_xlabel(x)
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def heat_map(rows: pl.DataFrame, y: str, x: str, count: str, title: str) -> "Figure | None":
    """Draw the counts of pairs of values of two columns, darker for a larger share of the row; None without rows."""
    if rows.is_empty():
        return None
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
    return figure


_SHEET_COLUMNS = 4
_CELL = (1.0, 1.0)  # width and height of a voice, gaps included
_CURVE = (0.86, 0.55)


def bank_sheet(voices: Sequence[str], contours: "Float32Array", seconds: float, held: float, title: str) -> "Figure":
    """Draw each voice of a bank as a player knows it: slot, name and algorithm, over its loudness curve.

    voices: captions. contours: `float32[n, frames]` in dB below the loudest, from `contours.loudness_contours`.
    """
    from matplotlib.collections import LineCollection, PolyCollection
    from matplotlib.figure import Figure

    rows = -(-len(voices) // _SHEET_COLUMNS)
    figure = Figure(figsize=(2.4 * _SHEET_COLUMNS, 0.75 * rows + 0.9), layout="constrained")
    axes = figure.subplots()
    (width, height), (curve_width, curve_height) = _CELL, _CURVE
    x = np.linspace(0, curve_width, contours.shape[1])
    lines, areas, releases = [], [], []
    for number, (caption, contour) in enumerate(zip(voices, contours, strict=True)):
        left, bottom = number // rows * width, -(number % rows) * height  # slots run down, as on a list
        curve = np.column_stack([left + x, bottom + curve_height * (1 - contour / contours.min(initial=-1))])
        lines.append(curve)
        areas.append(np.concatenate([[[left, bottom]], curve, [[left + curve_width, bottom]]]))
        release = left + curve_width * held / seconds
        releases.append([[release, bottom], [release, bottom + curve_height]])
        axes.text(left, bottom + curve_height + 0.09, caption, fontsize=9, family="monospace", parse_math=False)
    axes.add_collection(PolyCollection(areas, facecolors="#cfe3ee", edgecolors="none"))
    axes.add_collection(LineCollection(lines, colors="#2c6d93", linewidths=1.1))
    axes.add_collection(LineCollection(releases, colors="#999999", linewidths=0.6, linestyles="dotted"))
    axes.set(xlim=(-0.05, _SHEET_COLUMNS * width), ylim=(-(rows - 1) * height - 0.1, height))
    axes.set_axis_off()
    axes.set_title(title, loc="left")
    return figure
