"""Recurrent modules as a whole: their structure tells which weight makes and reads which unit."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence
from torch.utils._pytree import tree_leaves

from issrnn.layout import TORCH_CLASSES, Layout
from issrnn.tracing.context import Context, FinalState, Input, Slot, along
from issrnn.tracing.labels import NONE, collapse
from issrnn.tracing.tape import Initial, RecurrentCall, WeightAxis

__all__ = ["follow_recurrent", "is_as_torch", "register_units"]

_PARTS = {"LSTM": 2}


def register_units(context: Context, layout: Layout) -> None:
    """Label the units of a module and tie the weights inside it to them."""
    units = tuple(context.labels.new(cell.size) for cell in layout.cells)
    context.layouts[layout.module], context.units[layout.module] = layout, units
    below: list[Tensor] = []
    number = 0
    for depth, layer in enumerate(layout.layers):
        made = units[number : number + len(layer)]
        for cell, labels in zip(layer, made, strict=True):
            _tie_rows(context, layout, cell.weights, labels)
            _tie_axis(context, WeightAxis(cell.weights["weight_hh"], 1), labels)
            context.read.add(WeightAxis(cell.weights["weight_hh"], 1))
            context.read.add(WeightAxis(cell.weights["weight_ih"], 1))
            if depth:
                _tie_axis(context, WeightAxis(cell.weights["weight_ih"], 1), torch.cat(below))
        below, number = list(made), number + len(layer)


def follow_recurrent(context: Context, layout: Layout, call: Any, result: Any) -> None:
    """Label the results of a call by structure and tie its arguments.

    Args:
        context: The run.
        layout: The module's.
        call: ``(input, hx)`` as the module got them.
        result: What it returned.
    """
    given, hx = call
    sequence = given.data if isinstance(given, PackedSequence) else given
    parts = _PARTS.get(layout.mode, 1)
    states = (None,) * parts if hx is None else (hx if parts == 2 else (hx,))
    input_labels = _tie_input(context, layout, sequence)
    initial = tuple(_initial(context, layout, part, state) for part, state in enumerate(states))
    if layout.stepwise:
        output, final = None, result
    else:
        output = result[0].data if isinstance(result[0], PackedSequence) else result[0]
        final = result[1]
    node = None if output is None else _label_output(context, layout, output)
    finals = final if parts == 2 else (final,)
    nodes = tuple(_label_state(context, layout, part, x) for part, x in enumerate(finals))
    value = context.value(sequence)
    context.tape.entries.append(
        RecurrentCall(layout, value.node if value else None, input_labels, initial, node, nodes)
    )


def is_as_torch(module: Any, args: Any, kwargs: Any, result: Any) -> bool:
    """Whether a subclass's own ``forward`` gives what torch's does, up to half precision."""
    kind = next((kind for kind in TORCH_CLASSES if isinstance(module, kind)), None)
    if kind is None or type(module).forward is kind.forward:
        return True
    try:
        plain, own = tree_leaves(kind.forward(module, *args, **kwargs)), tree_leaves(result)
    except Exception:  # noqa: BLE001  it takes other arguments
        return False
    return len(plain) == len(own) and all(map(_is_close, plain, own))


def _is_close(plain: Any, own: Any) -> bool:
    if not isinstance(plain, Tensor) or not isinstance(own, Tensor) or plain.shape != own.shape:
        return plain is own
    scale = float(plain.abs().max()) if plain.numel() else 0.0
    return torch.allclose(plain.double(), own.double(), rtol=0.0, atol=0.05 * scale + 1e-6)


def _tie_rows(context: Context, layout: Layout, weights: dict[str, str], labels: Tensor) -> None:
    for parameter in weights.values():
        _tie_axis(context, WeightAxis(parameter, 0), labels.repeat(layout.gates))


def _tie_axis(context: Context, weight: WeightAxis, labels: Tensor) -> None:
    if weight in context.axes:  # an axis of one has no labels
        context.labels.tie(context.axes[weight], labels)


def _tie_input(context: Context, layout: Layout, sequence: Tensor) -> Tensor:
    """Tie input columns to the units they read; returns one label for each input column."""
    last = sequence.dim() - 1
    columns = torch.full((sequence.shape[-1],), NONE)
    for slot in context.slots(sequence):
        if slot.axis != last:
            why = f"`{layout.module}` runs over its units as if they were steps or sequences"
            context.refuse_labels(sequence, slot.labels, why)
            continue
        small = collapse(slot.labels)
        merged = context.labels.tie_along(small, tuple(range(last))).reshape(-1).cpu()
        columns = merged.expand(columns.shape)
        for cell in layout.layers[0]:
            _tie_axis(context, WeightAxis(cell.weights["weight_ih"], 1), columns)
    return columns


def _initial(context: Context, layout: Layout, part: int, state: Tensor | None) -> Initial:
    """Tie an initial state to the units it starts; says where it comes from."""
    if state is None:
        return "zero"
    mark = context.mark(state)
    if isinstance(mark, FinalState) and mark.module != layout.module:
        context.state_read.add(mark.module)
    if isinstance(mark, Input | FinalState):
        # A cell's own last state follows where it is stepped in a loop.
        context.arrivals.setdefault(layout.module, {}).setdefault(part, mark)
    if isinstance(mark, Input):
        return "unknown"
    last = state.dim() - 1
    labelled = [slot for slot in context.slots(state) if slot.axis == last]
    for slot in context.slots(state):
        if slot.axis != last:
            why = f"`{layout.module}` takes its units as steps, layers or sequences of a state"
            context.refuse_labels(state, slot.labels, why)
    if not labelled:
        context.state_fixed.add(layout.module)
        return "zero" if context.is_zero(state) else "unknown"
    shape = state.shape
    wanted = _state_labels(context, layout, state)
    context.labels.merge(labelled[0].labels, wanted.expand(shape))
    if bool((collapse(labelled[0].labels) == NONE).any()):
        context.state_fixed.add(layout.module)
    value = context.value(state)
    return value.node if value else "unknown"


def _label_output(context: Context, layout: Layout, output: Tensor) -> int:
    last = layout.layers[-1]
    units = context.units[layout.module][-len(last) :]
    columns = []
    for cell, labels in zip(last, units, strict=True):
        column = torch.full((cell.width,), NONE)
        column[cell.places] = labels
        columns.append(column)
    labels = along(torch.cat(columns).to(output.device), output.dim() - 1, output.shape)
    return context.set_value(output, [Slot(output.dim() - 1, labels)])


def _label_state(context: Context, layout: Layout, part: int, state: Tensor) -> int:
    labels = _state_labels(context, layout, state).expand(state.shape)
    context.set_mark(state, FinalState(layout.module, part))
    return context.set_value(state, [Slot(state.dim() - 1, labels)])


def _state_labels(context: Context, layout: Layout, state: Tensor) -> Tensor:
    """Labels of a state, broadcastable to (R, B, S), (R, S), or for a torch cell (B, S), (S,)."""
    rows = torch.full((len(layout.cells), layout.state_width), NONE)
    for row, cell, labels in zip(rows, layout.cells, context.units[layout.module], strict=True):
        row[cell.state_places] = labels
    rows = rows.to(state.device)
    if layout.stepwise:
        return rows[0]
    return rows.unsqueeze(1) if state.dim() == 3 else rows
