"""Groups by declaration, for cells that are not torch modules, and groups as JSON."""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import torch
from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt, PositiveInt, ValidationError
from torch import Tensor, nn

from issrnn.declared import removable_declared
from issrnn.groups import Group, Groups, Slice
from issrnn.invalid import first_problem
from issrnn.source import DeclaredState, Examples, SizeAttribute, Source

__all__ = [
    "Declaration",
    "DeclarationError",
    "DeclaredGroup",
    "DeclaredSlice",
    "declare_groups",
    "groups_to_json",
]


class DeclarationError(Exception):
    """A declaration does not fit the model; the message names the field."""


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class DeclaredSlice(_Strict):
    """Which places along one axis of a parameter belong to which component.

    Either by pattern: component ``k`` owns ``offset + block x block_stride + k x stride`` for each
    block (such as a gate); or by listing ``positions`` and ``components``.
    """

    parameter: str
    """Name in ``model.named_parameters()``."""
    axis: NonNegativeInt
    role: Literal["produces", "reads"]
    counted: bool = True
    """False for biases: removed with the component but not regularised."""
    offset: NonNegativeInt = 0
    stride: PositiveInt = 1
    blocks: PositiveInt = 1
    block_stride: PositiveInt | None = None
    """By default blocks lie one after the other: ``size x stride``."""
    positions: tuple[NonNegativeInt, ...] | None = None
    components: tuple[NonNegativeInt, ...] | None = None


class DeclaredAttribute(_Strict):
    """A number a module keeps of the group's size, such as ``hidden_size``."""

    module: str
    name: str


class DeclaredGroup(_Strict):
    """One layer's components."""

    owner: str
    size: PositiveInt
    slices: tuple[DeclaredSlice, ...] = Field(min_length=1)
    attributes: tuple[DeclaredAttribute, ...] = ()
    """Set to the number of components left when the model is shrunk."""


class DeclaredCarriedState(_Strict):
    """A tensor that the model returns and takes back, with one place for each component."""

    owner: str
    output: NonNegativeInt | None = None
    """Its number among the tensors the model returns."""
    input: NonNegativeInt | None = None
    """Its number among the tensors of the example inputs."""
    axis: int = -1


class Declaration(_Strict):
    """All groups of a model."""

    groups: tuple[DeclaredGroup, ...]
    states: tuple[DeclaredCarriedState, ...] = ()
    """Carried states, in the order `shrink_` is given them."""


def declare_groups(
    model: nn.Module,
    declaration: Declaration | Mapping[str, Any] | Path,
    example_inputs: Any = None,
) -> Groups:
    """Groups as the user lists them, checked against the model.

    A component counts as removable when every weight listed as reading it is zero. Whether the list
    is complete only a run can tell: with ``example_inputs``, shrinking compares the outputs before
    and after.

    Args:
        model: Any module.
        declaration: A `Declaration`, the same as a mapping, or the path of a JSON file of it.
        example_inputs: As in `find_groups`.

    Raises:
        DeclarationError: If a field is missing or wrong, a parameter, axis, module or place does
            not exist, or two components claim the same place.
    """
    checked = _read(declaration)
    groups = tuple(_group(model, number, group) for number, group in enumerate(checked.groups))
    owners = [group.owner for group in groups]
    if repeated := {owner for owner in owners if owners.count(owner) > 1}:
        raise DeclarationError(f"groups: the owner {min(repeated)!r} is declared twice")
    _check_claims(groups)
    examples = None if example_inputs is None else Examples.of(example_inputs)
    states = [
        _state(owners, number, state, examples) for number, state in enumerate(checked.states)
    ]
    source = Source(
        removable=lambda changed: removable_declared(groups, changed),
        shapes={name: parameter.shape for name, parameter in model.named_parameters()},
        fixed=[torch.zeros(group.size, dtype=torch.bool) for group in groups],
        examples=examples,
        input_states={s.input: p for s, p in states if s.input is not None},
        output_states={s.output: p for s, p in states if s.output is not None},
        carried=tuple(part for _, part in states),
        attributes=tuple(
            _attribute(model, number, attribute)
            for number, group in enumerate(checked.groups)
            for attribute in group.attributes
        ),
        declared=True,
    )
    return Groups(model, groups, (), source)


def groups_to_json(groups: Groups) -> str:
    """Groups as the text of a declaration, with every place listed; `declare_groups` reads it.

    Of declared groups it holds everything. Found ones can be looked at and regularised from it, but
    not shrunk: what torch's recurrent modules need for that is found on the model alone.
    """
    source = groups.source
    document = {
        "groups": [
            {
                "owner": group.owner,
                "size": group.size,
                "slices": [
                    {
                        "parameter": part.parameter,
                        "axis": part.axis,
                        "role": part.role,
                        "counted": part.counted,
                        "positions": part.positions.tolist(),
                        "components": part.components.tolist(),
                    }
                    for part in group.slices
                ],
                "attributes": [
                    {"module": attribute.module, "name": attribute.name}
                    for attribute in (source.attributes if source else ())
                    if attribute.group == number
                ],
            }
            for number, group in enumerate(groups)
        ],
        "states": _declared_states(groups, source) if source else [],
    }
    return json.dumps(document, indent=1)


def _declared_states(groups: Groups, source: Source) -> list[dict[str, Any]]:
    return [
        {
            "owner": groups[part.group].owner,
            "output": _number_of(part, source.output_states),
            "input": _number_of(part, source.input_states),
            "axis": part.axis,
        }
        for part in source.carried
        if isinstance(part, DeclaredState)
    ]


def _number_of(part: DeclaredState, leaves: Mapping[int, Any]) -> int | None:
    return next((number for number, found in leaves.items() if found is part), None)


def _read(declaration: Declaration | Mapping[str, Any] | Path) -> Declaration:
    if isinstance(declaration, Declaration):
        return declaration
    where = str(declaration) if isinstance(declaration, Path) else "the declaration"
    document: Any = declaration
    if isinstance(declaration, Path):
        try:
            document = json.loads(declaration.read_text(encoding="utf-8"))
        except OSError as error:
            raise DeclarationError(f"cannot read {where}: {error.strerror}") from error
        except ValueError as error:
            raise DeclarationError(f"{where} is not JSON: {error}") from error
    try:
        return Declaration.model_validate(document)
    except ValidationError as error:
        raise DeclarationError(f"{where}: {first_problem(error)}") from error


def _group(model: nn.Module, number: int, declared: DeclaredGroup) -> Group:
    slices = []
    for place, part in enumerate(declared.slices):
        field = f"groups.{number}.slices.{place}"
        slices.append(_slice(model, field, declared.size, part))
    unread = torch.ones(declared.size, dtype=torch.bool)
    for each in slices:
        if each.role == "reads":
            unread[each.components] = False
    if bool(unread.any()):
        raise DeclarationError(
            f"groups.{number}.slices: none reads component {int(unread.nonzero()[0])} of "
            f"{declared.owner!r}, so nothing tells when it no longer matters"
        )
    return Group(declared.owner, declared.size, tuple(slices), model)


def _slice(model: nn.Module, field: str, size: int, declared: DeclaredSlice) -> Slice:
    shape = _parameter(model, field, declared.parameter).shape
    if declared.axis >= len(shape):
        raise DeclarationError(f"{field}.axis: {declared.parameter} has {len(shape)} axes")
    positions, components = _places(field, size, declared)
    length = shape[declared.axis]
    if bool((positions >= length).any()):
        raise DeclarationError(
            f"{field}: axis {declared.axis} of {declared.parameter} has {length} places, "
            f"position {int(positions.max())} is beyond"
        )
    if len(positions.unique()) != len(positions):  # type: ignore[no-untyped-call]
        raise DeclarationError(f"{field}: a position occurs twice; blocks overlap")
    if bool((components >= size).any()):
        raise DeclarationError(f"{field}.components: must be 0 to {size - 1}")
    return Slice(
        declared.parameter, declared.axis, positions, components, declared.role, declared.counted
    )


def _places(field: str, size: int, declared: DeclaredSlice) -> tuple[Tensor, Tensor]:
    if declared.positions is not None or declared.components is not None:
        positions, components = declared.positions or (), declared.components or ()
        if len(positions) != len(components):
            raise DeclarationError(
                f"{field}: {len(positions)} positions and {len(components)} components; "
                "give one component for each position"
            )
        return torch.tensor(positions), torch.tensor(components)
    component = torch.arange(size)
    block_stride = declared.block_stride or size * declared.stride
    starts = torch.arange(declared.blocks) * block_stride + declared.offset
    positions_of = starts.unsqueeze(1) + component * declared.stride  # (blocks, size)
    return positions_of.reshape(-1), component.repeat(declared.blocks)


def _parameter(model: nn.Module, field: str, name: str) -> nn.Parameter:
    parameters = dict(model.named_parameters())
    if name not in parameters:
        near = difflib.get_close_matches(name, parameters, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise DeclarationError(f"{field}.parameter: the model has no parameter {name!r}{hint}")
    return parameters[name]


def _check_claims(groups: Sequence[Group]) -> None:
    """No place may belong to two slices."""
    claimed: dict[tuple[str, int], Tensor] = {}
    for group in groups:
        for part in group.slices:
            key = (part.parameter, part.axis)
            taken = claimed.get(key, part.positions[:0])
            if bool(torch.isin(part.positions, taken).any()):
                raise DeclarationError(
                    f"places along axis {part.axis} of {part.parameter} are declared twice, "
                    f"the second time for {group.owner!r}"
                )
            claimed[key] = torch.cat([taken, part.positions])


def _attribute(model: nn.Module, group: int, declared: DeclaredAttribute) -> SizeAttribute:
    field = f"groups.{group}.attributes"
    modules = dict(model.named_modules())
    if declared.module not in modules:
        raise DeclarationError(f"{field}.module: the model has no module {declared.module!r}")
    if not hasattr(modules[declared.module], declared.name):
        raise DeclarationError(f"{field}.name: {declared.module!r} has no {declared.name!r}")
    return SizeAttribute(group, declared.module, declared.name)


def _state(
    owners: list[str], number: int, declared: DeclaredCarriedState, examples: Examples | None
) -> tuple[DeclaredCarriedState, DeclaredState]:
    if declared.owner not in owners:
        raise DeclarationError(f"states.{number}.owner: no group is called {declared.owner!r}")
    if declared.input is not None and examples is not None:
        leaves = examples.leaves
        if declared.input >= len(leaves):
            raise DeclarationError(
                f"states.{number}.input: the example inputs hold {len(leaves)} tensors"
            )
        state = leaves[declared.input]
        if isinstance(state, Tensor) and not -state.dim() <= declared.axis < state.dim():
            raise DeclarationError(
                f"states.{number}.axis: input {declared.input} has {state.dim()} axes"
            )
    return declared, DeclaredState(owners.index(declared.owner), declared.axis)
