"""The tape: what a run did with labelled values, in order, for the analysis in `issrnn.liveness`.

A node is one tensor of the run. Entries name nodes, never tensors, so that a tape keeps no
activations alive.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from torch import Tensor

from issrnn.layout import Layout

__all__ = [
    "Entry",
    "Flow",
    "Initial",
    "Node",
    "Product",
    "RecurrentCall",
    "Tape",
    "WeightAxis",
    "ZeroRule",
]

ZeroRule = Literal["all", "any", "first", "parts", "never"]
"""When the result of an element-wise operation is zero: if all operands are zero (sum), if any is
(product), if the first is (tanh, quotient by a number), if all parts that hold the unit are
(concatenation), or it may never be taken to be (sigmoid)."""


@dataclass(frozen=True)
class WeightAxis:
    """One axis of one parameter."""

    parameter: str
    axis: int


@dataclass(frozen=True, eq=False)
class Node:
    """A tensor of the run."""

    labels: Tensor
    """(n,) int64, the labels that occur in it."""
    parameter: str | None = None
    """Set if the tensor is this parameter itself, at most with its axes in another order."""


@dataclass(frozen=True)
class Flow:
    """Labelled places of the inputs move to places of the output that carry the same class."""

    inputs: tuple[int | None, ...]
    """Nodes; None for an operand without labels."""
    output: int
    zero: ZeroRule
    known_zero: tuple[bool, ...]
    """For each input without labels: whether it is a constant zero."""


@dataclass(frozen=True, eq=False)
class Product:
    """A sum over products along labelled axes; ``right`` is None for a constant or a plain sum."""

    left: int
    right: int | None
    read: Tensor
    """Labels of the axis that is summed over."""
    output: int | None
    """None if no label is left in the result."""
    weight: WeightAxis | None = None
    """The axis that is summed over, if one operand is a parameter itself."""
    weight_rows: WeightAxis | None = None
    """The axis of that parameter which lives on in the output."""

    @property
    def nodes(self) -> tuple[int, ...]:
        """The operands with labels."""
        return (self.left,) if self.right is None else (self.left, self.right)


Initial = int | Literal["zero", "unknown"]
"""Where an initial state comes from: a node, zeros, or elsewhere."""


@dataclass(frozen=True, eq=False)
class RecurrentCall:
    """One call of a recurrent module."""

    layout: Layout
    input: int | None
    input_labels: Tensor
    """(input size,) the label of each input column, -1 for none."""
    initial: tuple[Initial, ...]
    """``(h,)`` or ``(h, c)``."""
    output: int | None
    final: tuple[int, ...]
    """Nodes of the final state, ``(h,)`` or ``(h, c)``."""


Entry = Flow | Product | RecurrentCall


@dataclass(eq=False)
class Tape:
    """Nodes, entries in the order they ran, and where they end."""

    nodes: list[Node] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    needed: list[tuple[int, Tensor]] = field(default_factory=list)
    """Nodes and labels in them that the output depends on in ways the tape does not hold."""

    @property
    def calls(self) -> list[RecurrentCall]:
        """Calls of recurrent modules."""
        return [entry for entry in self.entries if isinstance(entry, RecurrentCall)]

    def node(self, labels: Tensor, parameter: str | None = None) -> int:
        """Add a node; returns its number."""
        self.nodes.append(Node(labels, parameter))
        return len(self.nodes) - 1
