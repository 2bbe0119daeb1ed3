"""What is known of the tensors of a run, and the operation that is being followed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves

from issrnn.layout import Layout
from issrnn.tracing.labels import Labels, distinct
from issrnn.tracing.tape import Flow, Tape, WeightAxis, ZeroRule

__all__ = ["Call", "Context", "FinalState", "Input", "Mark", "Slot", "Uniform", "Value", "along"]


@dataclass(frozen=True, eq=False)
class Slot:
    """Labels of a tensor along one axis."""

    axis: int
    """The axis that gets shorter when a labelled unit is removed."""
    labels: Tensor
    """int64 of the tensor's own shape, `NONE` where there is no unit."""
    weight: WeightAxis | None = None
    """Set if the tensor is a parameter itself, and this is that axis of it."""


@dataclass(frozen=True, eq=False)
class Value:
    """What is known of a tensor that carries labels."""

    slots: tuple[Slot, ...]
    node: int


@dataclass(frozen=True)
class Input:
    """The tensor is one the model was given, unchanged."""

    leaf: int
    """Its number among the leaves of the example inputs."""


@dataclass(frozen=True)
class FinalState:
    """The tensor is the whole final state of a recurrent module, unchanged."""

    module: str
    part: int
    """0 for ``h``, 1 for ``c``."""


@dataclass(frozen=True)
class Uniform:
    """The tensor holds one number everywhere, whatever its size."""

    number: float


Mark = Input | FinalState | Uniform


@dataclass(frozen=True)
class Call:
    """One ATen operation that has just run."""

    func: torch._ops.OpOverload
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    result: Any

    @cached_property
    def name(self) -> str:
        """Without overload and without the mark of an in-place variant."""
        return str(self.func.overloadpacket.__name__).rstrip("_").removeprefix("_")

    @property
    def schema(self) -> Any:
        """Names of the arguments, and whether some are written to."""
        return self.func._schema  # noqa: SLF001  torch offers no other way

    @cached_property
    def tensors(self) -> list[Tensor]:
        """All tensors among the arguments."""
        return [x for x in tree_leaves((self.args, self.kwargs)) if isinstance(x, Tensor)]

    @cached_property
    def results(self) -> list[Tensor]:
        """All tensors it returned."""
        return [x for x in tree_leaves(self.result) if isinstance(x, Tensor)]

    def argument(self, name: str, default: Any = None) -> Any:
        """An argument by its name in the operation's schema."""
        if name in self.kwargs:
            return self.kwargs[name]
        for position, argument in enumerate(self.schema.arguments):
            if argument.name == name:
                if position < len(self.args):
                    return self.args[position]
                return argument.default_value if argument.has_default_value() else default
        return default


class Context:
    """All that a run has shown so far."""

    def __init__(self, model: nn.Module) -> None:
        """Label every axis of every parameter of ``model``."""
        self.labels = Labels()
        self.tape = Tape()
        self.axes: dict[WeightAxis, Tensor] = {}
        """The labels of every parameter axis."""
        self.read: set[WeightAxis] = set()
        """Parameter axes that something was summed over along."""
        self.layouts: dict[str, Layout] = {}
        self.units: dict[str, tuple[Tensor, ...]] = {}
        """For each recurrent module, the labels of the units of each cell."""
        self.arrivals: dict[str, dict[int, Mark]] = {}
        """For each recurrent module, the initial states it was given whole, by part."""
        self.weightless: list[Tensor] = []
        """Labels that were read without a weight: attention products, sums over units."""
        self.state_fixed: set[str] = set()
        """Modules given an initial state whose size the model's code fixes."""
        self.state_read: set[str] = set()
        """Modules whose final state the model itself uses."""
        self.touched: set[str] = set()
        """Parameters some operation took."""
        self.loops: set[WeightAxis] = set()
        """Weights that read what they made themselves, as those of a recurrent layer do."""
        self.module = ""
        """Path of the innermost module that is running."""
        # Tensors are kept beside what is known of them, so that no id is used twice in a run.
        self._values: dict[int, tuple[Tensor, Value]] = {}
        self._marks: dict[int, tuple[Tensor, Mark]] = {}
        self._makers: dict[int, tuple[Tensor, frozenset[WeightAxis]]] = {}
        for name, parameter in model.named_parameters():
            self._label_parameter(name, parameter)

    def value(self, tensor: Any) -> Value | None:
        """What is known of a tensor; None if it carries no labels."""
        entry = self._values.get(id(tensor))
        return entry[1] if entry else None

    def slots(self, tensor: Any) -> tuple[Slot, ...]:
        """The labelled axes of a tensor."""
        entry = self._values.get(id(tensor))
        return entry[1].slots if entry else ()

    def mark(self, tensor: Any) -> Mark | None:
        """Whether a tensor is an input, a final state or uniform; None otherwise."""
        entry = self._marks.get(id(tensor))
        return entry[1] if entry else None

    def parameter_name(self, tensor: Any) -> str | None:
        """The parameter that a tensor is, at most with its axes in another order."""
        value = self.value(tensor)
        return self.tape.nodes[value.node].parameter if value else None

    def is_zero(self, tensor: Any) -> bool:
        """Whether a tensor (or number) is known to be zero everywhere."""
        return self.mark(tensor) == Uniform(0.0) or (
            isinstance(tensor, int | float) and tensor == 0
        )

    def set_mark(self, tensor: Tensor, mark: Mark) -> None:
        """Remember where a tensor comes from."""
        self._marks[id(tensor)] = (tensor, mark)

    def set_value(self, tensor: Tensor, slots: list[Slot], parameter: str | None = None) -> int:
        """Label a tensor and give it a node on the tape; returns the node."""
        labels = distinct(torch.cat([distinct(slot.labels) for slot in slots]))
        node = self.tape.node(labels, parameter)
        self._values[id(tensor)] = (tensor, Value(tuple(slots), node))
        return node

    def flow(
        self,
        inputs: list[Tensor],
        result: Tensor,
        slots: list[Slot],
        zero: ZeroRule,
        *,
        zeros: Sequence[Tensor] = (),
        parameter: str | None = None,
    ) -> None:
        """Label ``result`` and record that its values come from ``inputs`` place by place.

        ``zeros`` are inputs that count as zero besides those known to be.
        """
        if not slots:
            return
        sources = [self.value(tensor) for tensor in inputs]
        known_zero = tuple(self.is_zero(x) or any(x is zero for zero in zeros) for x in inputs)
        nodes = tuple(source.node if source else None for source in sources)
        output = self.set_value(result, slots, parameter)
        self.tape.entries.append(Flow(nodes, output, zero, known_zero))

    def pass_makers(self, call: Call) -> None:
        """What an operation gives was made by the weights that made what it took."""
        makers = frozenset[WeightAxis]().union(*map(self._makers_of, call.tensors))
        if makers:
            for result in call.results:
                self._makers[id(result)] = (result, makers)

    def note_maker(self, weight: WeightAxis, result: Tensor) -> None:
        """Weights read something along an axis and made ``result`` of it."""
        makers = self._makers_of(result)
        if weight in makers:
            self.loops.add(weight)
        self._makers[id(result)] = (result, makers | {weight})

    def refuse(self, tensors: list[Tensor], reason: str) -> None:
        """The units in these tensors cannot be removed exactly."""
        for tensor in tensors:
            for slot in self.slots(tensor):
                self.refuse_labels(tensor, slot.labels, reason)

    def refuse_labels(self, tensor: Tensor, labels: Tensor, reason: str) -> None:
        """Some units in a tensor cannot be removed exactly; what they depend on matters."""
        self.labels.refuse(labels, reason)
        value = self.value(tensor)
        if value is not None:
            self.tape.needed.append((value.node, distinct(labels)))

    def classes_with_units(self) -> Callable[[Tensor], bool]:
        """Tells whether labels are tied to a unit, as far as the run has shown."""
        classes = self.labels.classes()
        units = classes[torch.cat([labels for cells in self.units.values() for labels in cells])]
        return lambda labels: bool(torch.isin(classes[distinct(labels)], units).any())

    def sharing(self, written: Tensor) -> list[Tensor]:
        """Other known tensors that share memory with one that was written in place."""
        storage = written.untyped_storage().data_ptr()
        known = [*self._values.values(), *self._marks.values()]
        return list(
            {
                id(tensor): tensor
                for tensor, _ in known
                if tensor is not written and tensor.untyped_storage().data_ptr() == storage
            }.values()
        )

    def forget_mark(self, tensor: Tensor) -> None:
        """The tensor was written to: it is no longer what it was."""
        self._marks.pop(id(tensor), None)

    @property
    def named(self) -> set[str]:
        """Parameters with an axis that could be cut."""
        return {weight.parameter for weight in self.axes}

    @property
    def where(self) -> str:
        """The running module, for messages."""
        return f"`{self.module}`" if self.module else "the model's forward"

    def _makers_of(self, tensor: Tensor) -> frozenset[WeightAxis]:
        entry = self._makers.get(id(tensor))
        return entry[1] if entry else frozenset()

    def _label_parameter(self, name: str, parameter: Tensor) -> None:
        slots = []
        for axis, size in enumerate(parameter.shape):
            if size > 1:  # an axis of one can't be cut
                weight = WeightAxis(name, axis)
                self.axes[weight] = self.labels.new(size)
                labels = along(self.axes[weight].to(parameter.device), axis, parameter.shape)
                slots.append(Slot(axis, labels, weight))
        if slots:
            self.set_value(parameter, slots, name)


def along(labels: Tensor, axis: int, shape: torch.Size) -> Tensor:
    """(n,) labels laid along one axis of a tensor of this shape, without using memory."""
    view = [1] * len(shape)
    view[axis] = shape[axis]
    return labels.view(view).expand(shape)
