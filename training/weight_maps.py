"""Pictures of learned sparsity: weight maps (paper Fig. 4 and 5) and group lengths (Fig. 6)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from pathlib import Path

import torch
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from torch import Tensor, nn
from torch.nn.functional import pad

from issrnn.groups import Group, Groups
from training.errors import RunError
from training.plots import write_figure

__all__ = [
    "down_sample",
    "group_lengths",
    "mapped_matrices",
    "plot_group_lengths",
    "plot_weight_maps",
]

_BLUE = ListedColormap(["white", "tab:blue"])


def plot_weight_maps(
    path: Path, title: str, model: nn.Module, groups: Groups, *, step: int = 10
) -> None:
    """Write one map a weight matrix, non-zero weights blue, and a strip of each layer's components.

    Args:
        path: Of the PNG.
        title: Above it.
        model: Its `mapped_matrices` are shown.
        groups: Of the model.
        step: Every ``step``-th row and column is drawn, as the paper does with 10.

    Raises:
        RunError: If it cannot be written.
    """
    matrices = mapped_matrices(model, groups)
    rows = len(matrices) + len(groups)
    heights = [3.0] * len(matrices) + [0.6] * len(groups)
    figure = Figure(figsize=(9, sum(heights) + 1.2), layout="constrained")
    axes = figure.subplots(rows, 1, height_ratios=heights, squeeze=False)[:, 0]
    for panel, (name, weight) in zip(axes, matrices.items(), strict=False):
        _draw_matrix(panel, name, weight, step)
    for panel, group in zip(axes[len(matrices) :], groups, strict=True):
        alive = group.norms() > 0
        panel.imshow(
            alive[None].numpy(), cmap=_BLUE, vmin=0, vmax=1, aspect="auto", interpolation="nearest"
        )
        panel.set(yticks=[], xlabel=f"ISS component of {group.owner}")
        panel.set_title(f"{int(alive.sum())} of {group.size} have non-zero weights", fontsize=9)
    figure.suptitle(f"{title}: non-zero weights (blue), 1 of {step} x {step} drawn")
    write_figure(path, figure)


def mapped_matrices(model: nn.Module, groups: Groups) -> dict[str, Tensor]:
    """The matrices of a model that ISS is about, by their names: recurrent and softmax layers.

    Word vectors are none, unless they are the softmax layer's weights as well.
    """
    in_groups = {part.parameter for group in groups for part in group.slices}
    return {
        name: weight.detach().cpu()
        for name, weight in model.named_parameters()
        if weight.dim() == 2 and (name in in_groups or not name.startswith("embedding"))
    }


def group_lengths(groups: Iterable[Group], dense_sizes: Mapping[str, int]) -> dict[str, Tensor]:
    """Length of every component's weight group, (dense size,), by the layer that owns it.

    Args:
        groups: Of a model.
        dense_sizes: Components each layer started with; removed ones have length 0.
    """
    return {
        group.owner: pad(group.norms(), (0, dense_sizes[group.owner] - group.size))
        for group in groups
    }


def plot_group_lengths(path: Path, models: Mapping[str, Mapping[str, Tensor]]) -> None:
    """Write histograms of the lengths of ISS weight groups, one panel a layer.

    Args:
        path: Of the PNG.
        models: `group_lengths` of each model by its name; layers that all have are drawn.

    Raises:
        RunError: If there is no such layer, or the file cannot be written.
    """
    first, *others = models.values()
    layers = [layer for layer in first if all(layer in lengths for lengths in others)]
    if not layers:
        raise RunError(f"{', '.join(models)} have no layer in common, whose lengths could be drawn")
    columns = 1 if len(layers) <= 3 else 2
    rows = math.ceil(len(layers) / columns)
    figure = Figure(figsize=(8 if columns == 1 else 13, 2.6 * rows + 0.6), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False).flatten()
    for panel in panels[len(layers) :]:
        panel.set_visible(False)
    for panel, layer in zip(panels, layers, strict=False):
        lengths = {name: by_layer[layer].numpy() for name, by_layer in models.items()}
        top = max(float(values.max()) for values in lengths.values()) or 1.0
        bins = torch.linspace(0, top, 51).tolist()
        for name, values in lengths.items():
            left = int((values > 0).sum())
            panel.hist(values, bins=bins, alpha=0.6, label=f"{name} ({left} components left)")
        panel.set(xlabel=f"length of the weight group, {layer}", ylabel="components")
        panel.legend()
    write_figure(path, figure)


def down_sample(weight: Tensor, step: int) -> Tensor:
    """Every ``step``-th row and column of where a matrix is not zero, 1.0 or 0.0."""
    return (weight[::step, ::step] != 0).float()


def _draw_matrix(panel: Axes, name: str, weight: Tensor, step: int) -> None:
    # Transposed as in the paper's Fig. 3: what is read runs down, what is made runs right.
    panel.imshow(
        down_sample(weight.t(), step).numpy(),
        cmap=_BLUE,
        vmin=0,
        vmax=1,
        aspect="auto",
        interpolation="nearest",
        extent=(0, weight.shape[0], weight.shape[1], 0),
    )
    share = float((weight != 0).float().mean())
    panel.set_title(f"{name}: {share:.1%} of {weight.numel():,} weights are not zero", fontsize=9)
    panel.set(xlabel="outputs", ylabel="inputs")
