"""Which components can no longer matter, from the weights as they are now.

Two facts about every labelled value of the run, both exact: whether it is provably zero at every
step, found forwards along the tape, and whether anything the model returns still depends on it,
found backwards. A component can be removed when each of its values is zero or matters to no one.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from issrnn.layout import Cell, Layout
from issrnn.tracing.tape import Flow, Product, RecurrentCall, Tape, WeightAxis

__all__ = ["Run", "removable_classes"]


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

    @property
    def class_count(self) -> int:
        """Number of classes."""
        return int(self.classes.max()) + 1 if len(self.classes) else 0


@torch.no_grad()
def removable_classes(run: Run, model: nn.Module) -> Tensor:
    """(classes,) bool: which classes nothing depends on, with the weights ``model`` has now."""
    return _Analysis(run, model).removable()


class _Analysis:
    def __init__(self, run: Run, model: nn.Module) -> None:
        self.run = run
        self.weights = {n: p.detach() for n, p in model.named_parameters(remove_duplicate=False)}
        count = run.class_count
        self.of_node = [run.classes[node.labels] for node in run.tape.nodes]
        self.zero = [torch.zeros(count, dtype=torch.bool) for _ in run.tape.nodes]
        self.matters = [torch.zeros(count, dtype=torch.bool) for _ in run.tape.nodes]
        self.zero_units: dict[int, list[Tensor]] = {}
        self.axis_zero: dict[WeightAxis, Tensor] = {}

    def removable(self) -> Tensor:
        tape = self.run.tape
        for number, node in enumerate(tape.nodes):
            if node.parameter:
                self.zero[number] = self.parameter_zero(node.parameter)
        for entry in tape.entries:
            if isinstance(entry, Flow):
                self.flow_forward(entry)
            elif isinstance(entry, Product):
                self.product_forward(entry)
            else:
                self.call_forward(entry)
        for node in tape.returned:
            self.matters[node][self.of_node[node]] = True
        for entry in reversed(tape.entries):
            if isinstance(entry, Flow):
                self.flow_backward(entry)
            elif isinstance(entry, Product):
                self.product_backward(entry)
            else:
                self.call_backward(entry)
        kept = torch.zeros(self.run.class_count, dtype=torch.bool)
        for number, node in enumerate(tape.nodes):
            if not node.parameter:
                kept |= self.matters[number] & ~self.zero[number]
        return ~kept

    # Forwards: what is zero.

    def parameter_zero(self, name: str) -> Tensor:
        """(classes,): whether all rows and columns of a class in this parameter are zero."""
        zero = torch.ones(self.run.class_count, dtype=torch.bool)
        for axis in range(self.weights[name].dim()):
            weight = WeightAxis(name, axis)
            if weight in self.run.axes:
                per_place = self.zero_along(weight)
                zero[self.run.classes[self.run.axes[weight]][~per_place]] = False
        return zero

    def zero_along(self, weight: WeightAxis) -> Tensor:
        """(n,): whether the entries of a parameter at each place of an axis are all zero."""
        if weight not in self.axis_zero:
            values = self.weights[weight.parameter]
            others = [axis for axis in range(values.dim()) if axis != weight.axis]
            self.axis_zero[weight] = ~_any(values != 0, others).cpu()
        return self.axis_zero[weight]

    def flow_forward(self, entry: Flow) -> None:
        if self.run.tape.nodes[entry.output].parameter or entry.zero == "never":
            return
        facts = [
            self.input_zero(node, known, absent=entry.zero == "parts")
            for node, known in zip(entry.inputs, entry.known_zero, strict=True)
        ]
        if entry.zero == "first":
            facts = facts[:1]
        combine = torch.any if entry.zero == "any" else torch.all
        present = self.of_node[entry.output]
        self.zero[entry.output][present] = combine(torch.stack(facts), 0)[present]

    def input_zero(self, node: int | None, known: bool, *, absent: bool) -> Tensor:
        """(classes,): whether an operand is zero; ``absent`` for classes it does not hold."""
        if node is None:
            return torch.full((self.run.class_count,), known or absent)
        fact = torch.full((self.run.class_count,), known or absent)
        fact[self.of_node[node]] |= True
        fact[self.of_node[node]] &= self.zero[node][self.of_node[node]] | known
        return fact

    def product_forward(self, entry: Product) -> None:
        if entry.output is None:
            return
        out = self.of_node[entry.output]
        read = self.class_mask(self.run.classes[entry.read])
        for node in entry.nodes:
            stays = self.class_mask(self.of_node[node]) & ~read
            self.zero[entry.output][out] |= (stays & self.zero[node])[out]
        if entry.weight and entry.weight_rows:
            columns = self.run.classes[self.run.axes[entry.weight]]
            used = ~self.activation_zero(entry)[columns]
            rows = self.run.classes[self.run.axes[entry.weight_rows]]
            nonzero = self.matrix(entry)[:, used].any(1)
            self.zero[entry.output][rows] = True
            self.zero[entry.output][rows[nonzero]] = False

    def activation_zero(self, entry: Product) -> Tensor:
        """(classes,): whether the activation a weight reads is zero."""
        zero = torch.zeros(self.run.class_count, dtype=torch.bool)
        for node in entry.nodes:
            if not self.run.tape.nodes[node].parameter:
                zero |= self.zero[node]
        return zero

    def matrix(self, entry: Product) -> Tensor:
        """(rows, columns) bool: which entries of the reading parameter are not zero."""
        assert entry.weight  # noqa: S101  callers check; this tells the type checker
        nonzero = self.weights[entry.weight.parameter] != 0
        axes = [entry.weight.axis]
        if entry.weight_rows:
            axes.insert(0, entry.weight_rows.axis)
        nonzero = _any(nonzero, [a for a in range(nonzero.dim()) if a not in axes])
        if len(axes) == 1:
            return nonzero.unsqueeze(0).cpu()
        return (nonzero if axes[0] < axes[1] else nonzero.t()).cpu()

    def call_forward(self, entry: RecurrentCall) -> None:
        layout, units = entry.layout, self.run.units[entry.layout.module]
        below = torch.zeros(len(entry.input_labels), dtype=torch.bool)
        if entry.input is not None:
            labelled = entry.input_labels >= 0
            classes = self.run.classes[entry.input_labels[labelled]]
            below[labelled] = self.zero[entry.input][classes]
        zeros: list[Tensor] = []
        for layer in layout.layers:
            made = []
            for cell in layer:
                labels = units[len(zeros) + len(made)]
                start = self.initial_zero(entry, labels)
                made.append(self.cell_zero(layout, cell, below, start))
            zeros.extend(made)
            below = torch.cat(made)
        self.zero_units[id(entry)] = zeros
        for node in (entry.output, *entry.final):
            if node is not None:
                held = self.of_node[node]
                self.zero[node][held] = True
                for labels, zero in zip(units, zeros, strict=True):
                    self.zero[node][self.run.classes[labels[~zero]]] = False

    def initial_zero(self, entry: RecurrentCall, labels: Tensor) -> Tensor:
        """(size,): whether each unit starts at zero."""
        zero = torch.ones(len(labels), dtype=torch.bool)
        for start in entry.initial:
            if start == "unknown":
                zero[:] = False
            elif start != "zero":
                zero &= self.zero[start][self.run.classes[labels]]
        return zero

    def cell_zero(self, layout: Layout, cell: Cell, below: Tensor, start: Tensor) -> Tensor:
        """(size,): units that stay zero, by induction over the steps.

        A unit's new value is zero if its cell gate (LSTM), new gate (GRU) or only gate (RNN) is
        tanh or ReLU of zero: no bias, no input that is not zero, no recurrent unit that is not.
        """
        gate = slice(2 * cell.size, 3 * cell.size) if layout.gates > 1 else slice(0, cell.size)
        part = {kind: self.weights[name][gate] for kind, name in cell.weights.items()}
        candidates = start & ~(part["weight_ih"] != 0).cpu()[:, ~below].any(1)
        if "bias_ih" in part:
            biases = part["bias_ih"], part["bias_hh"]
            # GRU multiplies the second by its reset gate, so they cannot cancel.
            sums = biases if layout.mode == "GRU" else (biases[0] + biases[1],)
            for bias in sums:
                candidates &= (bias == 0).cpu()
        recurrent = (part["weight_hh"] != 0).cpu()
        while True:
            smaller = candidates & ~recurrent[:, ~candidates].any(1)
            if torch.equal(smaller, candidates):
                return candidates
            candidates = smaller

    # Backwards: what matters.

    def flow_backward(self, entry: Flow) -> None:
        needed = self.matters[entry.output]
        for number, node in enumerate(entry.inputs):
            if node is None:
                continue
            held, wanted = self.of_node[node], needed
            if entry.zero == "any":
                others = zip(entry.inputs, entry.known_zero, strict=True)
                for other, (factor, known) in enumerate(others):
                    if other != number:
                        wanted = wanted & ~self.input_zero(factor, known, absent=False)
            self.matters[node][held] |= wanted[held]

    def product_backward(self, entry: Product) -> None:
        read = self.class_mask(self.run.classes[entry.read])
        for node in entry.nodes:
            held = self.class_mask(self.of_node[node])
            if entry.output is not None:
                self.matters[node] |= self.matters[entry.output] & held & ~read
            if entry.weight and not self.run.tape.nodes[node].parameter:
                self.matters[node] |= self.read_by_weight(entry) & held
            elif not entry.weight:
                others = [other for other in entry.nodes if other != node]
                wanted = held & read
                for other in others:
                    wanted &= ~self.zero[other]
                self.matters[node] |= wanted

    def read_by_weight(self, entry: Product) -> Tensor:
        """(classes,): read by an entry that is not zero, for a result that matters."""
        assert entry.weight  # noqa: S101  callers check; this tells the type checker
        matrix = self.matrix(entry)
        if entry.weight_rows and entry.output is not None:
            rows = self.run.classes[self.run.axes[entry.weight_rows]]
            alive = self.matters[entry.output][rows]
            matrix = matrix if bool(alive.all()) else matrix[alive]
        wanted = torch.zeros(self.run.class_count, dtype=torch.bool)
        columns = self.run.classes[self.run.axes[entry.weight]]
        wanted[columns[matrix.any(0)]] = True
        return wanted

    def call_backward(self, entry: RecurrentCall) -> None:
        layout, units = entry.layout, self.run.units[entry.layout.module]
        zeros = self.zero_units[id(entry)]
        number = len(units)
        above: Tensor | None = None
        for layer in reversed(layout.layers):
            number -= len(layer)
            alive_layer = []
            for place, cell in enumerate(layer):
                classes = self.run.classes[units[number + place]]
                nodes = [n for n in (entry.output, *entry.final) if n is not None]
                alive = torch.zeros(cell.size, dtype=torch.bool)
                for node in nodes:
                    alive |= self.matters[node][classes]
                if above is not None:
                    start = sum(c.size for c in layer[:place])
                    alive |= above[start : start + cell.size]
                alive = self.alive_units(layout, cell, alive, zeros[number + place])
                for start_node in entry.initial:
                    if isinstance(start_node, int):
                        self.matters[start_node][classes[alive]] = True
                alive_layer.append((cell, alive & ~zeros[number + place]))
            above = self.columns_read(layout, alive_layer)
        if entry.input is not None and above is not None:
            labelled = (entry.input_labels >= 0) & above
            self.matters[entry.input][self.run.classes[entry.input_labels[labelled]]] = True

    def alive_units(self, layout: Layout, cell: Cell, alive: Tensor, zero: Tensor) -> Tensor:
        """(size,): units that matter, directly or through other units of the cell."""
        reads = (self.weights[cell.weights["weight_hh"]] != 0).cpu()
        reads = reads.view(layout.gates, cell.size, cell.size).any(0)
        while True:
            more = alive | reads[alive & ~zero].any(0)
            if torch.equal(more, alive):
                return alive
            alive = more

    def columns_read(self, layout: Layout, cells: list[tuple[Cell, Tensor]]) -> Tensor:
        """(inputs,): input columns that a unit of these cells that matters reads."""
        read = []
        for cell, alive in cells:
            weight = (self.weights[cell.weights["weight_ih"]] != 0).cpu()
            rows = alive.repeat(layout.gates)
            read.append((weight if bool(rows.all()) else weight[rows]).any(0))
        return torch.stack(read).any(0)

    def class_mask(self, classes: Tensor) -> Tensor:
        mask = torch.zeros(self.run.class_count, dtype=torch.bool)
        mask[classes] = True
        return mask


def _any(values: Tensor, axes: list[int]) -> Tensor:
    return values.any(dim=tuple(axes)) if axes else values
