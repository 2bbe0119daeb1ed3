"""Group lasso over ISS weight groups, and thresholding (Wen et al., ICLR 2018, Eq. 2 to 4).

All operations are in place and walk each parameter in blocks of rows that stay in the processor's
cache, so that a step costs little more than one pass over the weights in memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from issrnn.groups import Group

__all__ = ["EPSILON", "GroupLasso", "l1_subgradient_", "threshold_"]

EPSILON = 1e-8
"""Under the root of a group's length in the gradient, so that it never divides by zero (Eq. 4)."""

_BLOCK_ELEMENTS = 512 * 1500
"""About 3 MB of fp32, which a last-level cache holds (measured: 256 to 512 rows of 1500)."""


@dataclass(frozen=True, eq=False)
class _Membership:
    """Which component each position along the first two axes of a parameter belongs to."""

    parameter: nn.Parameter
    axes: tuple[Tensor | None, ...]
    """For each axis (length,) int64: the index over all groups' components; ``count`` for none."""
    owned: Tensor | None
    """Which weights belong to a component, bool, as the parameter; None: all."""


class GroupLasso:
    """The penalty ``R(w) = sum of the lengths of all components' weight groups`` (Eq. 2).

    It refers to the parameters that exist now: make a new one after the model was shrunk. What has
    ``requires_grad=False`` counts in the lengths but is never changed.
    """

    def __init__(self, groups: Sequence[Group]) -> None:
        """Work out once where each component's weights lie.

        Args:
            groups: What `find_groups` found, or those of them that shall be regularised.

        Raises:
            ValueError: If a group lies along another than the first two axes of a parameter.
        """
        self._count = sum(group.size for group in groups)
        self._memberships = tuple(_memberships(groups, self._count))

    @property
    def parameters(self) -> list[nn.Parameter]:
        """The parameters that hold regularised weights."""
        return [membership.parameter for membership in self._memberships]

    @torch.no_grad()
    def lengths(self) -> Tensor:
        """Euclidean length of every component's weights, groups one after the other, (count,)."""
        return self._squares()[:-1].sqrt()

    def penalty(self) -> float:
        """``R(w)``, without lambda."""
        return float(self.lengths().double().sum())

    @torch.no_grad()
    def add_gradient_(self, strength: float) -> None:
        """Add ``strength * w / ||w||`` to the gradients: the last term of Eq. 3 as published.

        Args:
            strength: lambda. A later clip of the gradient's norm scales it down with the rest.

        Raises:
            ValueError: If a parameter has no gradient yet, or ``strength`` is negative.
        """
        _check_not_negative("strength", strength)
        lengths = (self._squares() + EPSILON).sqrt()
        factors = strength / lengths
        factors[-1] = 0.0
        for membership in self._trained():
            gradient = membership.parameter.grad
            if gradient is None:
                raise ValueError("add_gradient_ needs gradients: call backward() first")
            for weight, grad, by_axis in _blocks(membership, factors, gradient):
                for factor in by_axis:
                    grad.addcmul_(weight, factor)

    @torch.no_grad()
    def proximal_step_(self, strength: float, threshold: float = 0.0) -> None:
        """Cut every component's length by ``strength``; below that all its weights become zero.

        The proximal operator of Eq. 2, to be applied after the optimiser's step, so that no
        gradient clipping weakens it and zeros are exact. Where a weight lies in two groups both
        factors apply, which agrees with Eq. 3 to first order in ``strength``.

        Args:
            strength: Learning rate times lambda.
            threshold: tau of a `threshold_` that follows; 0 for none.

        Raises:
            ValueError: If ``strength`` or ``threshold`` is negative.
        """
        _check_not_negative("strength", strength)
        _check_not_negative("threshold", threshold)
        lengths = self._squares().sqrt()
        factors = (1.0 - strength / lengths).clamp_(min=0.0).nan_to_num_(nan=0.0)
        factors[-1] = 1.0
        for membership in self._trained():
            owned_rows = _owned_rows(membership.parameter, membership.owned)
            blocks = zip(_blocks(membership, factors), owned_rows, strict=True)
            for (weight, _, by_axis), owned in blocks:
                for factor in by_axis:
                    weight.mul_(factor)
                if threshold > 0.0:
                    _zero_small_(weight, threshold, owned)

    @torch.no_grad()
    def threshold_(self, tau: float) -> None:
        """Zero the groups' weights whose absolute value is at most ``tau`` (paper section 3.2).

        Raises:
            ValueError: If ``tau`` is negative.
        """
        _check_not_negative("tau", tau)
        for membership in self._trained():
            owned_rows = _owned_rows(membership.parameter, membership.owned)
            blocks = zip(_rows(membership.parameter), owned_rows, strict=True)
            for weight, owned in blocks:
                _zero_small_(weight, tau, owned)

    @torch.no_grad()
    def l1_subgradient_(self, strength: float) -> None:
        """Add ``strength * sign(w)`` to the gradients of the groups' weights (paper appendix A).

        Raises:
            ValueError: If a parameter has no gradient yet.
        """
        for membership in self._trained():
            _add_signs_(membership.parameter, strength, membership.owned)

    def _trained(self) -> Iterator[_Membership]:
        return (each for each in self._memberships if each.parameter.requires_grad)

    def _squares(self) -> Tensor:
        """Squared length of every component, (count + 1,); the last entry is all other weights."""
        first = self._memberships[0].parameter if self._memberships else torch.empty(0)
        squares = torch.zeros(self._count + 1, dtype=first.dtype, device=first.device)
        for membership in self._memberships:
            parameter = membership.parameter
            per_axis = [torch.zeros(size).to(parameter) for size in parameter.shape[:2]]
            start = 0
            for block in _rows(parameter):
                square = block * block
                if square.dim() > 2:  # a convolution's
                    square = square.flatten(2).sum(2)
                end = start + len(block)
                if membership.axes[0] is not None:
                    per_axis[0][start:end] = square.sum(1) if square.dim() == 2 else square
                if len(membership.axes) == 2 and membership.axes[1] is not None:
                    per_axis[1] += square.sum(0)
                start = end
            for sums, owners in zip(per_axis, membership.axes, strict=True):
                if owners is not None:
                    squares.index_add_(0, owners, sums)
        return squares


@torch.no_grad()
def threshold_(parameters: Iterable[nn.Parameter], tau: float) -> None:
    """Zero the weights whose absolute value is at most ``tau``, in place (paper section 3.2).

    Raises:
        ValueError: If ``tau`` is negative.
    """
    _check_not_negative("tau", tau)
    for parameter in parameters:
        for block in _rows(parameter):
            _zero_small_(block, tau)


@torch.no_grad()
def l1_subgradient_(parameters: Iterable[nn.Parameter], strength: float) -> None:
    """Add ``strength * sign(w)`` to the gradients (paper appendix A: plain l1).

    Raises:
        ValueError: If a parameter has no gradient yet.
    """
    for parameter in parameters:
        _add_signs_(parameter, strength)


def _memberships(groups: Sequence[Group], none: int) -> Iterator[_Membership]:
    owners: dict[str, list[Tensor | None]] = {}
    parameters: dict[str, nn.Parameter] = {}
    first_component = 0
    for group in groups:
        for s in group.slices:
            if not s.counted:
                continue
            parameter = parameters.setdefault(s.parameter, group.model.get_parameter(s.parameter))
            if s.axis > 1:
                raise ValueError(
                    f"{group.owner} lies along axis {s.axis} of {s.parameter}: 0 or 1 expected"
                )
            axes = owners.setdefault(s.parameter, [None] * min(2, parameter.dim()))
            of_axis = axes[s.axis]
            if of_axis is None:
                of_axis = torch.full((parameter.shape[s.axis],), none)
            of_axis[s.positions] = s.components + first_component
            axes[s.axis] = of_axis
        first_component += group.size
    for name, parameter in parameters.items():
        axes_on_device = [None if a is None else a.to(parameter.device) for a in owners[name]]
        owned = _owned(parameter, axes_on_device, none)
        yield _Membership(parameter, tuple(axes_on_device), owned)


def _owned(parameter: Tensor, axes: Sequence[Tensor | None], none: int) -> Tensor | None:
    """`_Membership.owned`; a matrix of which all rows or all columns are owned needs no mask."""
    by_axis = {axis: owners != none for axis, owners in enumerate(axes) if owners is not None}
    if any(bool(owned.all()) for owned in by_axis.values()):
        return None
    mask = torch.zeros_like(parameter, dtype=torch.bool)
    for axis, owned in by_axis.items():
        mask.index_fill_(axis, owned.nonzero().flatten(), value=True)
    return mask


def _add_signs_(parameter: nn.Parameter, strength: float, owned: Tensor | None = None) -> None:
    """Add ``strength * sign(w)`` to the gradient, where ``owned`` is true; None: everywhere."""
    if parameter.grad is None:
        raise ValueError("l1_subgradient_ needs gradients: call backward() first")
    rows = _rows(parameter), _rows(parameter.grad), _owned_rows(parameter, owned)
    for weight, gradient, mask in zip(*rows, strict=True):
        signs = weight.sign()
        gradient.add_(signs if mask is None else signs.mul_(mask), alpha=strength)


def _zero_small_(weight: Tensor, tau: float, owned: Tensor | None = None) -> None:
    """Zero what is at most ``tau`` in absolute value, where ``owned`` is true; None: everywhere."""
    left = nn.functional.hardshrink(weight, tau)
    weight.copy_(left if owned is None else torch.where(owned, left, weight))


def _check_not_negative(name: str, value: float) -> None:
    if not value >= 0.0:
        raise ValueError(f"{name} must be at least 0, not {value}")


def _rows(tensor: Tensor) -> tuple[Tensor, ...]:
    """``tensor`` in blocks of rows that fit the cache; on another device than the CPU, whole."""
    if tensor.device.type != "cpu":
        return (tensor,)
    rows = max(1, _BLOCK_ELEMENTS * len(tensor) // max(1, tensor.numel()))
    blocks: tuple[Tensor, ...] = torch.split(tensor, rows)
    return blocks


def _owned_rows(parameter: Tensor, owned: Tensor | None) -> Sequence[Tensor | None]:
    """The part of `_Membership.owned` for each block of `_rows`."""
    return [None] * len(_rows(parameter)) if owned is None else _rows(owned)


def _blocks(
    membership: _Membership, factors: Tensor, beside: Tensor | None = None
) -> Iterator[tuple[Tensor, Tensor, list[Tensor]]]:
    """Blocks of a parameter (and of a tensor of its shape) with their factors, one an axis."""
    parameter = membership.parameter
    by_row, by_column = None, None
    if membership.axes[0] is not None:
        by_row = factors[membership.axes[0]]
    if len(membership.axes) == 2 and membership.axes[1] is not None:
        by_column = factors[membership.axes[1]]
    start = 0
    for weight, other in zip(
        _rows(parameter), _rows(parameter if beside is None else beside), strict=True
    ):
        end = start + len(weight)
        by_axis = []
        if by_row is not None:
            rows = by_row[start:end]
            by_axis.append(rows.reshape(-1, *[1] * (weight.dim() - 1)))
        if by_column is not None:
            by_axis.append(by_column.reshape(-1, *[1] * (weight.dim() - 2)))
        yield weight, other, by_axis
        start = end
