"""Cutting components out of a model: which indices of which parameters stay, and what changes.

A component is removed from its recurrent modules in any case. Outside them its places stay if they
are addressed by position there (they are *hollow* then: the smaller module puts zeros in them).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_flatten, tree_unflatten

from issrnn.errors import ShrinkError
from issrnn.groups import Groups
from issrnn.layout import Layout, convert_state
from issrnn.rebuild import Change, module_changes, new_layout
from issrnn.source import CarriedState, DeclaredState, Examples, Source, sharing_copy

__all__ = [
    "Plan",
    "apply",
    "converted_examples",
    "converted_state",
    "converted_states",
    "make_plan",
    "narrow_copy",
    "select",
    "source_of",
]

_SIZES = {"out_features": ("weight", 0), "in_features": ("weight", 1)}
_MODULE_SIZES: tuple[tuple[type[nn.Module], dict[str, tuple[str, int]]], ...] = (
    (nn.Linear, _SIZES),
    (nn.Embedding, {"embedding_dim": ("weight", 1)}),
    (nn.Conv1d, {"out_channels": ("weight", 0), "in_channels": ("weight", 1)}),
    (nn.Conv2d, {"out_channels": ("weight", 0), "in_channels": ("weight", 1)}),
    (nn.PReLU, {"num_parameters": ("weight", 0)}),
)
"""Numbers that torch's modules keep beside their weights, with the parameter axis they follow."""


@dataclass(frozen=True, eq=False)
class Plan:
    """All that removing components changes."""

    changes: list[Change]
    dropped: list[Tensor]
    """For each group (size,) bool: the components removed."""
    cuts: dict[str, dict[int, Tensor]]
    """For each parameter that gets smaller, the indices that stay along each axis cut."""
    parameters: list[tuple[nn.Parameter, nn.Parameter, dict[int, Tensor]]]
    """Each parameter that gets smaller: the former, the new, and its cuts."""
    layouts: dict[str, Layout]
    """Recurrent modules after the change."""
    kept_units: dict[str, list[Tensor]]
    """For each recurrent module and cell, the former units that stay."""


def make_plan(model: nn.Module, groups: Groups, dropped: Sequence[Tensor]) -> Plan:
    """Work out what removing components changes; nothing is changed yet.

    Args:
        model: The module the groups are of, or one of the same structure.
        groups: What was found or declared.
        dropped: For each group, (size,) bool: the components to remove.
    """
    source = source_of(groups)
    hollow = _hollow(source, dropped)
    cuts = _cuts(model, groups, dropped, hollow)
    parameters = []
    for name, kept in cuts.items():
        former = model.get_parameter(name)
        parameters.append((former, cut(former, kept), kept))
    replaced = {id(former): new for former, new, _ in parameters}
    changes = [
        Change(path, name, replaced[id(parameter)])
        for path, module in model.named_modules(remove_duplicate=False)
        for name, parameter in module.named_parameters(recurse=False, remove_duplicate=False)
        if id(parameter) in replaced
    ]
    by_parameter = {id(model.get_parameter(name)): kept for name, kept in cuts.items()}
    changes += [
        Change(path, name, len(by_parameter[id(parameter)][axis]))
        for path, module in model.named_modules()
        for name, parameter, axis in _size_attributes(module)
        if axis in by_parameter.get(id(parameter), {})
    ]
    layouts, kept_units = {}, {}
    for path, layout in source.layouts.items():
        gone = _of_units(source, path, dropped)
        outside = _of_units(source, path, [d & ~h for d, h in zip(dropped, hollow, strict=True)])
        kept_units[path] = [(~mask).nonzero().reshape(-1) for mask in gone]
        layouts[path] = new_layout(
            layout, kept_units[path], outside, keep_state=path in source.state_fixed
        )
        changes += module_changes(model, path, layouts[path], replaced)
    for attribute in source.attributes:
        left = int((~dropped[attribute.group]).sum())
        changes.append(Change(attribute.module, attribute.name, left))
    return Plan(changes, list(dropped), cuts, parameters, layouts, kept_units)


def narrow_copy(model: nn.Module, plan: Plan) -> nn.Module:
    """A copy with the plan carried out, which shares its modules and what is not cut."""
    return apply(sharing_copy(model), plan)


def apply(model: nn.Module, plan: Plan) -> nn.Module:
    """Carry out a plan, in place.

    Returns:
        The model; or what takes its place, if it is itself a recurrent module of several layers.
    """
    for change in plan.changes:
        if change.name:
            setattr(model.get_submodule(change.module), change.name, change.value)
    return next((change.value for change in plan.changes if not change.name), model)


def converted_examples(source: Source, plan: Plan) -> Examples:
    """The example inputs for the smaller model: carried states among them are cut too.

    Raises:
        ValueError: If there are none.
    """
    if source.examples is None:
        raise ValueError("these groups have no example inputs")
    examples = source.examples
    for leaf, part in source.input_states.items():
        state = converted_state(source, plan, part, examples.leaves[leaf])
        examples = examples.replaced(leaf, state)
    return examples


def converted_states(source: Source, plan: Plan, states: Any) -> Any:
    """Carried states for the smaller model, in the form they were given.

    Raises:
        ShrinkError: If they are not what the model returned.
    """
    if states is None:
        return None
    leaves, structure = tree_flatten(states)
    if len(leaves) != len(source.carried):
        raise ShrinkError(
            f"states hold {len(leaves)} tensors; the model was found to carry {len(source.carried)}"
        )
    new = []
    for number, (leaf, part) in enumerate(zip(leaves, source.carried, strict=True)):
        try:
            new.append(converted_state(source, plan, part, leaf))
        except ShrinkError as error:
            raise ShrinkError(f"tensor {number} of states: {error}") from error
    return tree_unflatten(new, structure)


def converted_state(source: Source, plan: Plan, part: CarriedState, state: Any) -> Tensor:
    """One carried state for the smaller model.

    Raises:
        ShrinkError: If it is no tensor of the state's size.
    """
    if isinstance(part, DeclaredState):
        dropped, axis = plan.dropped[part.group], part.axis
        wanted, owner = len(dropped), f"group {part.group}"
    else:
        old, new = source.layouts[part.module], plan.layouts[part.module]
        wanted, owner, axis = old.state_width, part.module, -1
    if (
        not isinstance(state, Tensor)
        or not -state.dim() <= axis < state.dim()
        or state.shape[axis] != wanted
    ):
        found = tuple(state.shape) if isinstance(state, Tensor) else type(state).__name__
        raise ShrinkError(f"a state of {owner} has {wanted} places along axis {axis}, got {found}")
    if isinstance(part, DeclaredState):
        kept = (~dropped).nonzero().reshape(-1)
        return state.index_select(axis, kept.to(state.device))
    return convert_state(state, old, new, plan.kept_units[part.module])


def source_of(groups: Groups) -> Source:
    """The source of groups.

    Raises:
        TypeError: If they are no `Groups`, such as some of them picked out.
        ValueError: If they were put together by hand.
    """
    if not isinstance(groups, Groups):
        raise TypeError(
            f"pass all groups as find_groups or declare_groups gave them, not a "
            f"{type(groups).__name__}: what is not zero stays"
        )
    if groups.source is None:
        raise ValueError("these groups have no source: use find_groups or declare_groups")
    return groups.source


def cut(parameter: nn.Parameter, kept: dict[int, Tensor]) -> nn.Parameter:
    """A smaller parameter, with the smaller gradient if there is one."""
    smaller = nn.Parameter(select(parameter.detach(), kept), requires_grad=parameter.requires_grad)
    if parameter.grad is not None:
        smaller.grad = select(parameter.grad, kept)
    return smaller


def select(tensor: Tensor, kept: dict[int, Tensor]) -> Tensor:
    """A copy of the entries that stay."""
    for axis, indices in kept.items():
        tensor = tensor.index_select(axis, indices.to(tensor.device))
    return tensor


def _size_attributes(module: nn.Module) -> list[tuple[str, nn.Parameter, int]]:
    """Attribute, parameter and axis whose length it tells, for torch's own modules."""
    own = dict(module.named_parameters(recurse=False, remove_duplicate=False))
    for kind, sizes in _MODULE_SIZES:
        if isinstance(module, kind):
            return [(name, own[w], axis) for name, (w, axis) in sizes.items() if w in own]
    return []


def _of_units(source: Source, path: str, masks: Sequence[Tensor]) -> list[Tensor]:
    """For each cell of a module (units,) bool, from (size,) bool for each group."""
    found = []
    for group, component in source.membership[path]:
        mask = torch.zeros(len(group), dtype=torch.bool)
        for unit in (group >= 0).nonzero().reshape(-1).tolist():
            mask[unit] = masks[int(group[unit])][int(component[unit])]
        found.append(mask)
    return found


def _hollow(source: Source, dropped: Sequence[Tensor]) -> list[Tensor]:
    """For each group (size,) bool: components whose places outside their module stay."""
    hollow = [drop & fixed for drop, fixed in zip(dropped, source.fixed, strict=True)]
    paths = [
        path
        for path, layout in source.layouts.items()
        if path in source.state_read and path not in source.state_fixed and len(layout.cells) > 1
    ]
    changed = True
    while changed:
        changed = any(_equalise(source, path, dropped, hollow) for path in paths)
    return hollow


def _equalise(source: Source, path: str, dropped: Sequence[Tensor], hollow: list[Tensor]) -> bool:
    """Give all rows of a final state the model reads one size; returns whether that took anything.

    The rows of a state are one tensor, so a layer with fewer units left fills up with zeros.
    """
    gone = _of_units(source, path, [d & ~h for d, h in zip(dropped, hollow, strict=True)])
    cells = source.layouts[path].cells
    widths = [cell.width - int(mask.sum()) for cell, mask in zip(cells, gone, strict=True)]
    changed = False
    for mask, width, members in zip(gone, widths, source.membership[path], strict=True):
        for unit in mask.nonzero().reshape(-1)[: max(widths) - width].tolist():
            group, component = members[:, unit].tolist()
            hollow[group][component] = changed = True
    return changed


def _cuts(
    model: nn.Module, groups: Groups, dropped: Sequence[Tensor], hollow: Sequence[Tensor]
) -> dict[str, dict[int, Tensor]]:
    internal: set[tuple[str, int]] = set()
    for layout in source_of(groups).layouts.values():
        internal |= layout.internal_axes()
    keeps: dict[tuple[str, int], Tensor] = {}
    for group, drop, stay in zip(groups, dropped, hollow, strict=True):
        for part in group.slices:
            key = (part.parameter, part.axis)
            length = model.get_parameter(part.parameter).shape[part.axis]
            keep = keeps.setdefault(key, torch.ones(length, dtype=torch.bool))
            gone = drop if key in internal else drop & ~stay
            keep[part.positions[gone[part.components]]] = False
    cuts: dict[str, dict[int, Tensor]] = {}
    for (name, axis), keep in keeps.items():
        if not bool(keep.all()):
            cuts.setdefault(name, {})[axis] = keep.nonzero().reshape(-1)
    return cuts
