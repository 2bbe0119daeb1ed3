"""Smaller recurrent modules: the same module with fewer units, or one that holds several sizes."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from issrnn.layout import Cell, Layout
from issrnn.recurrent import StackedRecurrent, WideCell

__all__ = ["Change", "module_changes", "new_layout"]

_CLASSES: dict[str, Any] = {"LSTM": nn.LSTM, "GRU": nn.GRU}


@dataclass(frozen=True, eq=False)
class Change:
    """``setattr(model.get_submodule(module), name, value)``; without a name, a new model."""

    module: str
    name: str
    value: Any


def new_layout(
    layout: Layout, kept: Sequence[Tensor], gone: Sequence[Tensor], *, keep_state: bool
) -> Layout:
    """The layout after removing units.

    Args:
        layout: Before.
        kept: For each cell, the units that stay.
        gone: For each cell, (units,) bool: whose places in the output go too.
        keep_state: Whether the state keeps its size.
    """
    cells = []
    for cell, units, mask in zip(layout.cells, kept, gone, strict=True):
        stays = torch.ones(cell.width, dtype=torch.bool)
        stays[cell.places[mask]] = False
        places = (stays.cumsum(0) - 1)[cell.places[units]]
        cells.append(
            replace(
                cell,
                size=len(units),
                width=int(stays.sum()),
                places=places,
                state_places=cell.state_places[units] if keep_state else places,
            )
        )
    directions = layout.directions
    layers = tuple(tuple(cells[i : i + directions]) for i in range(0, len(cells), directions))
    width = layout.state_width if keep_state else max(cell.width for cell in cells)
    return replace(layout, layers=layers, state_width=width)


def module_changes(
    model: nn.Module, path: str, layout: Layout, replaced: dict[int, nn.Parameter]
) -> list[Change]:
    """What makes the module at ``path`` fit its new weights and layout.

    Args:
        model: As it is; its weights are still the former ones.
        path: Where the module is.
        layout: As it shall be.
        replaced: New parameters by the id of the former.
    """
    module: Any = model.get_submodule(path)
    weights = {
        name: replaced.get(id(parameter), parameter)
        for cell in layout.cells
        for name in cell.weights.values()
        for parameter in [model.get_parameter(name)]
    }
    if all(weights[name] is model.get_parameter(name) for name in weights):
        return []
    first = layout.cells[0]
    if isinstance(module, nn.RNNBase | nn.RNNCellBase) and _is_plain(layout):
        inputs = weights[first.weights["weight_ih"]].shape[1]
        return [Change(path, "hidden_size", first.size), Change(path, "input_size", inputs)]
    smaller: nn.Module
    if layout.stepwise:
        cell = module.cell if isinstance(module, WideCell) else module
        smaller = WideCell(_resized(cell, first, weights), first.state_places, layout.state_width)
    else:
        smaller = _stacked(module, layout, weights)
    smaller.train(module.training)
    places = [
        name for name, other in model.named_modules(remove_duplicate=False) if other is module
    ]
    return [Change(*_split(place), smaller) for place in places]


def _is_plain(layout: Layout) -> bool:
    """Whether one ordinary torch module can hold it: one size, every unit in its place."""
    return all(
        cell.size == cell.width == layout.state_width
        and torch.equal(cell.state_places, torch.arange(cell.size))
        for cell in layout.cells
    )


def _split(path: str) -> tuple[str, str]:
    parent, _, name = path.rpartition(".")
    return parent, name


def _stacked(module: Any, layout: Layout, weights: dict[str, nn.Parameter]) -> StackedRecurrent:
    cells: list[Any] = []
    for number, cell in enumerate(layout.cells):
        if isinstance(module, StackedRecurrent):
            cells.append(_resized(module.cells[number], cell, weights))
        elif len(layout.cells) == 1:
            cells.append(_resized(module, cell, weights))
        else:
            cells.append(_new_cell(layout.mode, cell, weights))
    for made in cells:
        made.batch_first = False
    return StackedRecurrent(
        cells,
        directions=layout.directions,
        widths=[cell.width for cell in layout.cells],
        places=[cell.places for cell in layout.cells],
        state_width=layout.state_width,
        state_places=[cell.state_places for cell in layout.cells],
        batch_first=bool(module.batch_first),
        dropout=float(module.dropout),
    )


def _resized(module: Any, cell: Cell, weights: dict[str, nn.Parameter]) -> Any:
    """The same module, which may be of a subclass, with other weights."""
    shared: dict[int, Any] = {id(parameter): parameter for parameter in module.parameters()}
    smaller = copy.deepcopy(module, shared)
    return _with_weights(smaller, cell, weights)


def _new_cell(mode: str, cell: Cell, weights: dict[str, nn.Parameter]) -> Any:
    sizes = {"input_size": weights[cell.weights["weight_ih"]].shape[1], "hidden_size": cell.size}
    options: dict[str, Any] = {"bias": "bias_ih" in cell.weights, "device": "meta"}
    if mode.startswith("RNN"):
        options["nonlinearity"] = mode.removeprefix("RNN_").lower()
    return _with_weights(_CLASSES.get(mode, nn.RNN)(**sizes, **options), cell, weights)


def _with_weights(module: Any, cell: Cell, weights: dict[str, nn.Parameter]) -> Any:
    suffix = "" if isinstance(module, nn.RNNCellBase) else "_l0"
    for kind, name in cell.weights.items():
        setattr(module, f"{kind}{suffix}", weights[name])
    module.hidden_size = cell.size
    module.input_size = weights[cell.weights["weight_ih"]].shape[1]
    return module
