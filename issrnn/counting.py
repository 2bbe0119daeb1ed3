"""What a model is made of and what one position of its input costs."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.utils.rnn import PackedSequence
from torch.utils.flop_counter import FlopCounterMode

from issrnn.layout import is_recurrent, layout_of
from issrnn.source import Examples, quiet, quiet_copy

__all__ = ["Comparison", "Count", "compare", "count"]


def _by_matrix(matrix: torch.Size, *_: Any, **__: Any) -> int:
    return 2 * math.prod(matrix)


_BY_VECTORS = {
    torch.ops.aten.mv: _by_matrix,
    torch.ops.aten.dot: _by_matrix,
    torch.ops.aten.addmv: lambda _, matrix, *__, **___: _by_matrix(matrix),
}
"""Operations of products with vectors, which torch does not count."""


@dataclass(frozen=True)
class Count:
    """Sizes and costs of a model; prints as a table."""

    sizes: dict[str, int]
    """Hidden units of every recurrent layer and direction."""
    parameters: int
    """Numbers in all parameters; shared ones count once."""
    bytes: int
    """Memory of all parameters and buffers."""
    positions: int
    """Steps of the first recurrent module, summed over the sequences of the example inputs."""
    multiply_adds: int
    """Multiply-adds of the example inputs."""

    @property
    def multiply_adds_per_position(self) -> float:
        """Of a language model: multiply-adds a token."""
        return self.multiply_adds / self.positions

    def __str__(self) -> str:
        """One line for each number."""
        return "\n".join(f"{name:<36} {value:>16,}" for name, value in _rows(self).items())


@dataclass(frozen=True)
class Comparison:
    """A model before and after shrinking; prints as a table."""

    before: Count
    after: Count

    @property
    def speedup_in_multiply_adds(self) -> float:
        """How many times fewer multiply-adds the example inputs take after."""
        return self.before.multiply_adds / self.after.multiply_adds

    def __str__(self) -> str:
        """Each number before and after, and how many times smaller it got."""
        before, after = _rows(self.before), _rows(self.after)
        lines = [f"{'':<36} {'before':>16} {'after':>16} {'ratio':>8}"]
        for name, value in before.items():
            left = after.get(name)
            if left is None:
                lines.append(f"{name:<36} {value:>16,} {'-':>16} {'':>8}")
            else:
                lines.append(f"{name:<36} {value:>16,} {left:>16,} {value / left:>7.2f}x")
        return "\n".join(lines)


def count(model: nn.Module, example_inputs: Any, *, positions: int | None = None) -> Count:
    """Count what a model holds and what it computes.

    Multiply-adds are those of matrix products, convolutions and recurrent layers: ``gates x units x
    (inputs + units)`` a step, layer and direction. Embedding look-ups, biases and element-wise
    operations cost none.

    Args:
        model: Any module with a recurrent layer; it is left as it is.
        example_inputs: As in `find_groups`.
        positions: Divides the multiply-adds; by default the steps of the first recurrent module to
            run, summed over all sequences: for a language model, the number of tokens.

    Raises:
        ValueError: If no recurrent module ran and no ``positions`` are given.
    """
    examples = Examples.of(example_inputs)
    copy = quiet_copy(model)
    recurrent = _recurrent_modules(copy)
    steps: dict[str, list[int]] = {}
    with ExitStack() as stack:
        for path in recurrent:
            module = copy.get_submodule(path)
            note = _counter(steps, path, inspect.signature(module.forward))
            handle = module.register_forward_hook(note, with_kwargs=True)
            stack.callback(handle.remove)
        # torch counts no product of its fused attention, which is the default, on a CPU
        stack.enter_context(sdpa_kernel(SDPBackend.MATH))
        counting = FlopCounterMode(display=False, custom_mapping=_BY_VECTORS)
        counter = stack.enter_context(counting)
        stack.enter_context(quiet())
        copy(*examples.args, **examples.kwargs)
    if positions is None:
        if not steps:
            raise ValueError("no recurrent module ran: give the number of positions")
        positions = sum(next(iter(steps.values())))
    outside = _products_outside(counter, copy, recurrent)
    inside = sum(sum(ran) * _per_step(copy.get_submodule(path)) for path, ran in steps.items())
    tensors = [*copy.parameters(), *copy.buffers()]
    return Count(
        sizes={name: size for path in recurrent for name, size in _sizes(copy, path).items()},
        parameters=sum(parameter.numel() for parameter in copy.parameters()),
        bytes=sum(tensor.numel() * tensor.element_size() for tensor in tensors),
        positions=positions,
        multiply_adds=outside + inside,
    )


def compare(
    before: nn.Module, after: nn.Module, example_inputs: Any, *, positions: int | None = None
) -> Comparison:
    """Count a model before and after shrinking.

    Args:
        before: The sparse model.
        after: The shrunk one.
        example_inputs: As in `find_groups`; without carried states, whose sizes differ.
        positions: As in `count`.

    Raises:
        ValueError: As `count`.
    """
    return Comparison(
        count(before, example_inputs, positions=positions),
        count(after, example_inputs, positions=positions),
    )


def _rows(counted: Count) -> dict[str, int]:
    rows = {f"units of {owner}": size for owner, size in counted.sizes.items()}
    rows["parameters"] = counted.parameters
    rows["bytes"] = counted.bytes
    rows["multiply-adds a position"] = round(counted.multiply_adds_per_position)
    return rows


def _recurrent_modules(model: nn.Module) -> list[str]:
    found: list[str] = []
    for path, module in model.named_modules():
        inside = any(path.startswith(f"{other}." if other else "") for other in found)
        if is_recurrent(module) and not inside:
            found.append(path)
    return found


def _counter(
    steps: dict[str, list[int]], path: str, signature: inspect.Signature
) -> Callable[..., None]:
    def note(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], _: Any) -> None:
        given = next(iter(signature.bind(*args, **kwargs).arguments.values()))
        data: Tensor = given.data if isinstance(given, PackedSequence) else given
        steps.setdefault(path, []).append(data.numel() // data.shape[-1])
        del module

    return note


def _products_outside(counter: FlopCounterMode, model: nn.Module, recurrent: list[str]) -> int:
    """Multiply-adds torch counts, without what it sees of the recurrent modules' insides."""
    by_module = counter.get_flop_counts()
    root = type(model).__name__
    operations = sum(by_module.get("Global", {}).values())
    counted = {id(model.get_submodule(path)) for path in recurrent}
    for path, module in model.named_modules(remove_duplicate=False):  # torch names it by one path
        if id(module) in counted:
            operations -= sum(by_module.get(f"{root}.{path}" if path else root, {}).values())
    return int(operations) // 2  # an operation is a multiplication or an addition


def _per_step(module: nn.Module) -> int:
    """Every weight of a recurrent module takes part once in a step."""
    return sum(weight.numel() for weight in module.parameters() if weight.dim() > 1)


def _sizes(model: nn.Module, path: str) -> dict[str, int]:
    module = model.get_submodule(path)
    try:
        layout = layout_of(module, path)
    except ValueError:  # such as one with a projection
        return {path: int(getattr(module, "hidden_size", 0))}
    return {layout.owner(cell): cell.size for cell in layout.cells}
