"""Declared groups at work: which components can be removed, and the groups of the smaller model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn

from issrnn.groups import Group, Groups, Slice
from issrnn.surgery import Plan, converted_examples, source_of

__all__ = ["removable_declared", "smaller_declared"]


@torch.no_grad()
def removable_declared(groups: Sequence[Group], model: nn.Module) -> list[Tensor]:
    """For each group (size,) bool: all weights that read the component are zero.

    Weights in rows of components that are removable themselves do not count.
    """
    alive = [torch.zeros(group.size, dtype=torch.bool) for group in groups]
    changed = True
    while changed:
        before = [mask.clone() for mask in alive]
        for number, group in enumerate(groups):
            for part in group.slices:
                if part.role == "reads":
                    read = _read_places(groups, alive, model, part)
                    alive[number][part.components[read[part.positions]]] = True
        changed = any(not torch.equal(a, b) for a, b in zip(before, alive, strict=True))
    return [~mask for mask in alive]


def _read_places(
    groups: Sequence[Group], alive: Sequence[Tensor], model: nn.Module, part: Slice
) -> Tensor:
    """(n,): places along the axis of a slice with a weight that is not zero and still matters."""
    nonzero = (model.get_parameter(part.parameter) != 0).cpu()
    for number, group in enumerate(groups):
        for made in group.slices:
            same = made.parameter == part.parameter and made.axis != part.axis
            if same and made.role == "produces":
                dead = made.positions[~alive[number][made.components]]
                nonzero = nonzero.index_fill(made.axis, dead, value=False)
    others = tuple(axis for axis in range(nonzero.dim()) if axis != part.axis)
    return nonzero.any(dim=others) if others else nonzero


def smaller_declared(groups: Groups, model: nn.Module, plan: Plan) -> Groups:
    """The same declaration for the smaller model a plan has led to."""
    new = []
    for group, drop in zip(groups, plan.dropped, strict=True):
        numbers = (~drop).cumsum(0) - 1
        slices = []
        for part in group.slices:
            stays = ~drop[part.components]
            places = torch.arange(groups.model.get_parameter(part.parameter).shape[part.axis])
            kept = plan.cuts.get(part.parameter, {}).get(part.axis, places)
            where = torch.full((len(places),), -1).index_copy(0, kept, torch.arange(len(kept)))
            slices.append(
                replace(
                    part,
                    positions=where[part.positions[stays]],
                    components=numbers[part.components[stays]],
                )
            )
        new.append(Group(group.owner, int((~drop).sum()), tuple(slices), model))
    smaller = tuple(new)
    source = source_of(groups)
    return Groups(
        model,
        smaller,
        groups.refused,
        replace(
            source,
            removable=lambda changed: removable_declared(smaller, changed),
            shapes={name: parameter.shape for name, parameter in model.named_parameters()},
            fixed=[torch.zeros(group.size, dtype=torch.bool) for group in smaller],
            examples=converted_examples(source, plan) if source.examples else None,
        ),
    )
