"""`find_groups`: the ISS weight groups of any torch module that holds recurrent layers.

The model runs once on example inputs while `issrnn.tracing` follows the labels of its units; what
was tied together becomes one component, what cannot be removed exactly is refused with the reason.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from issrnn.groups import Group, Groups, Refusal, Slice
from issrnn.liveness import Run, removable_classes
from issrnn.source import Examples, Source, StatePart, quiet, quiet_copy, run
from issrnn.states import accepted_states, output_leaves
from issrnn.surgery import converted_examples, make_plan, narrow_copy, source_of
from issrnn.tracing import Tracer, run_traced

__all__ = ["Traced", "find_groups", "trace"]


@dataclass(frozen=True, eq=False)
class Traced:
    """Groups and the output of the run that found them."""

    groups: Groups
    output: Any


def find_groups(model: nn.Module, example_inputs: Any) -> Groups:
    """Find the ISS weight groups of all recurrent layers of a model (paper section 3.1).

    Args:
        model: Any module with ``nn.LSTM``, ``nn.GRU``, ``nn.RNN`` or their cells inside. It is left
            as it is: a copy runs, in evaluation mode.
        example_inputs: Arguments of one ordinary call: a tensor, a tuple of positional arguments,
            or a mapping of named ones. Short sequences do; every layer of interest must run.

    Returns:
        One group a layer and direction, or a set of them that is tied together. ``refused`` names
        the units that cannot be removed exactly, and why.

    Raises:
        TypeError: If the inputs are of no such form, the model cannot be copied, or it returns
            something other than tensors and containers of them.
        ValueError: If the model is a compiled or scripted one.
    """
    return trace(model, Examples.of(example_inputs)).groups


def trace(model: nn.Module, examples: Examples, rigid: Sequence[str] | None = None) -> Traced:
    """Find groups and keep the output.

    Args:
        model: As in `find_groups`.
        examples: Arguments of the call.
        rigid: Owners whose size the model's code fixes, if that is known from before; None to
            find out by trial.
    """
    if isinstance(model, torch.jit.ScriptModule):
        raise ValueError("scripted models hide their operations: pass the module they came from")
    with quiet():
        tracer = Tracer(model)
        output = run_traced(tracer, quiet_copy(model), examples.args, examples.kwargs)
    leaves = output_leaves(output)
    inputs, outputs, refused_states = accepted_states(model, examples, tracer, output)
    context = tracer.context
    for number, (name, leaf) in enumerate(leaves):
        value = context.value(leaf)
        if value is not None and number not in outputs:
            context.tape.returned.append(value.node)
            reason = refused_states.get(number, f"reaches the model's output ({name})")
            context.refuse([leaf], reason)
    groups = _assemble(model, examples, tracer, inputs, outputs)
    return Traced(_fix_by_trial(groups, rigid), output)


def _fix_by_trial(groups: Groups, rigid: Sequence[str] | None) -> Groups:
    """Fix the groups whose size the model's code fixes, such as by ``view(batch, 2, 64)``.

    No trace shows whether a number in the code is a size, so some units are removed on trial, whose
    weights need not be zero: only whether the model still runs is of interest.
    """
    source = groups.source
    if source is None or not groups:
        return groups
    if rigid is None:
        rigid = []
        if not _runs_without(groups, range(len(groups))):
            alone = [n for n in range(len(groups)) if not _runs_without(groups, [n])]
            rigid = [groups[n].owner for n in alone or range(len(groups))]
    fixed = [
        torch.ones_like(mask) if group.owner in rigid else mask
        for group, mask in zip(groups, source.fixed, strict=True)
    ]
    return replace(groups, source=replace(source, fixed=fixed))


def _runs_without(groups: Groups, chosen: Iterable[int]) -> bool:
    """Whether the model runs without one, two or three units of the chosen groups."""
    dropped = [torch.zeros(group.size, dtype=torch.bool) for group in groups]
    for place, number in enumerate(chosen):
        # Different numbers, so that code which needs two layers to have one size fails.
        dropped[number][: min(place % 3 + 1, groups[number].size - 1)] = True
    plan = make_plan(groups.model, groups, dropped)
    small = narrow_copy(groups.model, plan)
    try:
        run(small, converted_examples(source_of(groups), plan))
    except Exception:  # noqa: BLE001  whatever the model's code raises when sizes do not fit
        return False
    return True


def _assemble(
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
    return Groups(model, tuple(groups), _refusals(model, tracer, owners, refused), source)


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
        is_bias = sum(size > 1 for size in shape) == 1
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
    refusals += [Refusal(path, idle) for path in _idle_modules(model, tracer)]
    return tuple(refusals)


def _idle_modules(model: nn.Module, tracer: Tracer) -> list[str]:
    """Modules with parameters none of which took part in the run."""
    context = tracer.context
    used = {context.tape.nodes[node].parameter for node in context.tape.used}
    ran = {call.layout.module for call in context.tape.calls}
    idle = []
    for path, module in model.named_modules():
        own = {f"{path}.{name}".lstrip(".") for name, _ in module.named_parameters(recurse=False)}
        if path in tracer.recurrent:
            if path not in ran and path not in tracer.refused_modules:
                idle.append(path)
        elif own and not tracer.inside_recurrent(path) and own & context.named and not own & used:
            idle.append(path)
    return idle
