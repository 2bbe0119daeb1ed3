"""Sizes that a model's code fixes, found by trial.

No trace shows whether a number in the code is a size, such as in ``view(batch, 2, 64)`` or in a
division by the square root of a size. So half of the units are removed on trial, and the output
compared with that of a copy in which all weights of these units are zero.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn

from issrnn.groups import Groups
from issrnn.source import quiet_copy, run
from issrnn.surgery import converted_examples, make_plan, narrow_copy, source_of
from issrnn.verify import check_same_output

__all__ = ["fix_by_trial"]


def fix_by_trial(groups: Groups, former: Groups | None = None) -> Groups:
    """Groups whose size is fixed are marked so; they get smaller inside their module only.

    Args:
        groups: As traced.
        former: Groups of the model before it was shrunk, whose fixed sizes still are.
    """
    if not groups:
        return groups
    source = source_of(groups)
    rigid = []
    if former is not None:
        known = zip(former, source_of(former).fixed, strict=True)
        rigid = [group.owner for group, mask in known if bool(mask.all())]
    elif not _same_without(groups, range(len(groups))):
        alone = [n for n in range(len(groups)) if not _same_without(groups, [n])]
        rigid = [groups[n].owner for n in alone or range(len(groups))]
    fixed = [
        torch.ones_like(mask) if group.owner in rigid else mask
        for group, mask in zip(groups, source.fixed, strict=True)
    ]
    return replace(groups, source=replace(source, fixed=fixed))


def _same_without(groups: Groups, chosen: Iterable[int]) -> bool:
    """Whether the model is the same without about half of the units of the chosen groups.

    Of one unit among hundreds the effect of a size, such as on its square root, would be lost.
    """
    dropped = [torch.zeros(group.size, dtype=torch.bool) for group in groups]
    for place, number in enumerate(chosen):
        # Different numbers, so that code which needs two layers to have one size fails.
        size = groups[number].size
        dropped[number][: min(size // 2 + place % 3, size - 1)] = True
    plan = make_plan(groups.model, groups, dropped)
    source = source_of(groups)
    examples = converted_examples(source, plan)
    before = run(_zeroed(groups, dropped), source.examples or examples)
    try:
        after = run(narrow_copy(groups.model, plan), examples)
        check_same_output(before, after, source, plan)
    except Exception:  # noqa: BLE001  whatever the model's code raises when sizes do not fit
        return False
    return True


def _zeroed(groups: Groups, dropped: Sequence[Tensor]) -> nn.Module:
    """A copy in which components are zero, biases included; it shares the other parameters."""
    copy = quiet_copy(groups.model)
    own: dict[str, nn.Parameter] = {}
    for group, drop in zip(groups, dropped, strict=True):
        for part in group.slices:
            if part.parameter not in own:
                former = groups.model.get_parameter(part.parameter).detach()
                own[part.parameter] = nn.Parameter(former.clone())
            weight = own[part.parameter].detach()
            places = part.positions[drop[part.components]].to(weight.device)
            weight.index_fill_(part.axis, places, 0.0)
    replaced = {id(groups.model.get_parameter(name)): new for name, new in own.items()}
    for module in copy.modules():
        for name, former in list(module.named_parameters(recurse=False, remove_duplicate=False)):
            if id(former) in replaced:
                setattr(module, name, replaced[id(former)])
    return copy
