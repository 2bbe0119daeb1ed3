"""The picture of a run: perplexity and ISS sizes over time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import LogFormatter

from training.errors import RunError, reason
from training.files import write_whole

__all__ = ["plot_run", "write_figure"]

Row = Mapping[str, Any]


def plot_run(path: Path, title: str, rows: Sequence[Row]) -> None:
    """Write perplexity (above) and units left in each layer (below) over epochs, as PNG.

    Args:
        path: Of the picture.
        title: Above it.
        rows: Lines of the run's log.

    Raises:
        RunError: If it cannot be written.
    """
    figure = Figure(figsize=(8, 7), layout="constrained")
    upper, lower = figure.subplots(2, 1, sharex=True)
    training = [row for row in rows if "gradient_norm" in row]
    validation = [row for row in rows if "valid_perplexity" in row]
    for series, name, style in (
        (training, "train_perplexity", "-"),
        (validation, "valid_perplexity", "o-"),
    ):
        label = "training, since the point before" if style == "-" else "validation"
        points = [(row["epoch"], row[name]) for row in series]
        upper.plot(*_columns(points), style, label=label, markersize=4)
    upper.set(ylabel="perplexity", yscale="log", title=title)
    for axis_formatter in (upper.yaxis.set_major_formatter, upper.yaxis.set_minor_formatter):
        axis_formatter(LogFormatter(labelOnlyBase=False, minor_thresholds=(2, 1)))
    lowest = min((row["valid_perplexity"] for row in validation), default=None)
    if lowest is not None:
        upper.axhline(lowest, color="gray", linewidth=0.8, linestyle=":")
        upper.annotate(
            f"best validation {lowest:.2f}",
            (0.99, lowest),
            xycoords=("axes fraction", "data"),
            ha="right",
            va="bottom",
        )
    for name in sorted({name for row in rows for name in row if name.startswith("size_")}):
        points = [(row["epoch"], row[name]) for row in rows]
        lower.step(*_columns(points), where="post", label=f"layer {name.removeprefix('size_')}")
    lower.set(ylabel="hidden units left (ISS size)", xlabel="epochs", ylim=(0, None))
    for axes in (upper, lower):
        axes.grid(alpha=0.3, which="both")
        axes.legend()
    write_figure(path, figure)


def write_figure(path: Path, figure: Figure) -> None:
    """Write a figure as PNG, whole or not at all.

    Raises:
        RunError: If it cannot be written.
    """
    FigureCanvasAgg(figure)
    try:
        write_whole(path, lambda file: figure.savefig(file, format="png", dpi=120))
    except OSError as error:
        raise RunError(f"cannot write {path}: {reason(error)}") from error


def _columns(points: Sequence[tuple[float, float]]) -> tuple[list[float], list[float]]:
    return [x for x, _ in points], [y for _, y in points]
