"""A language model's unit of work, and a batch of them as arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from issrnn.architecture import LanguageModelArchitecture, RecurrentLanguageModel
from service.engines.base import Floats, Ids, Lengths

__all__ = [
    "Chunk",
    "PaddedBatch",
    "PaddedResult",
    "Scored",
    "State",
    "pad",
    "split",
    "state_names",
    "state_sizes",
]

State = tuple[Floats, ...]
"""Layer by layer h and, for LSTM layers, c: each (H,) for one sequence, (B, H) for a batch."""


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


def state_names(architecture: LanguageModelArchitecture) -> tuple[str, ...]:
    """Each entry of a network's state: ``h0`` and, for LSTM layers, ``c0``, ``h1``, ..."""
    entries = _entries(architecture)
    return tuple(
        f"{entry}{layer}" for layer in range(len(architecture.hidden_sizes)) for entry in entries
    )


def state_sizes(architecture: LanguageModelArchitecture) -> tuple[int, ...]:
    """Size of each entry of a network's state."""
    entries = _entries(architecture)
    return tuple(size for size in architecture.hidden_sizes for _ in entries)


def pad(chunks: Sequence[Chunk], sizes: Sequence[int]) -> PaddedBatch:
    """Put chunks side by side.

    Args:
        chunks: At least one.
        sizes: As `state_sizes` gives them.
    """
    lengths = np.array([chunk.length for chunk in chunks], dtype=np.int32)
    rows = len(chunks)
    inputs = np.zeros((int(lengths.max()), rows), dtype=np.int64)
    state = tuple(np.zeros((rows, size), dtype=np.float32) for size in sizes)
    for row, chunk in enumerate(chunks):
        inputs[: lengths[row], row] = chunk.inputs
        if chunk.state is not None:
            for entry, value in zip(state, chunk.state, strict=True):
                entry[row] = value
    return PaddedBatch(
        inputs=inputs,
        lengths=lengths,
        positions=np.concatenate(
            [np.arange(length, dtype=np.int64) * rows + row for row, length in enumerate(lengths)]
        ),
        targets=np.concatenate([chunk.targets for chunk in chunks]),
        state=state,
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


def _entries(architecture: LanguageModelArchitecture) -> tuple[str, ...]:
    """What a layer carries from step to step."""
    if isinstance(architecture, RecurrentLanguageModel) and architecture.cell == "lstm":
        return "h", "c"
    return ("h",)
