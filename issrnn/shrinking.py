"""Removing the components that can no longer matter, so that an ordinary smaller model is left."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from issrnn.declared import smaller_declared
from issrnn.find import trace
from issrnn.groups import Group, Groups
from issrnn.source import Source, run
from issrnn.subnormals import flush_subnormals_
from issrnn.surgery import (
    Plan,
    apply,
    converted_examples,
    converted_states,
    make_plan,
    narrow_copy,
    select,
    source_of,
)
from issrnn.verify import ShrinkError, check_same_output, check_shapes

__all__ = ["LiveShrink", "ShrinkError", "removable_components", "shrink", "shrink_"]


@dataclass(frozen=True, eq=False)
class LiveShrink:
    """What live shrinking leaves."""

    groups: Groups
    """The groups of the model as it is now; the former ones are void."""
    states: Any
    """The carried state for the smaller model, in the form it was given."""
    removed: dict[str, int]
    """Number of components removed, by owner; empty if there were none."""
    dropped: tuple[Tensor, ...]
    """For each former group (size,) bool: the components removed."""


def removable_components(model: nn.Module, groups: Groups) -> list[Tensor]:
    """For each group, (size,) bool: the components that `shrink` would remove.

    A component is removable when every weight that reads it for a result that matters is zero, or
    when its unit is zero at every step. One unit is kept in every layer, also if none matters.

    Raises:
        ShrinkError: If the model is not of the sizes the groups were found on.
    """
    source = source_of(groups)
    _check_fits(model, source)
    dropped = source.removable(model)
    return _keep_one(model, groups, dropped)


def shrink(model: nn.Module, groups: Groups) -> nn.Module:
    """A new, smaller model that gives the same output; ``model`` is left as it was.

    Args:
        model: The module the groups were found on, or one of the same structure and sizes.
        groups: From `find_groups` or `declare_groups`.

    Returns:
        A copy without the components that can no longer matter, made of ordinary torch modules; of
        the same sizes if there are none, such as before any was set to zero.
        Layers of different sizes that were one torch module become a `StackedRecurrent`.

    Raises:
        ShrinkError: If the model does not fit the groups, or the smaller one was found to give
            another output on the example inputs.
    """
    plan = make_plan(model, groups, removable_components(model, groups))
    small = copy.deepcopy(narrow_copy(model, plan))
    flush_subnormals_(small)
    check_shapes(small)
    source = source_of(groups)
    if source.examples is not None:
        before = run(model, source.examples)
        after = _run_small(small, source, plan)
        check_same_output(before, after, source, plan)
    return small


def shrink_(
    model: nn.Module,
    groups: Groups,
    optimizer: torch.optim.Optimizer | None = None,
    states: Any = None,
) -> LiveShrink:
    """Make a model smaller in place, in the middle of training.

    What refers to the former parameters must be made anew where something was removed: a
    `GroupLasso`, a ``DistributedDataParallel`` around the model.

    Args:
        model: The module the groups were found on.
        groups: From `find_groups`, `declare_groups` or an earlier `shrink_`.
        optimizer: Goes on with the smaller parameters; every tensor of its state is cut like its
            parameter along the axes where it is as long (momentum, Adam's moments, Adafactor's
            rows and columns).
        states: The carried hidden state, as the model returned it.

    Returns:
        New groups and states, and what was removed. If nothing was, everything is as before.

    Raises:
        ShrinkError: As `shrink`, or if ``states`` are not those of the model, or the optimizer
            keeps something that cannot be cut. The model and the optimizer are then left as they
            were.
    """
    dropped = removable_components(model, groups)
    if not any(bool(mask.any()) for mask in dropped):
        return LiveShrink(groups, states, {}, tuple(dropped))
    source = source_of(groups)
    plan = make_plan(model, groups, dropped)
    if any(not change.name for change in plan.changes):
        raise ShrinkError("the model is itself the recurrent module: put it into another module")
    new_states = converted_states(source, plan, states)
    if optimizer is not None:
        _check_optimizer(optimizer)
    trial = narrow_copy(model, plan)
    check_shapes(trial)
    new_groups = _new_groups(model, trial, groups, plan)
    apply(model, plan)
    if optimizer is not None:
        _cut_optimizer(optimizer, plan)
    flush_subnormals_(model)
    removed = {
        group.owner: int(mask.sum())
        for group, mask in zip(groups, dropped, strict=True)
        if bool(mask.any())
    }
    return LiveShrink(new_groups, new_states, removed, tuple(dropped))


def _run_small(small: nn.Module, source: Source, plan: Plan) -> Any:
    try:
        return run(small, converted_examples(source, plan))
    except Exception as error:
        raise _failure(error) from error


def _failure(error: Exception) -> ShrinkError:
    return ShrinkError(
        f"the shrunk model fails on the example inputs: {error} (if the model keeps a state of an "
        "earlier call, reset it before, or find the groups again)"
    )


def _check_fits(model: nn.Module, source: Source) -> None:
    shapes = {name: parameter.shape for name, parameter in model.named_parameters()}
    for name, shape in source.shapes.items():
        if name not in shapes:
            raise ShrinkError(
                f"the groups are of a model with a parameter {name}, which this lacks"
            )
        if shapes[name] != shape:
            raise ShrinkError(
                f"{name} has shape {tuple(shapes[name])}, the groups were found on "
                f"{tuple(shape)}: find them again"
            )


def _keep_one(model: nn.Module, groups: Groups, dropped: list[Tensor]) -> list[Tensor]:
    """Spare a component wherever a parameter axis would be left with nothing."""
    if not any(bool(mask.any()) for mask in dropped):
        return dropped
    dropped = [mask.clone() for mask in dropped]
    for mask in dropped:
        if bool(mask.all()):
            mask[0] = False
    members: dict[tuple[str, int], list[tuple[int, Tensor]]] = {}
    for number, group in enumerate(groups):
        for part in group.slices:
            members.setdefault((part.parameter, part.axis), []).append((number, part.components))
    for (name, axis), parts in members.items():
        length = model.get_parameter(name).shape[axis]
        gone = sum(int(dropped[number][components].sum()) for number, components in parts)
        if gone == length:
            number, components = parts[0]
            dropped[number][components[0]] = False
    return dropped


def _new_groups(model: nn.Module, trial: nn.Module, groups: Groups, plan: Plan) -> Groups:
    """The groups of the smaller model, after checking that it gives the same output."""
    source = source_of(groups)
    if source.declared:
        new = smaller_declared(groups, trial, plan)
        if source.examples is not None:
            check_same_output(
                run(model, source.examples), _run_small(trial, source, plan), source, plan
            )
    else:
        if source.examples is None:
            raise ShrinkError("these groups have no example inputs to check with")
        try:
            traced = trace(trial, converted_examples(source, plan), groups)
        except Exception as error:
            raise _failure(error) from error
        check_same_output(run(model, source.examples), traced.output, source, plan)
        new = traced.groups
    bound = tuple(Group(g.owner, g.size, g.slices, model) for g in new.groups)
    return Groups(model, bound, new.refused, new.source)


def _check_optimizer(optimizer: torch.optim.Optimizer) -> None:
    """A tensor of the state is a number, or lies along its parameter: as long there, or 1."""
    for parameter, state in optimizer.state.items():
        for key, value in state.items():
            if not isinstance(value, Tensor) or value.numel() <= 1:
                continue
            if value.dim() != parameter.dim() or any(
                length not in {1, whole}
                for length, whole in zip(value.shape, parameter.shape, strict=True)
            ):
                raise ShrinkError(
                    f"{type(optimizer).__name__} keeps {key!r} of shape {tuple(value.shape)} for a "
                    f"parameter of shape {tuple(parameter.shape)}, which cannot be cut with it"
                )


def _cut_like(parameter: Tensor, cuts: dict[int, Tensor], value: Any) -> Any:
    if not isinstance(value, Tensor) or value.numel() <= 1:
        return value
    along = {
        axis: kept for axis, kept in cuts.items() if value.shape[axis] == parameter.shape[axis]
    }
    return select(value, along)


def _cut_optimizer(optimizer: torch.optim.Optimizer, plan: Plan) -> None:
    """Let the optimizer go on with the new parameters and the matching part of its state."""
    kept = {id(old): (new, cuts) for old, new, cuts in plan.parameters}
    for group in optimizer.param_groups:
        for place, parameter in enumerate(group["params"]):
            if id(parameter) not in kept:
                continue
            new, cuts = kept[id(parameter)]
            group["params"][place] = new
            if parameter in optimizer.state:
                state = optimizer.state.pop(parameter)
                optimizer.state[new] = {
                    key: _cut_like(parameter, cuts, value) for key, value in state.items()
                }
