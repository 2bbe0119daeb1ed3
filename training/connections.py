"""The picture of sparse connectivity: how many weights each unit had at the start, and has now."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor, nn

from training.experiment import Experiment
from training.plots import write_figure
from training.session import make_evolution

__all__ = ["connections", "plot_connections"]

Masks = Mapping[str, Tensor]

_RANKS = 24
"""Groups of words of about one frequency that are drawn as one point."""


def connections(experiment: Experiment[Any], model: nn.Module) -> tuple[Masks, Masks]:
    """Where the weights of each sparse matrix were at the start of training, and are now.

    Args:
        experiment: Its config is of a sparse model, whose start its seed decides.
        model: The trained one; a weight of zero counts as none.

    Raises:
        ValueError: If the config is of a dense model.
    """
    start = experiment.plain_network(experiment.dense_architecture())
    evolution = make_evolution(experiment.config, start)
    if evolution is None:
        raise ValueError(f"{experiment.config.preset} trains no sparse model")
    before = evolution.masks
    return before, {name: model.get_parameter(name).detach() != 0 for name in before}


def plot_connections(path: Path, title: str, before: Masks, after: Masks) -> None:
    """Write histograms of the weights of each row and column of each matrix, as PNG.

    Rows make a unit (of each gate) or are a word, columns read one. Words are also drawn by their
    place in the vocabulary, the most frequent first.

    Args:
        path: Of the picture.
        title: Above it.
        before: Where weights were at the start, (R, C) bool, by the name of the matrix.
        after: The same now.

    Raises:
        RunError: If it cannot be written.
    """
    words = [name for name in before if name.endswith("embedding.weight")]
    figure = Figure(figsize=(11, 2.7 * (len(before) + len(words)) + 0.6), layout="constrained")
    panels = figure.subplots(len(before) + len(words), 2, squeeze=False)
    for row, name in zip(panels, before, strict=False):
        for panel, axis, what in zip(row, (1, 0), ("row", "column"), strict=True):
            counts = {"start": before[name].sum(axis), "now": after[name].sum(axis)}
            _draw_histogram(panel, counts)
            panel.set(xlabel=f"weights a {what} of {name}", ylabel=f"{what}s")
    for row, name in zip(panels[len(before) :], words, strict=True):
        _draw_by_rank(row[0], {"start": before[name].sum(1), "now": after[name].sum(1)})
        row[0].set(xlabel=f"row of {name} (words by frequency)", ylabel="weights, mean")
        row[1].set_visible(False)
    figure.suptitle(f"{title}: connections")
    write_figure(path, figure)


def _draw_histogram(panel: Axes, counts: Mapping[str, Tensor]) -> None:
    low = min(int(values.min()) for values in counts.values())
    high = max(int(values.max()) for values in counts.values())
    step = max(1, (high - low) // 40)
    bins = [edge - 0.5 for edge in range(low, high + step + 1, step)]
    for label, values in counts.items():
        mean, spread = float(values.double().mean()), float(values.double().std(correction=0))
        panel.hist(
            values.numpy(), bins=bins, alpha=0.6, label=f"{label} ({mean:.1f} +- {spread:.1f})"
        )
    panel.legend()


def _draw_by_rank(panel: Axes, counts: Mapping[str, Tensor]) -> None:
    size = min(len(values) for values in counts.values())
    edges = sorted({round(size ** (rank / _RANKS)) for rank in range(_RANKS + 1)})
    for label, values in counts.items():
        means = [float(values[first:last].double().mean()) for first, last in pairwise(edges)]
        panel.plot(edges[:-1], means, "o-", markersize=3, label=label)
    panel.set(xscale="log", ylim=(0, None))
    panel.legend()
