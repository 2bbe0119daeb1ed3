"""Which parameter of a recurrent module belongs to which layer and direction."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from issrnn.recurrent import StackedRecurrent, WideCell, cell_names

__all__ = ["TORCH_CLASSES", "Cell", "Layout", "convert_state", "is_recurrent", "layout_of"]

_GATES = {"LSTM": 4, "GRU": 3, "RNN_TANH": 1, "RNN_RELU": 1}
_WEIGHTS = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
TORCH_CLASSES = (nn.LSTM, nn.GRU, nn.RNN, nn.LSTMCell, nn.GRUCell, nn.RNNCell)
"""Whose structure is known; also that of their subclasses."""


@dataclass(frozen=True, eq=False)
class Cell:
    """One layer in one direction."""

    name: str
    """``l0``, ``l0_reverse``, ...; empty if it is all of its module."""
    weights: dict[str, str]
    """Parameter name in the model, by ``weight_ih``, ``weight_hh``, ``bias_ih``, ``bias_hh``."""
    size: int
    """Hidden units."""
    width: int
    """Places it takes in the module's output; more than ``size`` if some are always zero."""
    places: Tensor
    """(size,) int64: where in ``range(width)`` each unit stands."""
    state_places: Tensor
    """(size,) int64: where in the last axis of the state each unit stands."""


@dataclass(frozen=True, eq=False)
class Layout:
    """Which parameter is which in a recurrent module, and where its units come out."""

    module: str
    """Path of the module in the model."""
    mode: str
    """``LSTM``, ``GRU``, ``RNN_TANH`` or ``RNN_RELU``."""
    layers: tuple[tuple[Cell, ...], ...]
    """Cells by layer and direction."""
    state_width: int
    """Size of the last axis of the state."""
    stepwise: bool = False
    """A torch cell, called step by step: its state is (B, S) or (S,), without rows."""

    @property
    def cells(self) -> tuple[Cell, ...]:
        """All cells, in the order of torch's state: layer by layer, forward before reverse."""
        return tuple(cell for layer in self.layers for cell in layer)

    @property
    def directions(self) -> int:
        """1 or 2."""
        return len(self.layers[0])

    @property
    def gates(self) -> int:
        """Blocks of rows in the weights."""
        return _GATES[self.mode]

    def owner(self, cell: Cell) -> str:
        """Name of a cell in reports."""
        return ".".join(part for part in (self.module, cell.name) if part) or "(model)"

    def internal_axes(self) -> set[tuple[str, int]]:
        """(parameter, axis) of all weights no one outside the module sees the size of."""
        axes: set[tuple[str, int]] = set()
        for depth, layer in enumerate(self.layers):
            for cell in layer:
                axes |= {(name, 0) for name in cell.weights.values()}
                axes.add((cell.weights["weight_hh"], 1))
                if depth:
                    axes.add((cell.weights["weight_ih"], 1))
        return axes


def is_recurrent(module: nn.Module) -> bool:
    """Whether `layout_of` knows this kind of module."""
    return isinstance(module, nn.RNNBase | nn.RNNCellBase | StackedRecurrent | WideCell)


def layout_of(module: nn.Module, path: str) -> Layout:
    """Describe a recurrent module.

    Args:
        module: ``nn.LSTM``, ``nn.GRU``, ``nn.RNN``, one of their cells, or a `StackedRecurrent`.
        path: Its name in the model.

    Raises:
        ValueError: If its units cannot be told apart by structure; the message says why.
    """
    if isinstance(module, StackedRecurrent):
        return _stacked_layout(module, path)
    if isinstance(module, WideCell):
        inner = layout_of(module.cell, f"{path}.cell".lstrip("."))
        places = module.get_buffer("places").cpu()
        cell = replace(inner.cells[0], width=module.hidden_size, places=places, state_places=places)
        return replace(inner, module=path, layers=((cell,),), state_width=module.hidden_size)
    if not isinstance(module, nn.RNNBase | nn.RNNCellBase):
        raise TypeError(f"{path} is no recurrent module but a {type(module).__name__}")
    if not isinstance(module, TORCH_CLASSES):
        raise ValueError(
            f"a {type(module).__name__} is no LSTM, GRU or RNN of torch: declare its groups "
            "(issrnn.declare_groups)"
        )
    if getattr(module, "proj_size", None):
        raise ValueError(
            f"proj_size={module.proj_size}: the cell and the projected state have different units; "
            "use an nn.LSTM without proj_size followed by an nn.Linear"
        )
    if isinstance(module, nn.RNNCellBase):
        layers, directions, names = 1, 1, [""]
    else:
        layers, directions = module.num_layers, 1 + module.bidirectional
        names = cell_names(layers, directions)
    size = int(module.hidden_size)
    every = torch.arange(size)
    cells = []
    for name in names:
        weights = _weight_names(module, path, f"_{name}" if name else "")
        shown = "" if len(names) == 1 else name
        cells.append(Cell(shown, weights, size, size, every, every))
    stepwise = isinstance(module, nn.RNNCellBase)
    return Layout(path, _mode(module), _by_layer(cells, directions), size, stepwise)


def convert_state(state: Tensor, old: Layout, new: Layout, kept: list[Tensor]) -> Tensor:
    """The state of a module after shrinking.

    Args:
        state: (R, B, S) or (R, S), or for a torch cell (B, S) or (S,), before shrinking.
        old: Layout before.
        new: Layout after.
        kept: For each cell, (new size,) the former units that are left.

    Returns:
        The state of the units left, in the new layout's places.
    """
    rows = []
    for row, (before, after, units) in enumerate(zip(old.cells, new.cells, kept, strict=True)):
        values = state if old.stepwise else state[row]
        values = values.index_select(-1, before.state_places[units].to(state.device))
        wide = values.new_zeros((*values.shape[:-1], new.state_width))
        rows.append(wide.index_copy(-1, after.state_places.to(state.device), values))
    return rows[0] if old.stepwise else torch.stack(rows)


def _stacked_layout(module: StackedRecurrent, path: str) -> Layout:
    cells = []
    parts = zip(module.cell_names, module.cells, module.widths, strict=True)
    for name, cell, width in parts:
        cells.append(
            Cell(
                name if len(module.cell_names) > 1 else "",
                _weight_names(cell, f"{path}.{name}" if path else name, "_l0"),
                cell.hidden_size,
                width,
                module.get_buffer(f"{name}_places").cpu(),
                module.get_buffer(f"{name}_state_places").cpu(),
            )
        )
    layers = _by_layer(cells, module.num_directions)
    return Layout(path, module.mode, layers, module.hidden_size)


def _by_layer(cells: list[Cell], directions: int) -> tuple[tuple[Cell, ...], ...]:
    return tuple(
        tuple(cells[start : start + directions]) for start in range(0, len(cells), directions)
    )


def _weight_names(module: nn.Module, path: str, suffix: str) -> dict[str, str]:
    names = {}
    own = dict(module.named_parameters(recurse=False))
    for kind in _WEIGHTS if module.bias else _WEIGHTS[:2]:
        name = f"{kind}{suffix}"
        if name not in own:
            if isinstance(getattr(module, name, None), nn.Parameter):
                raise ValueError(f"{name} is shared with another layer of the module")
            raise ValueError(
                f"{name} is no plain parameter (a parametrization or weight drop computes it); "
                "remove it first, e.g. by torch.nn.utils.parametrize.remove_parametrizations"
            )
        names[kind] = f"{path}.{name}" if path else name
    return names


def _mode(module: nn.Module) -> str:
    if isinstance(module, nn.RNNBase):
        return module.mode
    if isinstance(module, nn.LSTMCell):
        return "LSTM"
    if isinstance(module, nn.GRUCell):
        return "GRU"
    return f"RNN_{str(module.nonlinearity).upper()}"
