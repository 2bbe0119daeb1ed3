"""Which weights are zero, by class."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor, nn

from issrnn.tracing.tape import Product, Tape, WeightAxis

__all__ = ["Run", "Weights", "any_along"]


@dataclass(frozen=True, eq=False)
class Run:
    """What the analysis needs to know of a traced run."""

    tape: Tape
    classes: Tensor
    """(labels,) int64: the class of each label."""
    axes: dict[WeightAxis, Tensor]
    """The labels of every parameter axis."""
    units: dict[str, tuple[Tensor, ...]]
    """For each recurrent module, the labels of the units of each cell."""

    @cached_property
    def class_count(self) -> int:
        """Number of classes."""
        return int(self.classes.max()) + 1 if len(self.classes) else 0

    @cached_property
    def held(self) -> list[Tensor]:
        """For each node of the tape (classes,) bool: the classes it holds."""
        return [self.mask(self.classes[node.labels]) for node in self.tape.nodes]

    def mask(self, classes: Tensor) -> Tensor:
        """(classes,) bool, true at these."""
        mask = torch.zeros(self.class_count, dtype=torch.bool)
        mask[classes] = True
        return mask

    def along(self, weight: WeightAxis) -> Tensor:
        """(n,): the class of each place of a parameter axis."""
        return self.classes[self.axes[weight]]


class Weights:
    """Where the weights of a model are not zero; each parameter is looked at once."""

    def __init__(self, run: Run, model: nn.Module) -> None:
        """Look at the weights ``model`` has now."""
        self._run = run
        self._parameters = dict(model.named_parameters(remove_duplicate=False))
        self._nonzero: dict[str, Tensor] = {}

    def value(self, name: str) -> Tensor:
        """The parameter itself."""
        return self._parameters[name].detach()

    def nonzero(self, name: str) -> Tensor:
        """Bool of the parameter's shape, on the CPU."""
        if name not in self._nonzero:
            self._nonzero[name] = (self.value(name) != 0).cpu()
        return self._nonzero[name]

    def zero_classes(self, name: str) -> Tensor:
        """(classes,): whether all rows and columns of a class in this parameter are zero."""
        zero = torch.ones(self._run.class_count, dtype=torch.bool)
        for axis in range(self.nonzero(name).dim()):
            weight = WeightAxis(name, axis)
            if weight in self._run.axes:
                others = [a for a in range(self.nonzero(name).dim()) if a != axis]
                zero[self._run.along(weight)[any_along(self.nonzero(name), others)]] = False
        return zero

    def matrix(self, entry: Product) -> Tensor:
        """(rows, columns) bool: where the parameter that reads in this product is not zero.

        Columns lie along the axis that is summed over, rows along the one that lives on in the
        result; there is one row if none does.
        """
        if entry.weight is None:
            raise ValueError("no parameter reads in this product")
        nonzero = self.nonzero(entry.weight.parameter)
        axes = [entry.weight_rows.axis] if entry.weight_rows else []
        axes.append(entry.weight.axis)
        nonzero = any_along(nonzero, [a for a in range(nonzero.dim()) if a not in axes])
        if len(axes) == 1:
            return nonzero.unsqueeze(0)
        return nonzero if axes[0] < axes[1] else nonzero.t()


def any_along(values: Tensor, axes: list[int]) -> Tensor:
    """Whether any of some booleans is true, along axes."""
    if not axes:
        return values
    if not values.numel():  # of nothing there is no largest
        return values.any(dim=tuple(axes))
    # Three times as fast as `any` over booleans.
    return values.view(torch.uint8).amax(axes).view(torch.bool)
