"""Dense, ISS and SET classifiers as bars: what each is good for, and what it costs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from training.plots import write_figure
from training.tables.classification import CSR, ClassifierRow
from training.tables.timings import Timings

__all__ = ["classifiers_figure", "draw_classifiers"]

_ENGINES = ("torch-fp32", CSR, "onnxruntime-fp32", "onnxruntime-int8")


def draw_classifiers(
    path: Path, title: str, rows: Sequence[ClassifierRow], timings: Timings
) -> None:
    """Write `classifiers_figure` as PNG.

    Raises:
        RunError: If it cannot be written.
    """
    write_figure(path, classifiers_figure(title, rows, timings))


def classifiers_figure(title: str, rows: Sequence[ClassifierRow], timings: Timings) -> Figure:
    """Accuracy, weights, and time on every engine at both batches.

    Args:
        title: Above it.
        rows: One a model.
        timings: Of these models' artifacts.
    """
    figure = Figure(figsize=(10, 7), layout="constrained")
    figure.suptitle(title)
    (accuracy, weights), below = figure.subplots(2, 2)
    names = _labels(rows)
    colours = [f"C{place}" for place in range(len(rows))]
    spreads = [row.spread or 0.0 for row in rows]
    bars = accuracy.bar(
        names, [row.accuracy for row in rows], yerr=spreads, color=colours, capsize=6
    )
    accuracy.bar_label(bars, fmt="%.2f", label_type="center", color="white")
    lowest = min(row.accuracy - spread for row, spread in zip(rows, spreads, strict=True))
    accuracy.set(ylabel="test accuracy, %", ylim=(max(0, lowest - 3), None))
    bars = weights.bar(names, [row.weights for row in rows], color=colours)
    weights.bar_label(bars, fmt="{:,.0f}")
    weights.set(ylabel="weights", yscale="log")
    for axes, batch in zip(below, (1, 16), strict=True):
        _draw_times(axes, rows, timings, batch)
    for axes in (accuracy, weights, *below):
        axes.grid(alpha=0.3, axis="y")
        axes.set_axisbelow(True)
    return figure


def _draw_times(axes: Axes, rows: Sequence[ClassifierRow], timings: Timings, batch: int) -> None:
    width = 0.8 / len(rows)
    for place, (row, label) in enumerate(zip(rows, _labels(rows), strict=True)):
        found = [timings.median(row.model, engine, batch) for engine in _ENGINES]
        timed = [(at, time) for at, time in enumerate(found) if time is not None]
        bars = axes.bar(
            [at + (place - (len(rows) - 1) / 2) * width for at, _ in timed],
            [time for _, time in timed],
            width,
            label=label,
        )
        axes.bar_label(bars, fmt="%.1f", fontsize=8)
    axes.set_xticks(range(len(_ENGINES)), [engine.replace("-", "\n", 1) for engine in _ENGINES])
    axes.set(ylabel="ms, 1 thread", title=f"{batch} x {timings.item}")
    axes.legend()


def _labels(rows: Sequence[ClassifierRow]) -> list[str]:
    """Variants where they tell the rows apart, or else names."""
    variants = [row.variant for row in rows]
    return variants if len(set(variants)) == len(rows) else [row.model for row in rows]
