"""`find_groups`: the ISS weight groups of any torch module that holds recurrent layers.

The model runs once on example inputs while `issrnn.tracing` follows the labels of its units; what
was tied together becomes one component, what cannot be removed exactly is refused with the reason.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from issrnn.assemble import assemble
from issrnn.groups import Groups
from issrnn.source import Examples, quiet, quiet_copy
from issrnn.states import accepted_states, output_leaves
from issrnn.tracing import Tracer, run_traced
from issrnn.trial import fix_by_trial

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
            as it is: a copy runs, in evaluation mode (but the copy shares the parameters, which
            ``nn.Embedding(max_norm=...)`` changes whenever it runs).
        example_inputs: Arguments of one ordinary call: a tensor, a tuple of positional arguments,
            or a mapping of named ones. Short sequences do, but not of one step, which can hide that
            the code uses the number of units; every layer of interest must run.

    Returns:
        One group a layer and direction, or a set of them that is tied together. ``refused`` names
        the units that cannot be removed exactly, and why.

    Raises:
        TypeError: If the model is no module or cannot be copied, the inputs are of no such form, or
            it returns something other than tensors and containers of them.
        ValueError: If the model is a compiled or scripted one, or wrapped for distributed training.
    """
    return trace(model, Examples.of(example_inputs)).groups


def trace(model: nn.Module, examples: Examples, former: Groups | None = None) -> Traced:
    """Find groups and keep the output.

    Args:
        model: As in `find_groups`.
        examples: Arguments of the call.
        former: Groups of the same model before it was shrunk: what was found out by trial then,
            fixed sizes and carried states, holds still.
    """
    if not isinstance(model, nn.Module):
        raise TypeError(f"the model must be an nn.Module, not {model!r}")
    # torch names the class of compiled models only in a private module.
    if isinstance(model, torch.jit.ScriptModule) or type(model).__name__ == "OptimizedModule":
        raise ValueError(
            "compiled and scripted models hide their operations: pass the module they came from"
        )
    if isinstance(model, nn.parallel.DistributedDataParallel):
        raise ValueError(
            "pass the module inside (`.module`), and wrap it anew after shrink_ removed units"
        )
    with quiet():
        tracer = Tracer(model)
        call = examples.copied()
        output = run_traced(tracer, quiet_copy(model), call.args, call.kwargs)
    leaves = output_leaves(output)
    inputs, outputs, refused_states = accepted_states(
        model, examples, tracer, output, None if former is None else former.source
    )
    context = tracer.context
    for number, (name, leaf) in enumerate(leaves):
        value = context.value(leaf)
        if value is not None and number not in outputs:
            reason = refused_states.get(number, f"reaches the model's output ({name})")
            context.refuse([leaf], reason)
    groups = assemble(model, examples, tracer, inputs, outputs)
    return Traced(fix_by_trial(groups, former), output)
