"""ISS weight groups as plain data: which entries of which parameters stand or fall with a unit.

A group holds the components of one layer and direction (or of several layers tied together).
Component ``k`` is made of slices: all weights that produce the layer's ``k``-th hidden unit and all
weights that read it (Wen et al., ICLR 2018, section 3.1). Everything else in the library (lasso,
thresholding, shrinking, counting) reads only this data.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal, overload

import torch
from torch import Tensor, nn

from issrnn.source import Source

__all__ = ["Group", "Groups", "Refusal", "Slice"]

Role = Literal["produces", "reads"]

_HEADING = f"{'owner':<32} {'components':>10} {'weights each':>12}"


@dataclass(frozen=True, eq=False)
class Slice:
    """The entries of one parameter that belong to a group, along one axis.

    Row (or column) ``positions[j]`` of the parameter belongs to component ``components[j]``; a
    component may own several rows, as an LSTM unit owns one in each of its four gates.
    """

    parameter: str
    """Name of the parameter in ``model.named_parameters()``."""
    axis: int
    """Axis of the parameter that ``positions`` index."""
    positions: Tensor = field(repr=False)
    """(n,) int64, each position at most once."""
    components: Tensor = field(repr=False)
    """(n,) int64, values in ``range(group.size)``."""
    role: Role
    """Whether these weights make the unit or read it."""
    counted: bool = True
    """Whether they are part of the weight group: biases are removed with it but not regularised."""


@dataclass(frozen=True, eq=False)
class Group:
    """The ISS weight group of every component of one owner."""

    owner: str
    """The layer(s) whose units these are, e.g. ``lstm.l0`` or ``encoder.l0 + decoder.l0``."""
    size: int
    """Number of components."""
    slices: tuple[Slice, ...]
    model: nn.Module = field(repr=False)
    """The module whose parameters the slices name."""

    @property
    def weights_per_component(self) -> int:
        """Weights in one component's group; one on both a row and a column counts twice (paper)."""
        weights = sum(
            self._parameter(s).numel() // self._parameter(s).shape[s.axis] * len(s.positions)
            for s in self.slices
            if s.counted
        )
        return weights // self.size

    @torch.no_grad()
    def norms(self) -> Tensor:
        """Euclidean length of each component's weights, (size,) (paper Eq. 2).

        Accumulated in float64, so that no unit of a large layer is lost to rounding.
        """
        squares = torch.zeros(self.size, dtype=torch.float64)
        for s in self.slices:
            if s.counted:
                weight = self._parameter(s).detach()
                others = [axis for axis in range(weight.dim()) if axis != s.axis]
                lengths = torch.linalg.vector_norm(weight, dim=others) if others else weight
                per_position = lengths.double().square().cpu()
                squares.index_add_(0, s.components, per_position[s.positions])
        return squares.sqrt()

    @torch.no_grad()
    def zero_(self, components: Iterable[int] | Tensor) -> None:
        """Set these components' weights to zero, in place.

        Args:
            components: Their numbers, or a mask of (size,) bool such as ``norms() < 0.1``.

        Raises:
            IndexError: If a component is not in ``range(size)``, or a mask is not of this size.
            TypeError: If they are neither integers nor booleans.
        """
        chosen = self._chosen(components)
        if bool(((chosen < 0) | (chosen >= self.size)).any()):
            message = f"{self.owner} has components 0 to {self.size - 1}, got {chosen.tolist()}"
            raise IndexError(message)
        for s in self.slices:
            if s.counted:
                weight = self._parameter(s)
                positions = s.positions[torch.isin(s.components, chosen)]
                weight.index_fill_(s.axis, positions.to(weight.device), 0.0)

    def __str__(self) -> str:
        """As in the table of all groups."""
        return "\n".join([_HEADING, *_group_lines(self)])

    def _chosen(self, components: Iterable[int] | Tensor) -> Tensor:
        if not isinstance(components, Tensor):
            components = torch.as_tensor(list(components))
        chosen = components.detach().cpu().reshape(-1)
        if chosen.dtype == torch.bool:
            if len(chosen) != self.size:
                raise IndexError(
                    f"{self.owner} has {self.size} components, the mask has {len(chosen)} places"
                )
            return chosen.nonzero().reshape(-1)
        if len(chosen) and (chosen.is_floating_point() or chosen.is_complex()):
            raise TypeError(f"components are integers or a bool mask, not {chosen.dtype}")
        return chosen.long()

    def _parameter(self, s: Slice) -> nn.Parameter:
        return self.model.get_parameter(s.parameter)


@dataclass(frozen=True)
class Refusal:
    """Units that cannot be removed exactly."""

    owner: str
    """The layer whose units these are."""
    reason: str
    """Why, and what would help."""


@dataclass(frozen=True, eq=False)
class Groups(Sequence[Group]):
    """All groups of a model, in the order its layers run, and what was refused."""

    model: nn.Module = field(repr=False)
    groups: tuple[Group, ...]
    refused: tuple[Refusal, ...] = ()
    source: Source | None = field(default=None, repr=False)
    """How they were found or declared; `shrink` needs it."""

    def __len__(self) -> int:
        return len(self.groups)

    @overload
    def __getitem__(self, index: int) -> Group: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Group, ...]: ...
    def __getitem__(self, index: int | slice) -> Group | tuple[Group, ...]:
        return self.groups[index]

    def __iter__(self) -> Iterator[Group]:
        return iter(self.groups)

    def __str__(self) -> str:
        """A table: owner, components, weights a component, then one line a slice."""
        lines = [_HEADING]
        fixed = self.source.fixed if self.source else [torch.zeros(g.size) for g in self.groups]
        for group, mask in zip(self.groups, fixed, strict=True):
            lines.extend(_group_lines(group))
            if count := int(mask.sum()):
                lines.append(f"  {count} keep their places outside the layer: what reads them too")
        lines.extend(f"{refusal.owner:<32} refused: {refusal.reason}" for refusal in self.refused)
        return "\n".join(lines)


def _group_lines(group: Group) -> list[str]:
    first = f"{group.owner:<32} {group.size:>10} {group.weights_per_component:>12}"
    return [first] + [
        f"  {s.role:<8} {s.parameter}, axis {s.axis}, {len(s.positions)} positions"
        + ("" if s.counted else " (removed with the unit, not regularised)")
        for s in group.slices
    ]
