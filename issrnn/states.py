"""Carried states: final states that a model returns and takes back on its next call."""

from __future__ import annotations

import dataclasses
import inspect
from typing import Any

from torch import Tensor, nn
from torch.utils._pytree import tree_flatten_with_path, tree_leaves

from issrnn.source import Examples, Source, StatePart, quiet, quiet_copy
from issrnn.tracing import Tracer, run_traced
from issrnn.tracing.context import FinalState, Input

__all__ = ["accepted_states", "output_leaves"]

_NOT_TAKEN_BACK = (
    "its final state is returned ({name}), and the model was not seen to take it back: pass a "
    "state in example_inputs, give forward a parameter for it that defaults to None, or do not "
    "return it"
)


def output_leaves(output: Any) -> list[tuple[str, Any]]:
    """Tensors and other values in a model's output with their place, such as ``[1][0]``.

    Raises:
        TypeError: If it holds objects that are neither tensors, numbers, text nor containers.
    """
    leaves: list[tuple[str, Any]] = []
    for path, leaf in tree_flatten_with_path(output)[0]:
        name = "output" + "".join(str(key) for key in path)
        if dataclasses.is_dataclass(leaf) and not isinstance(leaf, type):
            content = {f.name: getattr(leaf, f.name) for f in dataclasses.fields(leaf)}
            leaves.extend((f"{name}{inner[6:]}", x) for inner, x in output_leaves(content))
        elif leaf is None or isinstance(leaf, Tensor | int | float | str | bytes):
            leaves.append((name, leaf))
        else:
            raise TypeError(
                f"the model's {name} is a {type(leaf).__name__}: return tensors, or tuples, "
                "lists, dicts or dataclasses of them"
            )
    return leaves


def accepted_states(
    model: nn.Module, examples: Examples, tracer: Tracer, output: Any, former: Source | None = None
) -> tuple[dict[int, StatePart], dict[int, StatePart], dict[int, str]]:
    """Which states the model carries from call to call.

    A returned final state counts if the model is seen to take it: as part of the example inputs, or
    in a trial call as a parameter of ``forward`` that was left at its default None. No trial is
    needed with ``former``, the source of groups found before shrinking.

    Returns:
        Leaves of the examples that are such states, leaves of the output that are, and for
        returned states that are not: why they are refused.
    """
    context = tracer.context
    inputs = _arrived(tracer)
    returned: dict[int, StatePart] = {}
    for number, (_, leaf) in enumerate(output_leaves(output)):
        mark = context.mark(leaf)
        if isinstance(mark, FinalState):
            returned[number] = StatePart(mark.module, mark.part)
    taken = set(inputs.values())
    if former is not None:
        taken |= {part for part in former.carried if isinstance(part, StatePart)}
    elif not set(returned.values()) <= taken:
        taken |= _probe(model, examples, tracer, output)
    outputs = {number: part for number, part in returned.items() if part in taken}
    names = [name for name, _ in output_leaves(output)]
    refused = {n: _NOT_TAKEN_BACK.format(name=names[n]) for n in returned if n not in outputs}
    return inputs, outputs, refused


def _arrived(tracer: Tracer) -> dict[int, StatePart]:
    return {
        mark.leaf: StatePart(module, part)
        for module, parts in tracer.context.arrivals.items()
        for part, mark in parts.items()
        if isinstance(mark, Input)
    }


def _probe(model: nn.Module, examples: Examples, tracer: Tracer, output: Any) -> set[StatePart]:
    """Call the model again with what it returned; says which states came whole to their module."""
    candidates = _state_subtrees(tracer, output)
    signature = inspect.signature(model.forward)
    bound = signature.bind_partial(*examples.args, **examples.kwargs).arguments
    free = [
        name
        for name, parameter in signature.parameters.items()
        if name not in bound
        and parameter.default is None
        and parameter.kind in {parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY}
    ]
    trials = [{name: candidate} for name in free for candidate in candidates]
    if 1 < len(candidates) <= len(free):  # such as ``forward(x, h=None, c=None)``
        trials.append(dict(zip(free, candidates, strict=False)))
    taken: set[StatePart] = set()
    for arguments in trials:
        taken |= _taken(model, Examples(examples.args, examples.kwargs | arguments), tracer)
    return taken


def _taken(model: nn.Module, examples: Examples, tracer: Tracer) -> set[StatePart]:
    trial = Tracer(model)
    try:
        with quiet():
            call = examples.copied()
            run_traced(trial, quiet_copy(model), call.args, call.kwargs)
    except Exception:  # noqa: BLE001  the parameter may be for anything; then it is no state
        return set()
    taken = set()
    for leaf, part in _arrived(trial).items():
        mark = tracer.context.mark(examples.leaves[leaf])
        if mark == FinalState(part.module, part.part):
            taken.add(part)
    return taken


def _state_subtrees(tracer: Tracer, output: Any) -> list[Any]:
    """The largest parts of the output that are made of final states only."""
    leaves = [leaf for leaf in tree_leaves(output) if isinstance(leaf, Tensor)]
    if leaves and all(isinstance(tracer.context.mark(leaf), FinalState) for leaf in leaves):
        return [output]
    if dataclasses.is_dataclass(output) and not isinstance(output, type):
        output = [getattr(output, f.name) for f in dataclasses.fields(output)]
    if isinstance(output, dict):
        output = list(output.values())
    if isinstance(output, tuple | list):
        return [part for child in output for part in _state_subtrees(tracer, child)]
    return []
