"""From a traced run to groups: classes of tied labels become components, parameter axes slices."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import takewhile

import torch
from torch import Tensor, nn

from issrnn.groups import Group, Groups, Refusal, Slice
from issrnn.liveness import Run, removable_classes
from issrnn.source import Examples, Source, StatePart
from issrnn.tracing import Tracer

__all__ = ["assemble"]

_HAND_MADE = (
    "its weights read what they made a step before, as a recurrent layer's do, but it is no torch "
    "module: declare its groups (issrnn.declare_groups)"
)


def assemble(
    model: nn.Module,
    examples: Examples,
    tracer: Tracer,
    inputs: dict[int, StatePart],
    outputs: dict[int, StatePart],
) -> Groups:
    """Turn tied labels into groups, slices and refusals."""
    context = tracer.context
    _fix_clashing_states(tracer)
    classes = context.labels.classes()
    owners = _owners(tracer, classes)
    refused = _refused_classes(tracer, classes)
    members = _group_classes(owners, set(refused))
    biases = _classes_of(classes, context.weightless)
    place: dict[int, tuple[int, int]] = {}  # class -> (group, component)
    for number, (_, found) in enumerate(members):
        place |= {c: (number, component) for component, c in enumerate(found)}
    table = torch.full((2, int(classes.max()) + 1), -1)
    for c, (number, component) in place.items():
        table[0, c], table[1, c] = number, component
    groups = []
    for number, (owner, found) in enumerate(members):
        count_biases = not biases.isdisjoint(found)
        slices = _slices(model, tracer, table[:, classes], number, count_biases=count_biases)
        groups.append(Group(owner, len(found), slices, model))
    fixed_classes = set(classes[context.labels.fixed()].tolist())
    chosen = torch.tensor([c for _, found in members for c in found], dtype=torch.int64)
    sizes = [len(found) for _, found in members]
    analysed = Run(context.tape, classes, context.axes, context.units)
    source = Source(
        removable=lambda changed: list(
            torch.split(removable_classes(analysed, changed)[chosen], sizes)
        ),
        shapes={name: p.shape for name, p in model.named_parameters()},
        fixed=[torch.tensor([c in fixed_classes for c in found]) for _, found in members],
        examples=examples,
        layouts=context.layouts,
        membership={
            path: [table[:, classes[labels]] for labels in units]
            for path, units in context.units.items()
        },
        input_states=dict(inputs),
        output_states=dict(outputs),
        carried=tuple((outputs or inputs).values()),
        state_fixed=frozenset(context.state_fixed),
        state_read=frozenset(context.state_read),
    )
    refusals = _refusals(model, tracer, owners, refused)
    refusals += tuple(Refusal(owner, _HAND_MADE) for owner in _hand_made(tracer, classes))
    return Groups(model, tuple(groups), refusals, source)


def _fix_clashing_states(tracer: Tracer) -> None:
    """A state that keeps its former size and is used elsewhere fixes its units everywhere."""
    context = tracer.context
    labelled = {
        entry.layout.module
        for entry in context.tape.calls
        if any(isinstance(start, int) for start in entry.initial)
    }
    for path in context.state_fixed & (context.state_read | labelled):
        context.labels.fix(torch.cat(context.units[path]))


def _owners(tracer: Tracer, classes: Tensor) -> dict[int, tuple[str, ...]]:
    """The recurrent layers with a unit in each class that has one, in the order they ran."""
    owners: dict[int, list[str]] = {}
    for layout in {call.layout.module: call.layout for call in tracer.context.tape.calls}.values():
        for cell, labels in zip(layout.cells, tracer.context.units[layout.module], strict=True):
            for c in classes[labels].tolist():
                named = owners.setdefault(c, [])
                if layout.owner(cell) not in named:
                    named.append(layout.owner(cell))
    return {c: tuple(named) for c, named in owners.items()}


def _classes_of(classes: Tensor, labels: Iterable[Tensor]) -> set[int]:
    return {c for found in labels for c in classes[found[found >= 0]].tolist()}


def _refused_classes(tracer: Tracer, classes: Tensor) -> dict[int, str]:
    reasons: dict[int, str] = {}
    for refused in tracer.context.labels.refused:
        for c in classes[refused.labels].tolist():
            reasons.setdefault(c, refused.reason)
    return reasons


def _group_classes(
    owners: dict[int, tuple[str, ...]], refused: set[int]
) -> list[tuple[str, list[int]]]:
    """Classes with the same owners make one group; components in the order of their units."""
    groups: dict[tuple[str, ...], list[int]] = {}
    for c, named in owners.items():
        if c not in refused:
            groups.setdefault(named, []).append(c)
    return [(" + ".join(named), found) for named, found in groups.items()]


def _slices(
    model: nn.Module, tracer: Tracer, places: Tensor, number: int, *, count_biases: bool
) -> tuple[Slice, ...]:
    """``places``: (2, labels), the group and component of each label."""
    slices = []
    for weight, labels in tracer.context.axes.items():
        group, component = places[:, labels]
        positions = (group == number).nonzero().reshape(-1)
        if not len(positions):
            continue
        shape = model.get_parameter(weight.parameter).shape
        is_bias = all(size == 1 for size in shape[:-1])  # also an initial state, (1, 1, H)
        reads = weight in tracer.context.read
        slices.append(
            Slice(
                parameter=weight.parameter,
                axis=weight.axis,
                positions=positions,
                components=component[positions],
                role="reads" if reads else "produces",
                counted=reads or count_biases or not is_bias,
            )
        )
    return tuple(slices)


def _refusals(
    model: nn.Module,
    tracer: Tracer,
    owners: dict[int, tuple[str, ...]],
    refused: dict[int, str],
) -> tuple[Refusal, ...]:
    found: dict[tuple[str, str], int] = {}
    for c, named in owners.items():
        if c in refused:
            key = (" + ".join(named), refused[c])
            found[key] = found.get(key, 0) + 1
    sizes: dict[str, int] = {}
    for c, named in owners.items():
        del c
        sizes[" + ".join(named)] = sizes.get(" + ".join(named), 0) + 1
    refusals = []
    for (owner, reason), count in found.items():
        some = "" if count == sizes[owner] else f"{count} of {sizes[owner]} units: "
        refusals.append(Refusal(owner, some + reason))
    refusals += [Refusal(path, reason) for path, reason in tracer.refused_modules.items()]
    idle = "was not run by the example inputs: nothing is known of it"
    refusals += [Refusal(path or "(model)", idle) for path in _idle_modules(model, tracer)]
    return tuple(refusals)


def _idle_modules(model: nn.Module, tracer: Tracer) -> list[str]:
    """Modules with parameters none of which took part in the run."""
    context = tracer.context
    ran = {call.layout.module for call in context.tape.calls}
    idle = []
    for path, module in model.named_modules():
        own = {f"{path}.{name}".lstrip(".") for name, _ in module.named_parameters(recurse=False)}
        if path in tracer.recurrent:
            if path not in ran and path not in tracer.refused_modules:
                idle.append(path)
        elif (
            own
            and not tracer.inside_recurrent(path)
            and own & context.named
            and not own & context.touched
        ):
            idle.append(path)
    return idle


def _hand_made(tracer: Tracer, classes: Tensor) -> list[str]:
    """Recurrences that are no torch modules, by the module that all their weights lie in."""
    context = tracer.context
    recurrences: dict[int, list[str]] = {}  # by their first unit
    for weight in context.axes:
        if weight in context.loops and not tracer.inside_recurrent(weight.parameter):
            first = int(classes[context.axes[weight]][0])
            recurrences.setdefault(first, []).append(weight.parameter.rpartition(".")[0])
    return [_common_module(paths) or "(model)" for paths in recurrences.values()]


def _common_module(paths: Sequence[str]) -> str:
    levels = zip(*(path.split(".") for path in paths), strict=False)
    return ".".join(level[0] for level in takewhile(lambda level: len(set(level)) == 1, levels))
