"""Contractions: matrix products and convolutions, where weights read units."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from issrnn.tracing.context import Call, Context, Slot, Uniform
from issrnn.tracing.labels import collapse, distinct
from issrnn.tracing.tape import Flow, Product, WeightAxis

__all__ = ["PRODUCTS", "follow_product"]

_LETTERS = {
    "mm": "mk,kn->mn",
    "bmm": "bmk,bkn->bmn",
    "mv": "mk,k->m",
    "dot": "k,k->",
    "vdot": "k,k->",
    "addmm": "mk,kn->mn",
    "addmv": "mk,k->m",
    "baddbmm": "bmk,bkn->bmn",
    "convolution": "bks,nkw->bnt",
}
"""Axes of both factors and the result; a letter that is in no result is summed over."""
PRODUCTS = set(_LETTERS)
_WITH_SUMMAND = {"addmm", "addmv", "baddbmm"}
_EMPTY = torch.empty(0, dtype=torch.int64)


@dataclass(frozen=True)
class _Factor:
    tensor: Tensor
    letters: str

    def lay(self, labels: Tensor, order: str) -> Tensor:
        """Labels with their axes in this order, size 1 where the factor has no such axis."""
        present = [letter for letter in order if letter in self.letters]
        rest = [letter for letter in self.letters if letter not in order]
        laid = collapse(labels).permute([self.letters.index(x) for x in present + rest])
        for _ in rest:  # axes no result has: one label each by now
            laid = laid.select(-1, 0)
        for position, letter in enumerate(order):
            if letter not in self.letters:
                laid = laid.unsqueeze(position)
        return laid


def follow_product(context: Context, call: Call) -> None:
    """Record who reads whom and label what is left."""
    tensors, letters = call.tensors, _LETTERS[call.name]
    if call.name == "convolution":
        if call.argument("groups") != 1 or call.argument("transposed"):
            context.refuse(tensors, f"grouped or transposed convolution in {context.where}")
            return
        extra = tensors[0].dim() - 3  # two and three-dimensional ones have more such axes
        letters = f"bks{'uv'[:extra]},nkw{'xy'[:extra]}->bnt{'pq'[:extra]}"
    factors_at = 1 if call.name in _WITH_SUMMAND else 0
    left_letters, right_letters = letters.split("->")[0].split(",")
    left = _Factor(tensors[factors_at], left_letters)
    right = _Factor(tensors[factors_at + 1], right_letters)
    result, result_letters = call.results[0], letters.split("->")[1]
    _refuse_lost_axes(context, left, right, result_letters)
    reads = _reads(context, left, right, result_letters)
    slots = _remaining(context, left, right, result_letters, result)
    node = context.set_value(result, slots) if slots else None
    _record(context, left, right, reads, result, node)
    summand = _summand(call, factors_at)
    if summand is not None and not slots:
        context.refuse([summand], f"added to a product without units in {context.where}")
    elif summand is not None:
        _add(context, result, slots, summand)


def _refuse_lost_axes(context: Context, left: _Factor, right: _Factor, kept: str) -> None:
    for one, other in ((left, right), (right, left)):
        for slot in context.slots(one.tensor):
            letter = one.letters[slot.axis]
            if letter not in kept and letter not in other.letters:
                why = f"convolved over its units in {context.where}"
                context.refuse_labels(one.tensor, slot.labels, why)


def _reads(
    context: Context, left: _Factor, right: _Factor, kept: str
) -> tuple[list[Slot], list[Slot]]:
    """Tie the axes that are summed over; returns the slots of both sides that lie along them."""
    shared = [letter for letter in left.letters if letter in right.letters]
    order = "".join(shared) + "".join(x for x in left.letters + right.letters if x not in shared)
    read: tuple[list[Slot], list[Slot]] = ([], [])
    for letter in shared:
        sides = []
        for side, factor in enumerate((left, right)):
            found = [s for s in context.slots(factor.tensor) if factor.letters[s.axis] == letter]
            sides.append(found)
            if letter not in kept:
                read[side].extend(found)
        for one, other, factor in ((sides[0], sides[1], right), (sides[1], sides[0], left)):
            fixed_size = not isinstance(context.mark(factor.tensor), Uniform)
            if one and not other and fixed_size:
                for slot in one:
                    context.labels.fix(slot.labels)
        for a in sides[0]:
            for b in sides[1]:
                context.labels.merge(left.lay(a.labels, order), right.lay(b.labels, order))
    return read


def _remaining(
    context: Context, left: _Factor, right: _Factor, kept: str, result: Tensor
) -> list[Slot]:
    slots: dict[int, Slot] = {}
    for factor in (left, right):
        for slot in context.slots(factor.tensor):
            letter = factor.letters[slot.axis]
            if letter in kept and kept.index(letter) not in slots:
                gone = tuple(i for i, x in enumerate(factor.letters) if x not in kept)
                labels = context.labels.tie_along(slot.labels, gone)
                laid = factor.lay(labels, kept).expand(result.shape)
                slots[kept.index(letter)] = Slot(kept.index(letter), laid)
    return list(slots.values())


def _record(
    context: Context,
    left: _Factor,
    right: _Factor,
    reads: tuple[list[Slot], list[Slot]],
    result: Tensor,
    output: int | None,
) -> None:
    """Put the product on the tape, as a read by weights if one factor is a parameter."""
    slots = reads[0] + reads[1]
    weights = [slot.weight for slot in slots if slot.weight]
    context.read.update(weights)
    weight = weights[0] if len(weights) == 1 else None
    labels = distinct(torch.cat([distinct(slot.labels) for slot in slots] or [_EMPTY]))
    if weight:
        context.note_maker(weight, result)
    elif labels.numel():
        context.weightless.append(labels)
    values = [context.value(left.tensor), context.value(right.tensor)]
    nodes = [value.node for value in values if value]
    if not nodes:  # only what is added has labels
        return
    second = nodes[1] if len(nodes) > 1 else None
    rows = _rows(context, left, right, weight)
    context.tape.entries.append(Product(nodes[0], second, labels, output, weight, rows))


def _rows(
    context: Context, left: _Factor, right: _Factor, weight: WeightAxis | None
) -> WeightAxis | None:
    """The parameter's other axis, which makes the result."""
    slots = (*context.slots(left.tensor), *context.slots(right.tensor))
    same = [s.weight for s in slots if weight and s.weight and s.weight != weight]
    return next((x for x in same if weight and x.parameter == weight.parameter), None)


def _summand(call: Call, factors_at: int) -> Tensor | None:
    if factors_at:
        return call.tensors[0]
    bias = call.argument("bias") if call.name == "convolution" else None
    return bias if isinstance(bias, Tensor) else None


def _add(context: Context, result: Tensor, slots: list[Slot], summand: Tensor) -> None:
    """The bias (or other summand) goes to the same places as the product."""
    product = context.value(result)
    of_channels = summand.dim() == 1 and result.dim() > 2  # a convolution's bias
    added = []
    for slot in slots:
        labels = slot.labels
        for other in context.slots(summand):
            axis = 1 if of_channels else other.axis + result.dim() - summand.dim()
            if axis == slot.axis:
                view = [1] * (axis - other.axis) + list(other.labels.shape)
                view += [1] * (result.dim() - len(view))
                labels = context.labels.merge(labels, collapse(other.labels.reshape(view)))
        added.append(Slot(slot.axis, labels.expand(result.shape)))
    output = context.set_value(result, added)
    bias = context.value(summand)
    nodes = (product.node if product else None, bias.node if bias else None)
    context.tape.entries.append(Flow(nodes, output, "all", (False, False)))
