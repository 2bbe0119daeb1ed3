"""Element-wise operations: what stands at the same place is tied, and stays where it is."""

from __future__ import annotations

import torch
from torch import Tensor

from issrnn.tracing.context import Call, Context, Slot, Uniform
from issrnn.tracing.tape import ZeroRule

__all__ = ["follow_elementwise", "is_elementwise"]

_UNTAGGED = {"prelu_kernel", "native_dropout", "rrelu_with_noise"}
_SUMS = {"add", "copy", "sub", "rsub", "where", "masked_fill", "maximum", "minimum"}
_PRODUCTS = {"mul", "logical_and", "native_dropout"}
_ZERO_TO_ZERO = {
    *("abs", "asin", "asinh", "atan", "ceil", "elu", "erf", "expm1", "floor", "gelu"),
    *("hardshrink", "hardswish", "leaky_relu", "log1p", "mish", "nan_to_num", "neg", "positive"),
    *("prelu_kernel", "relu", "round", "sgn", "sign", "silu", "sin", "sinh", "softshrink"),
    *("sqrt", "square", "tan", "tanh", "trunc"),
}
_BOUNDED = {
    "clamp": ("min", "max"),
    "clamp_min": ("min", ""),
    "clamp_max": ("", "max"),
    "hardtanh": ("min_val", "max_val"),
}
"""Operations that keep values within bounds, with the names of these."""


def is_elementwise(call: Call) -> bool:
    """Whether the operation works on each place alone."""
    return torch.Tag.pointwise in call.func.tags or call.name in _UNTAGGED


def follow_elementwise(context: Context, call: Call) -> None:
    """Tie the operands' labels place by place and label the result."""
    result = call.results[0]
    operands = [tensor for tensor in call.tensors if tensor.dim()]
    slots = []
    for axis in range(-result.dim(), 0):
        labels = _combine(context, operands, axis)
        if labels is not None:
            slots.append(Slot(axis + result.dim(), labels.expand(result.shape)))
    rule = _zero_rule(context, call)
    choosers = []
    if call.name in {"where", "masked_fill"}:  # a boolean operand only chooses between the others
        choosers = [tensor for tensor in call.tensors if tensor.dtype == torch.bool]
    context.flow(call.tensors, result, slots, rule, zeros=choosers)


def _combine(context: Context, operands: list[Tensor], axis: int) -> Tensor | None:
    """One label for each place from all operands labelled along ``axis`` (counted from the end)."""
    combined: Tensor | None = None
    unlabelled = False
    for tensor in operands:
        labels = _labels_along(context, tensor, axis)
        if labels is None:
            wide = tensor.dim() >= -axis and tensor.shape[axis] > 1
            unlabelled |= wide and not isinstance(context.mark(tensor), Uniform)
        elif combined is None:
            combined = labels
        else:
            combined = context.labels.merge(combined, labels)
    if combined is not None and unlabelled:
        # An operand of fixed size (an input, a buffer): its places cannot be cut.
        context.labels.fix(combined)
    return combined


def _labels_along(context: Context, tensor: Tensor, axis: int) -> Tensor | None:
    for slot in context.slots(tensor):
        if slot.axis - tensor.dim() == axis:
            return slot.labels
    return None


def _zero_rule(context: Context, call: Call) -> ZeroRule:
    """When the result is zero, as far as the operands are."""
    if call.name in _ZERO_TO_ZERO:
        return "first"
    if call.name in _BOUNDED and _leaves_zero(call, *_BOUNDED[call.name]):
        return "first"
    if call.name in _PRODUCTS:
        return "any"
    if call.name == "div" and (len(call.tensors) == 1 or not context.slots(call.tensors[1])):
        return "first"
    if call.name == "pow" and isinstance(call.args[1], int | float) and call.args[1] > 0:
        return "first"
    if call.name in _SUMS:
        others = (call.argument("other", 0), call.argument("value", 0))
        numbers = [x for x in others if not isinstance(x, Tensor)]
        return "all" if all(context.is_zero(x) for x in numbers) else "never"
    return "never"


def _leaves_zero(call: Call, least: str, most: str) -> bool:
    """Whether zero lies within the bounds, as far as they are numbers."""
    low, high = call.argument(least), call.argument(most)
    return (low is None or (isinstance(low, int | float) and low <= 0)) and (
        high is None or (isinstance(high, int | float) and high >= 0)
    )
