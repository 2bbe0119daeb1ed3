"""Operations that only move elements: done to the labels, they tell where each unit goes."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.utils._pytree import tree_leaves, tree_map

from issrnn.tracing.context import Call, Context, Slot, Uniform, along
from issrnn.tracing.labels import NONE, collapse, distinct
from issrnn.tracing.tape import ZeroRule

__all__ = ["LIKE", "MOVES", "follow_concatenation", "follow_move"]

_SAME = {"alias", "clone", "contiguous", "detach", "lift_fresh", "to_copy"}
LIKE = {"zeros_like", "empty_like", "ones_like", "full_like", "rand_like", "randn_like"}
_RESHAPING = {
    *("expand", "permute", "reshape_alias", "squeeze", "t", "transpose", "unsafe_view"),
    *("unsqueeze", "view"),
}
_BY_INDEX = {"embedding", "gather", "index", "index_select", "roll", "take_along_dim"}
_OTHERS = {
    *("constant_pad_nd", "diagonal", "flip", "narrow", "pack_padded_sequence", "repeat", "select"),
    *("slice", "split", "split_with_sizes", "unbind", "unfold", "unsafe_split"),
}
MOVES = _SAME | LIKE | _RESHAPING | _BY_INDEX | _OTHERS


def follow_move(context: Context, call: Call) -> None:
    """Label the results by moving the labels of the one operand that has any."""
    source, *others = call.tensors
    if any(context.slots(tensor) for tensor in others):
        context.refuse(call.tensors, f"used as an index ({call.name}) in {context.where}")
        return
    moved = [_move(context, call, source, slot) for slot in context.slots(source)]
    rule: ZeroRule = "first"
    if call.name in LIKE - {"zeros_like"} or (
        call.name == "constant_pad_nd" and call.argument("value", 0) != 0
    ):
        rule = "never"
    for number, result in enumerate(call.results[: len(moved[0])]):
        slots = [slot for slot in (slots[number] for slots in moved) if slot is not None]
        slots = _one_for_each_axis(context, source, slots)
        weights = [slot.weight.parameter for slot in slots if slot.weight]
        whole = len(weights) == len(context.slots(source))
        name = weights[0] if whole and weights else None
        context.flow([source], result, slots, rule, parameter=name)


def _one_for_each_axis(context: Context, source: Tensor, slots: list[Slot]) -> list[Slot]:
    """Axes flattened into one: its places can go for one reason only, so one label stays.

    That of units comes before that of rows of a weight.
    """
    kept: dict[int, Slot] = {}
    units = context.classes_with_units() if len({s.axis for s in slots}) < len(slots) else None
    for slot in sorted(slots, key=lambda s: units is not None and not units(s.labels)):
        if slot.axis in kept:
            why = f"flattened together with other units in {context.where}"
            context.refuse_labels(source, slot.labels, why)
        else:
            kept[slot.axis] = slot
    return list(kept.values())


def follow_concatenation(context: Context, call: Call) -> None:
    """``cat`` and ``stack``: along other axes all parts must keep one size, which ties them."""
    # torch takes a part of shape (0,) beside parts of any other, and passes over it
    parts, result = [part for part in call.args[0] if part.shape != (0,)], call.results[0]
    stacked = call.name == "stack"
    dim = int(call.argument("dim", 0)) % result.dim()
    slots = []
    for axis in range(parts[0].dim()):
        columns = [_labels_along(context, part, axis) for part in parts]
        if all(bool((column == NONE).all()) for column in columns):
            continue
        if stacked or axis != dim:
            _tie_parts(context, columns, parts, axis)
        labels = torch.stack(columns, dim) if stacked else torch.cat(columns, dim)
        slots.append(Slot(axis + 1 if stacked and axis >= dim else axis, labels))
    context.flow(parts, result, slots, "parts")


def _labels_along(context: Context, tensor: Tensor, axis: int) -> Tensor:
    for slot in context.slots(tensor):
        if slot.axis == axis:
            return slot.labels
    return torch.full((1,), NONE, device=tensor.device).expand(tensor.shape)


def _tie_parts(context: Context, columns: list[Tensor], parts: list[Tensor], axis: int) -> None:
    merged: Tensor | None = None
    for labels, part in zip(columns, parts, strict=True):
        if isinstance(context.mark(part), Uniform):
            continue
        small = collapse(labels)
        small = small.amax([a for a in range(small.dim()) if a != axis], keepdim=True)
        merged = small if merged is None else context.labels.merge(merged, small)


def _move(context: Context, call: Call, source: Tensor, slot: Slot) -> list[Slot | None]:
    """Where one slot goes in each result; None where its axis is gone."""
    places = torch.arange(source.shape[slot.axis], device=source.device)
    moved_places = _run(call, source, along(places, slot.axis, source.shape))
    padded = call.name == "constant_pad_nd"
    moved_labels = _run(call, source, slot.labels)
    picked = call.name in _BY_INDEX and _indexed(call, source, slot.axis)
    slots: list[Slot | None] = []
    for labels, position in zip(moved_labels, moved_places, strict=True):
        small = collapse(_fill(position) if padded else position)
        axes = [a for a in range(small.dim()) if bool((small != small.narrow(a, 0, 1)).any())]
        whole = distinct(small).numel() == len(places)
        if picked or not whole or len(axes) != 1:
            context.labels.fix(slot.labels)
        if not axes:
            why = f"a single unit is picked in {context.where}"
            if len(places) == 1:
                why = "it is the layer's only unit, and one is always kept"
            context.refuse_labels(source, labels, why)
            slots.append(None)
            continue
        same = len(axes) == 1 and position.shape[axes[0]] == len(places)
        keeps = whole and same and call.name in _RESHAPING | _SAME
        filled = _fill(labels) if padded else labels
        slots.append(Slot(axes[-1], filled, slot.weight if keeps else None))
    return slots


def _run(call: Call, source: Tensor, labels: Tensor) -> list[Tensor]:
    """What the operation makes of labels in the place of ``source``."""
    if call.name in _SAME | LIKE:
        return [labels.to(call.results[0].device)]
    if call.name in {"view", "unsafe_view", "reshape_alias"}:
        return [labels.reshape(call.results[0].shape)]  # labels have strides of their own
    args, kwargs = tree_map(lambda x: labels if x is source else x, (call.args, call.kwargs))
    if call.name == "constant_pad_nd":
        args, kwargs = (labels, call.args[1], NONE), {}
    return [x for x in tree_leaves(call.func(*args, **kwargs)) if isinstance(x, Tensor)][
        : len(call.results) if call.name != "pack_padded_sequence" else 1
    ]


def _indexed(call: Call, source: Tensor, axis: int) -> bool:
    """Whether an operation that picks by index does so along this axis."""
    if call.name == "embedding":
        return axis == 0
    if call.name == "index":
        return axis < len(call.args[1]) and call.args[1][axis] is not None
    dims = call.argument("dims") if call.name == "roll" else [call.argument("dim", 0)]
    return not dims or axis in {dim % source.dim() for dim in dims}


def _fill(labels: Tensor) -> Tensor:
    """Padding along other axes than the units' belongs to the same units."""
    for axis in range(labels.dim()):
        column = labels.amax(axis, keepdim=True)
        if not bool(((labels != column) & (labels != NONE)).any()):
            labels = column.expand(labels.shape)
    return labels
