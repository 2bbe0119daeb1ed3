"""Group lasso over ISS weight groups, and thresholding (Wen et al., ICLR 2018, Eq. 2 to 4).

All operations are in place and walk each parameter in blocks of rows (`issrnn.membership`), so that
a step costs little more than one pass over the weights in memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import reduce
from itertools import repeat

import torch
from torch import Tensor, nn

from issrnn.groups import Group
from issrnn.membership import Membership, memberships, row_blocks

__all__ = ["EPSILON", "GroupLasso", "l1_subgradient_", "threshold_"]

EPSILON = 1e-8
"""Under the root of a group's length in the gradient, so that it never divides by zero (Eq. 4)."""


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
            ValueError: If a group lies along another than the first two axes of a parameter, those
                of length 1 not counted; or weights to be changed are of half precision, in which
                what a step takes from them is rounded away.
        """
        self._count = sum(group.size for group in groups)
        self._memberships = tuple(memberships(groups, self._count))
        dtypes = [membership.parameter.dtype for membership in self._memberships]
        self._dtype = reduce(torch.promote_types, dtypes, torch.float32)
        """Of sums of squares, which half precision could not hold."""
        if half := {m.parameter.dtype for m in self._trained()} & {torch.float16, torch.bfloat16}:
            raise ValueError(
                f"group lasso on weights in {min(map(str, half))} is lost to rounding: keep them "
                "in float32 (under torch.autocast the model computes in half precision all the "
                "same)"
            )

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
            gradient = membership.gradient
            if gradient is None:
                raise ValueError("add_gradient_ needs gradients: call backward() first")
            blocks = (
                row_blocks(membership.weight),
                row_blocks(gradient),
                membership.factor_blocks(factors),
            )
            for weight, grad, by_axis in zip(*blocks, strict=True):
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
            blocks = (
                row_blocks(membership.weight),
                membership.factor_blocks(factors),
                membership.owned_blocks(),
            )
            for weight, by_axis, owned in zip(*blocks, strict=True):
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
            blocks = row_blocks(membership.weight), membership.owned_blocks()
            for weight, owned in zip(*blocks, strict=True):
                _zero_small_(weight, tau, owned)

    @torch.no_grad()
    def l1_subgradient_(self, strength: float) -> None:
        """Add ``strength * sign(w)`` to the gradients of the groups' weights (paper appendix A).

        Raises:
            ValueError: If a parameter has no gradient yet.
        """
        for membership in self._trained():
            owned = membership.owned_blocks()
            _add_signs_(membership.weight, membership.gradient, strength, owned)

    def _trained(self) -> Iterator[Membership]:
        return (each for each in self._memberships if each.parameter.requires_grad)

    def _squares(self) -> Tensor:
        """Squared length of every component, (count + 1,); the last entry is all other weights."""
        first = self._memberships[0].parameter if self._memberships else torch.empty(0)
        squares = torch.zeros(self._count + 1, dtype=self._dtype, device=first.device)
        for membership in self._memberships:
            weight = membership.weight
            per_axis = [weight.new_zeros(n, dtype=self._dtype) for n in weight.shape[:2]]
            start = 0
            for block in row_blocks(weight):
                block = block.to(self._dtype)  # noqa: PLW2901  the same block
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
        for block in row_blocks(parameter):
            _zero_small_(block, tau)


@torch.no_grad()
def l1_subgradient_(parameters: Iterable[nn.Parameter], strength: float) -> None:
    """Add ``strength * sign(w)`` to the gradients (paper appendix A: plain l1).

    Raises:
        ValueError: If a parameter has no gradient yet.
    """
    for parameter in parameters:
        _add_signs_(parameter, parameter.grad, strength)


def _add_signs_(
    weights: Tensor,
    gradients: Tensor | None,
    strength: float,
    owned: Iterable[Tensor | None] = repeat(None),
) -> None:
    """Add ``strength * sign(w)`` to the gradient.

    Args:
        weights: Their signs are meant.
        gradients: Of their shape.
        strength: Of l1.
        owned: For each block of rows, where to add; None: everywhere.
    """
    if gradients is None:
        raise ValueError("l1_subgradient_ needs gradients: call backward() first")
    for weight, gradient, mask in zip(
        row_blocks(weights), row_blocks(gradients), owned, strict=False
    ):
        signs = weight.sign()
        gradient.add_(signs if mask is None else signs.mul_(mask), alpha=strength)


def _zero_small_(weight: Tensor, tau: float, owned: Tensor | None = None) -> None:
    """Zero what is at most ``tau`` in absolute value, where ``owned`` is true; None: everywhere."""
    left = nn.functional.hardshrink(weight, tau)
    weight.copy_(left if owned is None else torch.where(owned, left, weight))


def _check_not_negative(name: str, value: float) -> None:
    if not value >= 0.0:
        raise ValueError(f"{name} must be at least 0, not {value}")
