"""Recurrent layers of different sizes behind the interface of one torch module.

torch's modules have one hidden size for all layers and directions; shrinking leaves each its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

__all__ = ["StackedRecurrent", "WideCell", "cell_names"]


def cell_names(layers: int, directions: int) -> list[str]:
    """``l0``, ``l0_reverse``, ``l1``, ...: torch's suffixes, in the order of its state."""
    suffixes = ("", "_reverse")[:directions]
    return [f"l{layer}{suffix}" for layer in range(layers) for suffix in suffixes]


class StackedRecurrent(nn.Module):
    """Layers and directions of their own sizes, called like the torch module they came from.

    Takes and returns what torch's module does: padded or packed sequences, batched or not. The
    final state has shape (layers x directions, B, S), where S is the largest size; the places
    a smaller layer does not fill are zero.
    """

    def __init__(
        self,
        cells: Sequence[nn.RNNBase],
        *,
        directions: int,
        widths: Sequence[int],
        places: Sequence[Tensor],
        state_width: int,
        state_places: Sequence[Tensor],
        batch_first: bool = False,
        dropout: float = 0.0,
    ) -> None:
        """Put cells together.

        Args:
            cells: One-layer, one-direction, time-first modules of one kind, in state order.
            directions: 1 or 2.
            widths: Places each cell takes in the output if it is in the last layer.
            places: For each cell, (its size,) the place of each unit in its width.
            state_width: Size of the last axis of the state.
            state_places: For each cell, (its size,) the place of each unit in the state.
            batch_first: Whether padded sequences are (B, T, features).
            dropout: Probability of dropping an activation between layers while training.
        """
        super().__init__()
        self.mode = cells[0].mode
        self.num_layers = len(cells) // directions
        self.num_directions = directions
        self.bidirectional = directions == 2
        self.input_size = cells[0].input_size
        self.hidden_size = state_width
        self.bias = cells[0].bias
        self.batch_first = batch_first
        self.dropout = dropout
        self.widths = tuple(widths)
        names = cell_names(self.num_layers, directions)
        self.cell_names = tuple(names)
        for name, cell, place, state_place in zip(names, cells, places, state_places, strict=True):
            self.add_module(name, cell)
            self.register_buffer(f"{name}_places", place.clone(), persistent=True)
            self.register_buffer(f"{name}_state_places", state_place.clone(), persistent=True)

    @property
    def cells(self) -> list[nn.RNNBase]:
        """The cells in state order."""
        return [self.get_submodule(name) for name in self.cell_names]  # type: ignore[misc]

    def flatten_parameters(self) -> None:
        """Do what torch's module does for each cell (only of use on a GPU)."""
        for cell in self.cells:
            cell.flatten_parameters()

    def forward(self, input: Tensor | PackedSequence, hx: Any = None) -> tuple[Any, Any]:  # noqa: A002  torch's name
        """As torch's module of the same mode.

        Args:
            input: (T, B, I), (B, T, I) if ``batch_first``, (T, I), or a packed sequence.
            hx: (R, B, S) or (R, S) for an unbatched input, R = layers x directions; for an LSTM a
                pair of them. Zeros if None.

        Returns:
            The output of the last layer in the form of the input, and the final state.
        """
        if isinstance(input, PackedSequence):
            return self._forward_packed(input, hx)
        if input.dim() == 2:  # one sequence without a batch
            hx = _each(hx, lambda state: state.unsqueeze(1))
            output, final = self._run(input.unsqueeze(1), hx)
            return output.squeeze(1), _each(final, lambda state: state.squeeze(1))
        output, final = self._run(input.transpose(0, 1) if self.batch_first else input, hx)
        return (output.transpose(0, 1) if self.batch_first else output), final

    def _forward_packed(self, packed: PackedSequence, hx: Any) -> tuple[PackedSequence, Any]:
        """Every layer runs packed, so that the reverse direction starts at each sequence's end."""
        sequences = self._with_reordered(packed, hx)
        output, final = self._run(*sequences)
        if packed.unsorted_indices is not None:
            order = packed.unsorted_indices
            final = _each(final, lambda state: state.index_select(1, order))
        data = PackedSequence(
            output.data, packed.batch_sizes, packed.sorted_indices, packed.unsorted_indices
        )
        return data, final

    @staticmethod
    def _with_reordered(packed: PackedSequence, hx: Any) -> tuple[PackedSequence, Any]:
        order = packed.sorted_indices
        if order is not None:
            hx = _each(hx, lambda state: state.index_select(1, order))
        return PackedSequence(packed.data, packed.batch_sizes), hx

    def _run(self, sequence: Any, hx: Any) -> tuple[Any, Any]:
        """``sequence``: (T, B, I) or packed in sorted order; ``hx``: (R, B, S) in that order."""
        self._check_state(hx)
        finals: list[Any] = []
        outputs: list[Any] = []
        for layer in range(self.num_layers):
            outputs = []
            for direction in range(self.num_directions):
                index = layer * self.num_directions + direction
                output, final = self._run_cell(index, sequence, hx)
                outputs.append(output)
                finals.append(final)
            if layer < self.num_layers - 1:
                sequence = self._join(outputs)
                sequence = _map(
                    sequence, lambda data: nn.functional.dropout(data, self.dropout, self.training)
                )
        last = self.num_layers - 1
        wide = [
            _map(output, partial(self._widen, last * self.num_directions + direction))
            for direction, output in enumerate(outputs)
        ]
        return self._join(wide), _stack_states(finals)

    def _run_cell(self, index: int, sequence: Any, hx: Any) -> tuple[Any, Any]:
        name = self.cell_names[index]
        cell = self.get_submodule(name)
        state_places = self.get_buffer(f"{name}_state_places")
        start = _each(hx, lambda state: state[index : index + 1].index_select(2, state_places))
        reverse = index % self.num_directions == 1
        output, final = cell(_reverse(sequence) if reverse else sequence, start)
        output = _reverse(output) if reverse else output
        final = _each(final, lambda state: _scatter(state, state_places, self.hidden_size))
        return output, final

    def _widen(self, index: int, data: Tensor) -> Tensor:
        name = self.cell_names[index]
        return _scatter(data, self.get_buffer(f"{name}_places"), self.widths[index])

    @staticmethod
    def _join(outputs: list[Any]) -> Any:
        if len(outputs) == 1:
            return outputs[0]
        if isinstance(outputs[0], PackedSequence):
            data = torch.cat([output.data for output in outputs], dim=-1)
            return PackedSequence(data, outputs[0].batch_sizes)
        return torch.cat(outputs, dim=-1)

    def _check_state(self, hx: Any) -> None:
        rows = len(self.cell_names)
        for state in hx if isinstance(hx, tuple | list) else (hx,):
            if state is not None and (state.shape[0], state.shape[-1]) != (rows, self.hidden_size):
                raise RuntimeError(
                    f"expected a state of shape ({rows}, batch, {self.hidden_size}), "
                    f"got {tuple(state.shape)}"
                )

    def extra_repr(self) -> str:
        """Sizes as in torch's own modules."""
        sizes = ", ".join(str(cell.hidden_size) for cell in self.cells)
        return (
            f"{self.mode}, sizes {sizes}, state {self.hidden_size}, batch_first={self.batch_first}"
        )


class WideCell(nn.Module):
    """A smaller torch cell that takes and returns states of the former size."""

    def __init__(self, cell: nn.RNNCellBase, places: Tensor, width: int) -> None:
        """Wrap a cell.

        Args:
            cell: An ``nn.LSTMCell``, ``nn.GRUCell`` or ``nn.RNNCell``.
            places: (its size,) where each unit stands in the state.
            width: Size of the last axis of the state.
        """
        super().__init__()
        self.cell = cell
        self.hidden_size = width
        self.input_size = cell.input_size
        self.register_buffer("places", places.clone())

    def forward(self, input: Tensor, hx: Any = None) -> Any:  # noqa: A002  torch's name
        """As torch's cell: ``input`` (B, I) or (I,), ``hx`` and the result (B, S) or (S,)."""
        places = self.get_buffer("places")
        final = self.cell(input, _each(hx, lambda state: state.index_select(-1, places)))
        return _each(final, lambda state: _scatter(state, places, self.hidden_size))


def _each(states: Any, change: Callable[[Tensor], Tensor]) -> Any:
    """Apply to ``h``, to each of ``(h, c)``, or to nothing."""
    if states is None:
        return None
    if isinstance(states, tuple | list):
        return tuple(change(state) for state in states)
    return change(states)


def _map(sequence: Any, change: Callable[[Tensor], Tensor]) -> Any:
    """Apply to the data of a padded or packed sequence."""
    if isinstance(sequence, PackedSequence):
        return PackedSequence(change(sequence.data), sequence.batch_sizes)
    return change(sequence)


def _scatter(data: Tensor, places: Tensor, width: int) -> Tensor:
    """Spread the last axis over ``width`` places, zeros elsewhere."""
    if data.shape[-1] == width:  # every place is taken, in order
        return data
    wide = data.new_zeros((*data.shape[:-1], width))
    return wide.index_copy(-1, places, data)


def _stack_states(finals: list[Any]) -> Any:
    if isinstance(finals[0], tuple):
        return tuple(torch.cat(states) for states in zip(*finals, strict=True))
    return torch.cat(finals)


def _reverse(sequence: Any) -> Any:
    """Each sequence back to front; of a packed one each within its own length."""
    if not isinstance(sequence, PackedSequence):
        return sequence.flip(0)
    sizes = sequence.batch_sizes
    steps = torch.repeat_interleave(torch.arange(len(sizes)), sizes)  # step of each packed row
    starts = torch.cumsum(sizes, 0) - sizes
    rows = torch.arange(int(sizes.sum())) - starts[steps]  # its sequence
    lengths = (sizes.unsqueeze(1) > torch.arange(int(sizes[0]))).sum(0)
    order = starts[lengths[rows] - 1 - steps] + rows
    return PackedSequence(sequence.data[order.to(sequence.data.device)], sizes)
