"""Operations that work along an axis: sums, maxima, softmax, pooling."""

from __future__ import annotations

from torch import Tensor

from issrnn.tracing.context import Call, Context, Slot
from issrnn.tracing.labels import distinct
from issrnn.tracing.tape import Product, ZeroRule

__all__ = ["POOLINGS", "REDUCTIONS", "follow_pooling", "follow_reduction"]

_OF_ZEROS_IS_ZERO = {"sum", "mean", "amax", "amin", "max", "min", "cumsum", "median"}
REDUCTIONS = _OF_ZEROS_IS_ZERO | {
    *("all", "any", "argmax", "argmin", "cumprod", "linalg_vector_norm", "log_softmax"),
    *("logcumsumexp", "logsumexp", "prod", "safe_softmax", "softmax", "sort", "std", "std_mean"),
    *("topk", "var", "var_mean", "cummax"),
}
POOLINGS = {
    "max_pool2d_with_indices": 2,
    "max_pool3d_with_indices": 3,
    "adaptive_max_pool2d": 2,
    "adaptive_max_pool3d": 3,
    "avg_pool2d": 2,
    "avg_pool3d": 3,
    "adaptive_avg_pool2d": 2,
    "adaptive_avg_pool3d": 3,
    "upsample_nearest1d": 1,
    "upsample_linear1d": 1,
}
"""Trailing axes each works along (one-dimensional pooling goes through the two-dimensional), and
interpolation, which does so too."""


def follow_reduction(context: Context, call: Call) -> None:
    """Over other axes labels stay; a sum or norm over units reads them; all else is refused."""
    source = call.tensors[0]
    dims = _dims(call, source)
    kept: list[Slot] = []
    for slot in context.slots(source):
        if slot.axis not in dims:
            kept.append(slot)
        elif _adds_nothing_for_zeros(call):
            _read_by_sum(context, source, slot)
        else:
            why = f"{call.name} in {context.where} runs over all of its units"
            context.refuse_labels(source, slot.labels, why)
    rule: ZeroRule = "first" if call.name in _OF_ZEROS_IS_ZERO else "never"
    for result in call.results:
        slots = [_reduced(context, slot, dims, source, result) for slot in kept]
        context.flow([source], result, slots, rule)


def follow_pooling(context: Context, call: Call) -> None:
    """Pooling over trailing axes keeps the labels of the leading ones."""
    source = call.tensors[0]
    pooled = range(source.dim() - POOLINGS[call.name], source.dim())
    slots = []
    for slot in context.slots(source):
        # One-dimensional pooling comes with a trailing (or leading) axis of one added.
        if slot.axis in pooled:
            why = f"pooled over its units in {context.where}"
            context.refuse_labels(source, slot.labels, why)
        else:
            labels = context.labels.tie_along(slot.labels, tuple(pooled))
            slots.append(Slot(slot.axis, labels.expand(call.results[0].shape)))
    for result in call.results:
        context.flow([source], result, list(slots), "first")


def _dims(call: Call, source: Tensor) -> tuple[int, ...]:
    dims = call.argument("dim")
    if dims is None or dims == []:
        return tuple(range(source.dim()))
    return tuple(dim % source.dim() for dim in ([dims] if isinstance(dims, int) else dims))


def _adds_nothing_for_zeros(call: Call) -> bool:
    """Whether leaving out zeros leaves the result as it is."""
    return call.name == "sum" or (
        call.name == "linalg_vector_norm" and float(call.argument("ord", 2)) >= 0
    )


def _read_by_sum(context: Context, source: Tensor, slot: Slot) -> None:
    read = distinct(slot.labels)
    context.weightless.append(read)
    value = context.value(source)
    if value is not None:
        context.tape.entries.append(Product(value.node, None, read, None))


def _reduced(
    context: Context, slot: Slot, dims: tuple[int, ...], source: Tensor, result: Tensor
) -> Slot:
    """The slot in a result that lost ``dims``, kept them with size 1, or kept them whole."""
    labels = context.labels.tie_along(slot.labels, dims)
    if result.dim() == source.dim():
        return Slot(slot.axis, labels.expand(result.shape))
    for dim in sorted(dims, reverse=True):
        labels = labels.squeeze(dim)
    axis = slot.axis - sum(dim < slot.axis for dim in dims)
    return Slot(axis, labels.expand(result.shape))
