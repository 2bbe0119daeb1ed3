"""Labels: a number for every hidden unit and for every row or column of every parameter.

Labels that must be cut together (a unit and the column that reads it, two units that are added) are
tied; tied labels form a class. A component of a weight group is one class.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

__all__ = ["NONE", "Labels", "Refused", "broadcast", "collapse", "distinct"]

NONE = -1
"""The label of a place that belongs to nothing that could be cut."""


@dataclass(frozen=True, eq=False)
class Refused:
    """Labels that cannot be removed exactly, and why."""

    labels: Tensor
    reason: str


@dataclass(eq=False)
class Labels:
    """Hands out labels and records what ties, fixes or refuses them."""

    count: int = 0
    """Labels handed out so far."""
    refused: list[Refused] = field(default_factory=list)
    _ties: list[Tensor] = field(default_factory=list)
    _fixed: list[Tensor] = field(default_factory=list)

    def new(self, number: int) -> Tensor:
        """(number,) int64 labels that no one else has."""
        labels = torch.arange(self.count, self.count + number)
        self.count += number
        return labels

    def tie(self, left: Tensor, right: Tensor) -> None:
        """What stands at the same place of two (broadcastable) label tensors is one class."""
        left, right = broadcast(left, right)
        pairs = torch.stack([part.reshape(-1).cpu() for part in _collapse_pair(left, right)])
        pairs = pairs[:, (pairs >= 0).all(0) & (pairs[0] != pairs[1])]
        if pairs.numel():
            keys = distinct(pairs[0] * self.count + pairs[1])
            self._ties.append(torch.stack([keys // self.count, keys % self.count]))

    def merge(self, left: Tensor, right: Tensor) -> Tensor:
        """Tie, and fix what stands where the other has no label (its size cannot change).

        Returns:
            One label for each place of the broadcast shape.
        """
        self.tie(left, right)
        left, right = broadcast(left, right)
        small_left, small_right = _collapse_pair(left, right)
        if bool(((small_left == NONE) != (small_right == NONE)).any()):
            self.fix(torch.where(small_left == NONE, small_right, NONE))
            self.fix(torch.where(small_right == NONE, small_left, NONE))
            return torch.where(left == NONE, right, left)
        return left

    def tie_along(self, labels: Tensor, axes: tuple[int, ...]) -> Tensor:
        """Tie all labels that differ only in their place along ``axes``.

        Returns:
            One label for each remaining place; ``axes`` are kept with size 1.
        """
        if not axes:
            return labels
        merged = collapse(labels).amax(axes, keepdim=True)
        self.tie(labels, merged)
        return merged

    def fix(self, labels: Tensor) -> None:
        """Addressed by position outside their recurrent module: they keep their place there."""
        self._fixed.append(distinct(labels))

    def refuse(self, labels: Tensor, reason: str) -> None:
        """These cannot be removed exactly."""
        present = distinct(labels)
        if present.numel():
            self.refused.append(Refused(present, reason))

    def classes(self) -> Tensor:
        """(count,) int64: the class of each label, numbered from 0 in order of first label."""
        root = torch.arange(self.count)
        if self._ties:
            left, right = torch.cat(self._ties, dim=1)
            root = _connect(root, left, right)
        classes: Tensor = torch.unique(root, return_inverse=True)[1]
        return classes

    def fixed(self) -> Tensor:
        """Labels that `fix` was called on."""
        return distinct(torch.cat([torch.empty(0, dtype=torch.int64), *self._fixed]))


def collapse(labels: Tensor) -> Tensor:
    """The same labels with size 1 along every axis they were only expanded over."""
    for axis in range(labels.dim()):
        if labels.stride(axis) == 0 and labels.shape[axis] > 1:
            labels = labels.narrow(axis, 0, 1)
    return labels


def _collapse_pair(left: Tensor, right: Tensor) -> tuple[Tensor, Tensor]:
    for axis in range(left.dim()):
        if left.stride(axis) == 0 and right.stride(axis) == 0 and left.shape[axis] > 1:
            left, right = left.narrow(axis, 0, 1), right.narrow(axis, 0, 1)
    return left, right


def distinct(labels: Tensor) -> Tensor:
    """(n,) the labels that occur, on the CPU, without `NONE`."""
    found: Tensor = torch.unique(collapse(labels)).cpu()
    return found[found != NONE]


def broadcast(left: Tensor, right: Tensor) -> tuple[Tensor, Tensor]:
    """Both in their common shape."""
    pair: tuple[Tensor, Tensor] = torch.broadcast_tensors(left, right)  # type: ignore[no-untyped-call]
    return pair


def _connect(root: Tensor, left: Tensor, right: Tensor) -> Tensor:
    """Connected components: every label takes the smallest label it is tied to."""
    while True:
        smallest = torch.minimum(root[left], root[right])
        merged = root.clone()
        for ends in (left, right):
            merged.scatter_reduce_(0, root[ends], smallest, "amin")
        merged = merged[merged]
        if torch.equal(merged, root):
            return root
        root = merged
