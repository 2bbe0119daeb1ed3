"""Which component each weight of a parameter belongs to, in blocks of its rows.

A block stays in the processor's cache, so that what is done to it costs one pass over memory.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from issrnn.groups import Group

__all__ = ["Membership", "memberships", "row_blocks"]

_BLOCK_ELEMENTS = 512 * 1500
"""About 3 MB of fp32, which a last-level cache holds (measured: 256 to 512 rows of 1500)."""


@dataclass(frozen=True, eq=False)
class Membership:
    """Which component each position along the first two axes of a parameter belongs to.

    Axes of length 1 that no group lies along do not count as axes, such as the first two of a
    learned initial state of shape (1, 1, units).
    """

    parameter: nn.Parameter
    unit_axes: tuple[int, ...]
    """Those of length 1 that do not count."""
    axes: tuple[Tensor | None, ...]
    """For each axis (length,) int64: the index over all groups' components; ``count`` for none."""
    owned: Tensor | None
    """Which weights belong to a component, bool, as ``weight``; None: all."""

    @property
    def weight(self) -> Tensor:
        """The parameter without these axes, sharing its memory."""
        return self.parameter.squeeze(self.unit_axes)

    @property
    def gradient(self) -> Tensor | None:
        """Its gradient, likewise."""
        gradient = self.parameter.grad
        return None if gradient is None else gradient.squeeze(self.unit_axes)

    def owned_blocks(self) -> Sequence[Tensor | None]:
        """The part of ``owned`` for each of ``row_blocks(weight)``."""
        if self.owned is None:
            return [None] * len(row_blocks(self.weight))
        return row_blocks(self.owned)

    def factor_blocks(self, factors: Tensor) -> Iterator[list[Tensor]]:
        """For each of ``row_blocks(weight)``, what its weights are multiplied by.

        Args:
            factors: (count + 1,) of every component; the last is that of all other weights.

        Returns:
            One tensor for each axis that components lie along, which broadcasts over the block.
        """
        weight = self.weight
        by_axis = [None if a is None else factors[a].to(weight.dtype) for a in self.axes]
        start = 0
        for block in row_blocks(weight):
            end = start + len(block)
            found = []
            for axis, along in enumerate(by_axis):
                if along is not None:
                    part = along[start:end] if axis == 0 else along
                    found.append(part.reshape(-1, *[1] * (weight.dim() - 1 - axis)))
            yield found
            start = end


def memberships(groups: Sequence[Group], none: int) -> Iterator[Membership]:
    """One for each parameter of which weights are counted in a group.

    Args:
        groups: Their components are numbered one group after the other.
        none: Stands for no component: their number.

    Raises:
        ValueError: If a group lies along another than the first two axes that count.
    """
    owners: dict[str, dict[int, Tensor]] = {}
    parameters: dict[str, nn.Parameter] = {}
    first_component = 0
    for group in groups:
        for s in group.slices:
            if not s.counted:
                continue
            parameter = parameters.setdefault(s.parameter, group.model.get_parameter(s.parameter))
            by_axis = owners.setdefault(s.parameter, {})
            if s.axis not in by_axis:
                by_axis[s.axis] = torch.full((parameter.shape[s.axis],), none)
            by_axis[s.axis][s.positions] = s.components + first_component
        first_component += group.size
    for name, parameter in parameters.items():
        yield _membership(name, parameter, owners[name], none)


def _membership(
    name: str, parameter: nn.Parameter, owners: dict[int, Tensor], none: int
) -> Membership:
    unit = tuple(a for a, length in enumerate(parameter.shape) if length == 1 and a not in owners)
    left = [axis for axis in range(parameter.dim()) if axis not in unit]
    if far := owners.keys() - left[:2]:
        raise ValueError(
            f"a group lies along axis {min(far)} of {name}, of shape {tuple(parameter.shape)}: one "
            "of the first two axes expected, those of length 1 not counted"
        )
    axes = [owners[a].to(parameter.device) if a in owners else None for a in left[:2]]
    return Membership(parameter, unit, tuple(axes), _owned(parameter.squeeze(unit), axes, none))


def _owned(parameter: Tensor, axes: Sequence[Tensor | None], none: int) -> Tensor | None:
    """`Membership.owned`; a matrix of which all rows or all columns are owned needs no mask."""
    by_axis = {axis: owners != none for axis, owners in enumerate(axes) if owners is not None}
    if any(bool(owned.all()) for owned in by_axis.values()):
        return None
    mask = torch.zeros_like(parameter, dtype=torch.bool)
    for axis, owned in by_axis.items():
        mask.index_fill_(axis, owned.nonzero().flatten(), value=True)
    return mask


def row_blocks(tensor: Tensor) -> tuple[Tensor, ...]:
    """``tensor`` in blocks of rows that fit the cache; on another device than the CPU, whole."""
    if tensor.device.type != "cpu":
        return (tensor,)
    rows = max(1, _BLOCK_ELEMENTS * len(tensor) // max(1, tensor.numel()))
    blocks: tuple[Tensor, ...] = torch.split(tensor, rows)
    return blocks
