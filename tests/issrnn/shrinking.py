"""The contract of shrinking, as one function: shrunk equals sparse."""

from __future__ import annotations

import copy
import random
from collections.abc import Sequence
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves

import issrnn
from issrnn import Groups

Model = TypeVar("Model", bound=nn.Module)


def example(model: Model, *inputs: Any) -> tuple[Model, tuple[Any, ...]]:
    """The model and inputs in double precision, in evaluation mode, with lively weights."""
    for parameter in model.parameters():
        nn.init.uniform_(parameter, -0.7, 0.7)
    doubles = [x.double() if isinstance(x, Tensor) and x.is_floating_point() else x for x in inputs]
    return model.double().eval(), tuple(doubles)


def zero_some(groups: Groups, seed: int = 0) -> list[list[int]]:
    """Zero about half of each group's components, never all; returns which."""
    chooser = random.Random(seed)
    chosen = []
    for group in groups:
        count = chooser.randint(1, max(1, group.size - 2))
        chosen.append(sorted(chooser.sample(range(group.size), count)))
        group.zero_(chosen[-1])
    return chosen


def assert_same(before: Any, after: Any, tolerance: float = 1e-10) -> None:
    """All tensors of two outputs are equal up to rounding."""
    for left, right in zip(tree_leaves(before), tree_leaves(after), strict=True):
        torch.testing.assert_close(right, left, atol=tolerance, rtol=tolerance)


def result(model: nn.Module, inputs: Sequence[Any]) -> Any:
    """The model's output without a final state, which gets smaller."""
    output = model(*inputs)
    return output[0] if isinstance(output, tuple) else output


def shrink_and_compare(
    model: nn.Module, inputs: Sequence[Any], *, seed: int = 0, tolerance: float = 1e-10
) -> tuple[Groups, nn.Module]:
    """Find groups, zero some components, shrink, compare; returns groups and the small model."""
    groups = issrnn.find_groups(model, tuple(inputs))
    assert groups, str(groups)
    chosen = zero_some(groups, seed)
    untouched = copy.deepcopy(model.state_dict())
    small = issrnn.shrink(model, groups)
    with torch.no_grad():
        assert_same(result(model, inputs), result(small, inputs), tolerance)
    for name, value in model.state_dict().items():
        assert torch.equal(value, untouched[name]), f"shrink changed {name}"
    before = sum(p.numel() for p in model.parameters())
    assert sum(p.numel() for p in small.parameters()) < before
    again = issrnn.find_groups(small, tuple(inputs))
    for group, former, zeroed in zip(again, groups, chosen, strict=True):
        assert group.owner == former.owner
        assert group.size <= former.size - len(zeroed) or group.size == 1
    return groups, small
