"""Backwards along the tape: which values the model's output depends on."""

from __future__ import annotations

import torch
from torch import Tensor

from issrnn.layout import Cell, Layout
from issrnn.liveness.weights import Run, Weights, any_along
from issrnn.liveness.zeros import Zeros, input_zero
from issrnn.tracing.tape import Flow, Product, RecurrentCall

__all__ = ["find_matters"]


def find_matters(run: Run, weights: Weights, zeros: Zeros) -> Tensor:
    """(classes,) bool: classes with a value that is not zero and that the output depends on."""
    return _Backwards(run, weights, zeros).walk()


class _Backwards:
    def __init__(self, run: Run, weights: Weights, zeros: Zeros) -> None:
        self.run, self.weights, self.zeros = run, weights, zeros
        self.matters = [torch.zeros(run.class_count, dtype=torch.bool) for _ in run.tape.nodes]
        self.kept = torch.zeros(run.class_count, dtype=torch.bool)

    def walk(self) -> Tensor:
        for node, labels in self.run.tape.needed:
            self.matters[node][self.run.classes[labels]] = True
        for place, entry in reversed(list(enumerate(self.run.tape.entries))):
            if isinstance(entry, Flow):
                self.flow(entry)
            elif isinstance(entry, Product):
                self.product(entry)
            else:
                self.call(place, entry)
        for number, value in enumerate(self.run.tape.nodes):
            if not value.parameter:
                self.kept |= self.matters[number] & ~self.zeros.nodes[number]
        return self.kept

    def flow(self, entry: Flow) -> None:
        needed = self.matters[entry.output]
        for number, node in enumerate(entry.inputs):
            if node is None:
                continue
            wanted = needed
            if entry.zero == "any":
                others = zip(entry.inputs, entry.known_zero, strict=True)
                for other, (factor, known) in enumerate(others):
                    if other != number:
                        wanted = wanted & ~input_zero(self.run, self.zeros, factor, known=known)
            self.matters[node] |= wanted & self.run.held[node]

    def product(self, entry: Product) -> None:
        run = self.run
        read = run.mask(run.classes[entry.read])
        by_weight = self.read_by_weight(entry) if entry.weight else None
        for node in entry.nodes:
            held = run.held[node]
            if entry.output is not None:
                self.matters[node] |= self.matters[entry.output] & held & ~read
            if by_weight is None:
                wanted = held & read
                for other in entry.nodes:
                    if other != node:
                        wanted &= ~input_zero(run, self.zeros, other, known=False)
                self.matters[node] |= wanted
            elif not run.tape.nodes[node].parameter:
                self.matters[node] |= by_weight & held

    def read_by_weight(self, entry: Product) -> Tensor:
        """(classes,): read by an entry that is not zero, for a result that matters."""
        if entry.weight is None:
            raise ValueError("no parameter reads in this product")
        matrix = self.weights.matrix(entry)
        if entry.weight_rows and entry.output is not None:
            alive = self.matters[entry.output][self.run.along(entry.weight_rows)]
            matrix = matrix if bool(alive.all()) else matrix[alive]
        return self.run.mask(self.run.along(entry.weight)[any_along(matrix, [0])])

    def call(self, place: int, entry: RecurrentCall) -> None:
        """Units matter through the results, through their own layer, and through the next."""
        layout, units = entry.layout, self.run.units[entry.layout.module]
        nodes = [node for node in (entry.output, *entry.final) if node is not None]
        number = len(units)
        above: Tensor | None = None
        for layer in reversed(layout.layers):
            number -= len(layer)
            parts = None if above is None else torch.split(above, [cell.size for cell in layer])
            alive_layer = []
            for side, cell in enumerate(layer):
                classes = self.run.classes[units[number + side]]
                zero = self.zeros.units[place][number + side]
                alive = torch.stack([self.matters[node][classes] for node in nodes]).any(0)
                if parts is not None:
                    alive = alive | parts[side]
                alive = self.with_readers(layout, cell, alive, zero)
                self.kept[classes[alive & ~zero]] = True
                for start in entry.initial:
                    if isinstance(start, int):
                        self.matters[start][classes[alive]] = True
                alive_layer.append(alive & ~zero)
            above = self.inputs_read(layout, layer, alive_layer)
        if entry.input is not None and above is not None:
            columns = (entry.input_labels >= 0) & above
            self.matters[entry.input][self.run.classes[entry.input_labels[columns]]] = True

    def with_readers(self, layout: Layout, cell: Cell, alive: Tensor, zero: Tensor) -> Tensor:
        """(units,): those that matter directly or through other units of their cell."""
        nonzero = self.weights.nonzero(cell.weights["weight_hh"])
        reads = any_along(nonzero.view(layout.gates, cell.size, cell.size), [0])
        while True:
            more = alive | reads[alive & ~zero].any(0)
            if torch.equal(more, alive):
                return alive
            alive = more

    def inputs_read(self, layout: Layout, layer: tuple[Cell, ...], alive: list[Tensor]) -> Tensor:
        """(inputs,): input columns that some unit of this layer that matters reads."""
        read = []
        for cell, units in zip(layer, alive, strict=True):
            nonzero = self.weights.nonzero(cell.weights["weight_ih"])
            rows = units.repeat(layout.gates)
            read.append(any_along(nonzero if bool(rows.all()) else nonzero[rows], [0]))
        return torch.stack(read).any(0)
