"""The picture of a run: loss, quality and ISS sizes over time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import LogFormatter

from training.files import write_whole

__all__ = ["LENGTH", "SIZE", "plot_run", "write_figure"]

SIZE = "size/"
"""Starts the name of a log column that holds the units left in a layer."""

LENGTH = "length/"
"""Starts the name of one that holds the median length of a layer's ISS weight groups."""

Row = Mapping[str, Any]


def plot_run(
    path: Path,
    title: str,
    rows: Sequence[Row],
    training: str,
    validation: Sequence[str],
    kept: Row,
) -> None:
    """Write training and validation figures, and below units left in each layer, as PNG.

    Under these stand the lengths of the layers' groups, where they were regularised. Perplexities
    share one logarithmic axis; other validation figures have an axis of their own.

    Args:
        path: Of the picture.
        title: Above it.
        rows: Lines of the run's log.
        training: Column of the training figure.
        validation: Columns of the validation figures.
        kept: Validation figures of the epoch whose weights are kept; they are marked.

    Raises:
        RunError: If it cannot be written.
    """
    panels = {SIZE: "hidden units left (ISS size)", LENGTH: "median length of the groups"}
    by_layer = {kind: _columns_of(rows, kind) for kind in panels}
    by_layer = {kind: names for kind, names in by_layer.items() if names}
    perplexities = training.endswith("perplexity")
    height = 3.5 * (1 + len(by_layer))  # inches; fixed margins take half the time of a found layout
    figure = Figure(figsize=(8, height))
    right_margin = 0.97 if perplexities else 0.9
    figure.subplots_adjust(0.1, 0.5 / height, right_margin, 1 - 0.35 / height, hspace=0.08)
    upper, *below = figure.subplots(1 + len(by_layer), 1, sharex=True, squeeze=False)[:, 0]
    right = upper if perplexities else upper.twinx()
    points = [(row["epoch"], row[training]) for row in rows if "gradient_norm" in row]
    label = f"{_words(training)}, since the point before"
    lines = [*upper.plot(*_columns(points), "-", label=label)]
    for number, name in enumerate(validation, start=1):
        points = [(row["epoch"], row[name]) for row in rows if name in row]
        label = f"{_words(name)} (of the weights kept: {kept[name]:.2f})"
        color = f"C{number}"
        lines += right.plot(*_columns(points), "o-", color=color, markersize=4, label=label)
        right.axhline(kept[name], color=color, linewidth=0.8, linestyle=":")
    upper.set(ylabel=_words(training), title=title)
    if perplexities:
        upper.set(yscale="log")
        for axis_formatter in (upper.yaxis.set_major_formatter, upper.yaxis.set_minor_formatter):
            axis_formatter(LogFormatter(labelOnlyBase=False, minor_thresholds=(2, 1)))
    else:
        right.set(ylabel=", ".join(_words(name) for name in validation))
    right.legend(handles=lines)  # of the axes on top, so that no line crosses it
    for axes, (kind, names) in zip(below, by_layer.items(), strict=True):
        for name in names:
            points = [(row["epoch"], row[name]) for row in rows if name in row]
            axes.step(*_columns(points), where="post", label=name.removeprefix(kind))
        axes.set(ylabel=panels[kind], ylim=(0, None))
        axes.legend()
    below[-1].set(xlabel="epochs")
    for axes in (upper, *below):
        axes.grid(alpha=0.3, which="both")
    write_figure(path, figure)


def write_figure(path: Path, figure: Figure) -> None:
    """Write a figure as PNG, whole or not at all.

    Raises:
        RunError: If it cannot be written.
    """
    FigureCanvasAgg(figure)
    write_whole(path, lambda file: figure.savefig(file, format="png", dpi=120))


def _columns_of(rows: Sequence[Row], kind: str) -> list[str]:
    return list(dict.fromkeys(name for row in rows for name in row if name.startswith(kind)))


def _columns(points: Sequence[tuple[float, float]]) -> tuple[list[float], list[float]]:
    return [x for x, _ in points], [y for _, y in points]


def _words(name: str) -> str:
    return name.replace("_", " ")
