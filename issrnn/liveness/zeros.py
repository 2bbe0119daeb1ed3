"""Forwards along the tape: which values are provably zero at every step."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from issrnn.layout import Cell, Layout
from issrnn.liveness.weights import Run, Weights, any_along
from issrnn.tracing.tape import Flow, Product, RecurrentCall

__all__ = ["Zeros", "find_zeros"]


@dataclass(eq=False)
class Zeros:
    """What is zero."""

    nodes: list[Tensor]
    """For each node (classes,) bool; of use for the classes a node holds."""
    units: dict[int, list[Tensor]] = field(default_factory=dict)
    """For each recurrent call (by its place on the tape) and cell, (units,) bool."""


def find_zeros(run: Run, weights: Weights) -> Zeros:
    """Go along the tape once."""
    none = torch.zeros(run.class_count, dtype=torch.bool)
    zeros = Zeros([none] * len(run.tape.nodes))
    needed = _parameters_as_values(run)
    for number, node in enumerate(run.tape.nodes):
        if node.parameter and number in needed:
            zeros.nodes[number] = weights.zero_classes(node.parameter)
    for place, entry in enumerate(run.tape.entries):
        if isinstance(entry, Flow):
            _flow(run, zeros, entry)
        elif isinstance(entry, Product):
            _product(run, weights, zeros, entry)
        else:
            _call(run, weights, zeros, place, entry)
    return zeros


def input_zero(
    run: Run, zeros: Zeros, node: int | None, *, known: bool, absent: bool = False
) -> Tensor:
    """(classes,): whether an operand is zero; ``absent`` is the answer for classes it lacks."""
    if node is None or known:
        return torch.full((run.class_count,), known or absent)
    if absent:
        return zeros.nodes[node] | ~run.held[node]
    return zeros.nodes[node] & run.held[node]


def _parameters_as_values(run: Run) -> set[int]:
    """Parameter nodes whose entries become values, or are multiplied in an unusual way."""
    nodes: set[int] = set()
    for entry in run.tape.entries:
        if isinstance(entry, Flow) and not run.tape.nodes[entry.output].parameter:
            nodes.update(node for node in entry.inputs if node is not None)
        elif isinstance(entry, Product) and not (entry.weight and entry.weight_rows):
            nodes.update(entry.nodes)
        elif isinstance(entry, RecurrentCall):
            nodes.update(start for start in entry.initial if isinstance(start, int))
            nodes.update(() if entry.input is None else (entry.input,))
    return nodes


def _flow(run: Run, zeros: Zeros, entry: Flow) -> None:
    if run.tape.nodes[entry.output].parameter or entry.zero == "never":
        return
    facts = [
        input_zero(run, zeros, node, known=known, absent=entry.zero == "parts")
        for node, known in zip(entry.inputs, entry.known_zero, strict=True)
    ]
    if entry.zero == "first":
        facts = facts[:1]
    combine = torch.any if entry.zero == "any" else torch.all
    zeros.nodes[entry.output] = combine(torch.stack(facts), 0)


def _product(run: Run, weights: Weights, zeros: Zeros, entry: Product) -> None:
    """A row of the result is zero if its weights are, wherever what they read is not."""
    if entry.output is None:
        return
    read = run.mask(run.classes[entry.read])
    result = torch.zeros(run.class_count, dtype=torch.bool)
    for node in entry.nodes:
        stays = run.held[node] & ~read
        result |= stays & zeros.nodes[node]
    if entry.weight and entry.weight_rows:
        silent = torch.zeros(run.class_count, dtype=torch.bool)
        for node in entry.nodes:
            if not run.tape.nodes[node].parameter:
                silent |= input_zero(run, zeros, node, known=False)
        columns = ~silent[run.along(entry.weight)]
        matrix = weights.matrix(entry)
        made = any_along(matrix if bool(columns.all()) else matrix[:, columns], [1])
        rows = run.along(entry.weight_rows)
        result[rows] = True
        result[rows[made]] = False
    zeros.nodes[entry.output] = result


def _call(run: Run, weights: Weights, zeros: Zeros, place: int, entry: RecurrentCall) -> None:
    units = run.units[entry.layout.module]
    below = torch.zeros(len(entry.input_labels), dtype=torch.bool)
    if entry.input is not None:
        labelled = entry.input_labels >= 0
        below[labelled] = zeros.nodes[entry.input][run.classes[entry.input_labels[labelled]]]
    found: list[Tensor] = []
    for layer in entry.layout.layers:
        made: list[Tensor] = []
        for cell in layer:
            start = _initial_zero(run, zeros, entry, units[len(found) + len(made)])
            made.append(_zero_units(weights, entry.layout, cell, below, start))
        found.extend(made)
        below = torch.cat(made)
    zeros.units[place] = found
    result = torch.ones(run.class_count, dtype=torch.bool)
    for labels, zero in zip(units, found, strict=True):
        result[run.classes[labels[~zero]]] = False
    for node in (entry.output, *entry.final):
        if node is not None:
            zeros.nodes[node] = result


def _initial_zero(run: Run, zeros: Zeros, entry: RecurrentCall, labels: Tensor) -> Tensor:
    """(units,): whether each unit starts at zero."""
    zero = torch.ones(len(labels), dtype=torch.bool)
    for start in entry.initial:
        if start == "unknown":
            zero[:] = False
        elif start != "zero":
            zero &= zeros.nodes[start][run.classes[labels]]
    return zero


def _zero_units(
    weights: Weights, layout: Layout, cell: Cell, below: Tensor, start: Tensor
) -> Tensor:
    """(units,): units that stay zero, by induction over the steps.

    A unit's new value is zero if its cell gate (LSTM), new gate (GRU) or only gate (RNN) is tanh or
    ReLU of zero: no bias, no input that is not zero, no recurrent unit that is not.
    """
    gate = slice(2 * cell.size, 3 * cell.size) if layout.gates > 1 else slice(0, cell.size)
    inputs = weights.nonzero(cell.weights["weight_ih"])[gate]
    candidates = start & ~any_along(inputs[:, ~below] if bool(below.any()) else inputs, [1])
    if "bias_ih" in cell.weights:
        biases = [weights.value(cell.weights[kind])[gate] for kind in ("bias_ih", "bias_hh")]
        # A GRU multiplies the second by its reset gate, so there they cannot cancel.
        for bias in biases if layout.mode == "GRU" else [biases[0] + biases[1]]:
            candidates &= (bias == 0).cpu()
    recurrent = weights.nonzero(cell.weights["weight_hh"])[gate]
    while True:
        read = recurrent if not bool(candidates.any()) else recurrent[:, ~candidates]
        smaller = candidates & ~any_along(read, [1])
        if torch.equal(smaller, candidates):
            return candidates
        candidates = smaller
