"""What stands behind a set of groups: how to tell which components are dead, and what to cut."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence
from torch.utils._pytree import tree_flatten, tree_leaves, tree_unflatten

from issrnn.layout import Layout

__all__ = [
    "CarriedState",
    "DeclaredState",
    "Examples",
    "SizeAttribute",
    "Source",
    "StatePart",
    "quiet",
    "quiet_copy",
    "run",
    "sharing_copy",
]


@dataclass(frozen=True, eq=False)
class Examples:
    """Arguments of one call of the model."""

    args: tuple[Any, ...]
    kwargs: dict[str, Any]

    @classmethod
    def of(cls, example_inputs: Any) -> Examples:
        """From a tensor (the only argument), a tuple or list (positional), or a mapping (by name).

        They are copied: what the caller does with theirs later is no example.

        Raises:
            TypeError: If it is none of these.
        """
        if isinstance(example_inputs, Examples):
            return example_inputs
        if isinstance(example_inputs, Tensor | PackedSequence):
            return cls((example_inputs,), {}).copied()
        if isinstance(example_inputs, tuple | list):
            return cls(tuple(example_inputs), {}).copied()
        if isinstance(example_inputs, Mapping):
            return cls((), dict(example_inputs)).copied()
        raise TypeError(
            "example_inputs must be a tensor, a tuple of positional arguments or a mapping of "
            f"named ones, not {type(example_inputs).__name__}"
        )

    def copied(self) -> Examples:
        """The same for one call, which may change them in place; without gradients' history."""
        args, kwargs = copy.deepcopy((self.args, self.kwargs), _detached(self.leaves))
        return Examples(args, kwargs)

    def replaced(self, leaf: int, value: Any) -> Examples:
        """The same with one leaf exchanged."""
        leaves, structure = tree_flatten((self.args, self.kwargs))
        leaves[leaf] = value
        args, kwargs = tree_unflatten(leaves, structure)
        return Examples(args, kwargs)

    @property
    def leaves(self) -> list[Any]:
        """Tensors and other values in the arguments, in order."""
        return tree_flatten((self.args, self.kwargs))[0]


@dataclass(frozen=True)
class StatePart:
    """The state of a recurrent module; ``part`` 0 is ``h``, 1 is ``c``."""

    module: str
    part: int


@dataclass(frozen=True)
class DeclaredState:
    """A carried state with one place for each component of a declared group."""

    group: int
    axis: int


CarriedState = StatePart | DeclaredState


@dataclass(frozen=True)
class SizeAttribute:
    """A number that a module keeps beside its weights and that must follow their size."""

    group: int
    module: str
    name: str


@dataclass(frozen=True, eq=False)
class Source:
    """How a set of groups came about."""

    removable: Callable[[nn.Module], list[Tensor]]
    """For each group, (size,) bool: which components can no longer matter."""
    shapes: dict[str, torch.Size]
    """Parameter shapes the groups were found on."""
    fixed: list[Tensor]
    """For each group, (size,) bool: addressed by position outside their recurrent module."""
    examples: Examples | None = None
    """Arguments to check a shrunk model with."""
    layouts: dict[str, Layout] = field(default_factory=dict)
    """Recurrent modules by path."""
    membership: dict[str, list[Tensor]] = field(default_factory=dict)
    """For each cell of each layout, (2, units): group and component of each unit, -1 for none."""
    input_states: dict[int, CarriedState] = field(default_factory=dict)
    """Leaves of the examples that are carried states."""
    output_states: dict[int, CarriedState] = field(default_factory=dict)
    """Leaves of the model's output that are carried states."""
    carried: tuple[CarriedState, ...] = ()
    """Carried states in the order live shrinking is given them."""
    state_fixed: frozenset[str] = frozenset()
    """Modules whose state keeps its former size."""
    state_read: frozenset[str] = frozenset()
    """Modules whose final state other parts of the model use."""
    attributes: tuple[SizeAttribute, ...] = ()
    """Of declared groups only."""
    declared: bool = False
    """Whether the user listed the groups."""


def sharing_copy(model: nn.Module) -> nn.Module:
    """A copy that shares the parameters but nothing else.

    Raises:
        TypeError: If the model cannot be copied.
    """
    shared: dict[int, Any] = {id(parameter): parameter for parameter in model.parameters()}
    # What a module keeps of a training step, such as its state, has such a history.
    shared |= _detached(tree_leaves([vars(module) for module in model.modules()]))
    try:
        return copy.deepcopy(model, shared)
    except RuntimeError as error:
        raise TypeError(f"the model cannot be copied: {error}") from error


def quiet_copy(model: nn.Module) -> nn.Module:
    """A copy in evaluation mode that shares the parameters but nothing else.

    Raises:
        TypeError: If the model cannot be copied.
    """
    return sharing_copy(model).eval()


def _detached(leaves: list[Any]) -> dict[int, Any]:
    """By id, copies of the tensors that torch's deepcopy refuses: results with a history."""
    return {
        id(leaf): leaf.detach().clone()
        for leaf in leaves
        if isinstance(leaf, Tensor) and leaf.grad_fn is not None
    }


@contextmanager
def quiet() -> Iterator[None]:
    """No gradients, and random numbers that are the same each time and disturb no one else's.

    Besides, every operation can be seen, which it cannot within the caller's
    ``torch.inference_mode``, on weights that the caller's autocast has cast before, and in the
    fast path of torch's attention.

    Those of torch (of its CPU and its current GPU, if one is in use), Python and numpy.
    """
    in_use = torch.cuda.is_initialized()  # type: ignore[no-untyped-call]  # torch leaves it untyped
    devices = [torch.cuda.current_device()] if in_use else []
    python, legacy = random.getstate(), np.random.get_state()
    fast_path = torch.backends.mha.get_fastpath_enabled()
    cache = torch.is_autocast_cache_enabled()
    try:
        torch.backends.mha.set_fastpath_enabled(value=False)
        torch.set_autocast_cache_enabled(False)
        torch.clear_autocast_cache()
        with torch.inference_mode(mode=False), torch.no_grad(), torch.random.fork_rng(devices):
            torch.default_generator.manual_seed(0)
            if devices:
                torch.cuda.manual_seed(0)
            random.seed(0)
            np.random.seed(0)
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fast_path)
        torch.set_autocast_cache_enabled(cache)
        random.setstate(python)
        np.random.set_state(legacy)


def run(model: nn.Module, examples: Examples) -> Any:
    """The output of a model in evaluation mode; the model's own mode and state are left alone."""
    with quiet():
        call = examples.copied()
        return quiet_copy(model)(*call.args, **call.kwargs)
