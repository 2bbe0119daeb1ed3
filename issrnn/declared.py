"""Declared groups at work: which components can be removed, and the groups of the smaller model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn

from issrnn.groups import Group, Groups
from issrnn.surgery import Plan, converted_examples, source_of

__all__ = ["removable_declared", "smaller_declared"]


@torch.no_grad()
def removable_declared(groups: Sequence[Group], model: nn.Module) -> list[Tensor]:
    """For each group (size,) bool: all weights listed as reading the component are zero."""
    removable = []
    for group in groups:
        dead = torch.ones(group.size, dtype=torch.bool)
        for part in group.slices:
            if part.role == "reads":
                nonzero = model.get_parameter(part.parameter) != 0
                others = tuple(axis for axis in range(nonzero.dim()) if axis != part.axis)
                read = (nonzero.any(dim=others) if others else nonzero).cpu()
                dead[part.components[read[part.positions]]] = False
        removable.append(dead)
    return removable


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
