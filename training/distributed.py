"""One training run over several processes, on one machine or more, as ``torchrun`` starts them.

Each process has all weights and a share of every mini-batch: some of a language model's streams,
whose hidden state it carries, or some of the questions. What makes the result that of one process
is that gradients are summed before anything looks at them: then the clip, group lasso, thresholds
and the removal of dead components compute the same everywhere. Losses are already divided by the
size of the whole mini-batch, so that sums are all that is needed.

The gradients are summed by calls that a reader sees, rather than by `DistributedDataParallel`: that
averages, it wants dense gradients or its own hooks for sparse ones, and it builds its buckets once
for parameters that live shrinking replaces. What it would gain, sending while the backward pass
still computes, is little here: the fast layers give their gradients all at once.

Only the first process reads and writes the run's folder and speaks; the others get from it what it
read. Everything here does nothing, or the obvious, in a process that is alone.
"""

from __future__ import annotations

import atexit
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, TypeVar

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor, nn

from training.errors import LostProcessError, reason

__all__ = [
    "copy_first_",
    "from_first",
    "is_first",
    "join_processes",
    "join_streams",
    "largest",
    "own_streams",
    "process_count",
    "process_number",
    "seed_step",
    "share",
    "sum_gradients_",
    "total",
]

T = TypeVar("T")

_PATIENCE = timedelta(hours=12)
"""How long to wait for another process: the first one also validates, while the others wait."""


def join_processes() -> None:
    """Meet the other processes of this run, once, if ``torchrun`` has started several.

    They talk by gloo, which also sums sparse gradients, on GPUs too.

    Raises:
        LostProcessError: If they cannot be reached.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) == 1 or dist.is_initialized():
        return
    with _reached():
        dist.init_process_group("gloo", timeout=_PATIENCE)
    atexit.register(dist.destroy_process_group)
    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))


def process_count() -> int:
    """Processes that train this run."""
    return dist.get_world_size() if dist.is_initialized() else 1


def process_number() -> int:
    """Which of them this is, from 0."""
    return dist.get_rank() if dist.is_initialized() else 0


def is_first() -> bool:
    """Whether this process writes and speaks for all."""
    return process_number() == 0


def share(count: int) -> slice:
    """Which of ``count`` things are this process's: neighbours, as many for each as can be."""
    number, processes = process_number(), process_count()
    return slice(count * number // processes, count * (number + 1) // processes)


def own_streams(state: Tensor) -> Tensor:
    """This process's part of a hidden state of all streams, (..., B, H)."""
    return state[..., share(state.shape[-2]), :]


def join_streams(state: Any) -> Any:
    """The hidden state of all streams.

    Args:
        state: Of this process's: None, a tensor (..., B, H) or nested tuples of such.

    Returns:
        In the first process that of all; in the others their own.
    """
    if state is None or process_count() == 1:
        return state
    states = [None] * process_count() if is_first() else None
    with _reached():
        dist.gather_object(state, states)
    return _concatenate(states) if states is not None else state


def from_first(make: Callable[[], T]) -> T:
    """What ``make`` returns in the first process; the others wait for it.

    Raises:
        LostProcessError: In the others, if it raised in the first, which then ends.
    """
    if process_count() == 1:
        return make()
    box = [make() if is_first() else None]
    with _reached():
        dist.broadcast_object_list(box)
    [value] = box
    return value  # type: ignore[return-value]  # None only if make returned it


def sum_gradients_(parameters: Iterable[nn.Parameter]) -> None:
    """Replace every gradient, dense or sparse, by its sum over the processes."""
    if process_count() == 1:
        return
    gradients = [p.grad for p in parameters if p.grad is not None]
    dense = [gradient for gradient in gradients if not gradient.is_sparse]
    together = torch.cat([gradient.flatten() for gradient in dense])  # one message, not many
    with _reached():
        dist.all_reduce(together)
        for gradient in gradients:
            if gradient.is_sparse:
                dist.all_reduce(gradient)
    parts = torch.split(together, [gradient.numel() for gradient in dense])
    for gradient, part in zip(dense, parts, strict=True):
        gradient.copy_(part.view_as(gradient))


def total(*values: float) -> list[float]:
    """Each value's sum over the processes."""
    return _reduce(values, dist.ReduceOp.SUM)


def largest(*values: float) -> list[float]:
    """The largest that any process has of each value."""
    return _reduce(values, dist.ReduceOp.MAX)


def copy_first_(tensors: Iterable[Tensor]) -> None:
    """Replace tensors by the first process's.

    Processors of different kinds round differently: so the weights stay the same, and with them
    what is dead.
    """
    if process_count() == 1:
        return
    with _reached():
        for tensor in tensors:
            dist.broadcast(tensor.detach(), src=0)


def seed_step(seed: int, step: int) -> None:
    """Give this process random numbers of its own for a mini-batch.

    They follow from the run's seed, the process and the step alone, so that a run that goes on,
    with as many processes, draws what it would have drawn. A process that is alone goes on with its
    generator, whose state is in the checkpoint.
    """
    if process_count() > 1:
        sequence = np.random.SeedSequence((seed, process_number(), step))
        torch.manual_seed(int(sequence.generate_state(1, np.uint64)[0]))


def _reduce(values: Sequence[float], operation: Any) -> list[float]:
    if process_count() == 1:
        return list(values)
    reduced = torch.tensor(values, dtype=torch.float64)
    with _reached():
        dist.all_reduce(reduced, operation)
    return reduced.tolist()


def _concatenate(states: Sequence[Any]) -> Any:
    if isinstance(states[0], Tensor):
        return torch.cat(list(states), dim=-2)
    return tuple(_concatenate(parts) for parts in zip(*states, strict=True))


@contextmanager
def _reached() -> Iterator[None]:
    try:
        yield
    except (RuntimeError, ValueError) as error:  # a ValueError says what the environment lacks
        raise LostProcessError(
            f"another process of this run has ended or cannot be reached ({reason(error)}); the "
            "same command continues"
        ) from error
