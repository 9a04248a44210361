"""The chart for the README: medians side by side."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from pathlib import Path

from scripts.benchmarks.rows import LIBRARY, Row


def draw(rows: Sequence[Row], path: Path) -> None:
    """Draw those rows in which somebody else was measured, too.

    Args:
        rows: All rows.
        path: The file to write, whose ending says its format.
    """
    matplotlib = importlib.import_module("matplotlib")
    matplotlib.use("agg")
    matplotlib.rcParams["svg.hashsalt"] = "simplex_sync"  # the same picture of the same numbers
    pyplot = importlib.import_module("matplotlib.pyplot")
    shown = [row for row in rows if LIBRARY in row.values and len(row.values) > 1]
    figure, axes = pyplot.subplots(
        len(shown), 1, figsize=(8, 0.5 * sum(len(row.values) + 2 for row in shown)), squeeze=False, layout="constrained"
    )
    for axis, row in zip(axes[:, 0], shown, strict=True):
        names = list(row.values)[::-1]
        colours = ["#2b6cb0" if name == LIBRARY else "#a0aec0" for name in names]
        bars = axis.barh(names, [row.values[name] for name in names], color=colours)
        axis.bar_label(bars, fmt=lambda value: f" {value:,.0f}" if value >= 100 else f" {value:.3g}")
        axis.set_title(f"{row.what.replace('`', '')} ({row.unit})", loc="left", fontsize=10)
        axis.margins(x=0.15)
        axis.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)
