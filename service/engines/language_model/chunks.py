"""A language model's unit of work, and a batch of them as arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from service.engines.base import Floats, Ids, Lengths
from service.engines.states import State, pad_ids, stack_states

__all__ = ["Chunk", "PaddedBatch", "PaddedResult", "Scored", "pad", "split"]


@dataclass(frozen=True, eq=False)
class Chunk:
    """Consecutive steps of one sequence: the unit of work."""

    inputs: Ids
    """(n,) word ids, n >= 1."""
    targets: Ids
    """(n,) the word whose log-probability is wanted after each input."""
    state: State | None = None
    """State before the first input; zeros if None."""
    top_k: int = 0
    """How many of the likeliest next words to give at each step."""
    sequence: int = 0
    """Which of its request's sequences it is a part of."""

    @property
    def length(self) -> int:
        """Steps."""
        return len(self.inputs)


@dataclass(frozen=True, eq=False)
class Scored:
    """What an engine says of one chunk."""

    log_probs: Floats
    """(n,) natural logarithm of each target's probability."""
    state: State
    """State after the last input."""
    top_ids: Ids
    """(n, top_k) the likeliest next words, best first."""
    top_log_probs: Floats
    """(n, top_k)."""


@dataclass(frozen=True, eq=False)
class PaddedBatch:
    """Chunks side by side; only real steps reach the softmax layer."""

    inputs: Ids
    """(T, B), zero where a chunk has ended."""
    lengths: Lengths
    """(B,)."""
    positions: Ids
    """(N,) where the real steps lie in (T * B,), chunk by chunk: step t of row b is t * B + b."""
    targets: Ids
    """(N,) in the order of ``positions``."""
    state: State
    """(B, H) each."""
    top_k: int


@dataclass(frozen=True, eq=False)
class PaddedResult:
    """An engine's answer to a `PaddedBatch`, steps in the order of its ``positions``."""

    log_probs: Floats
    """(N,)."""
    state: State
    """(B, H) each, after each chunk's own last step."""
    top_ids: Ids
    """(N, top_k)."""
    top_log_probs: Floats
    """(N, top_k)."""


def pad(chunks: Sequence[Chunk], sizes: Sequence[int]) -> PaddedBatch:
    """Put chunks side by side.

    Args:
        chunks: At least one.
        sizes: As `service.engines.states.state_sizes` gives them.
    """
    inputs, lengths = pad_ids([chunk.inputs for chunk in chunks])
    rows = len(chunks)
    zeros = tuple(np.zeros(size, dtype=np.float32) for size in sizes)
    return PaddedBatch(
        inputs=inputs,
        lengths=lengths,
        positions=np.concatenate(
            [np.arange(length, dtype=np.int64) * rows + row for row, length in enumerate(lengths)]
        ),
        targets=np.concatenate([chunk.targets for chunk in chunks]),
        state=stack_states([chunk.state or zeros for chunk in chunks]),
        top_k=max(chunk.top_k for chunk in chunks),
    )


def split(result: PaddedResult, chunks: Sequence[Chunk]) -> list[Scored]:
    """The part of a batch's result that belongs to each of its chunks, in order."""
    scored = []
    start = 0
    for row, chunk in enumerate(chunks):
        steps = slice(start, start + chunk.length)
        start = steps.stop
        scored.append(
            Scored(
                log_probs=result.log_probs[steps],
                state=tuple(entry[row] for entry in result.state),
                top_ids=result.top_ids[steps, : chunk.top_k],
                top_log_probs=result.top_log_probs[steps, : chunk.top_k],
            )
        )
    return scored
