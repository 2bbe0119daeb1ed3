"""A classifier's unit of work, and a batch of them as arrays.

A text is read in chunks. What a chunk leaves for the next is the state of the layers and, where the
network pools the states of all words, what they have come to so far: reading in chunks is reading
at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from issrnn.architecture import ClassifierArchitecture
from service.engines.base import Floats, Ids, Lengths
from service.engines.states import State, pad_ids, stack_states, state_sizes

__all__ = ["LabelLogits", "Memory", "PaddedTexts", "TextChunk", "pad", "split"]


@dataclass(frozen=True, eq=False)
class Memory:
    """What the words of a text have left."""

    state: State
    """After the last of them."""
    pooled: Floats
    """(H,) sum (pooling ``mean``) or largest value (``max``) of the last layer's states; empty for
    the pooling ``last``, which reads the state itself."""
    words: int
    """How many there were."""


@dataclass(frozen=True, eq=False)
class TextChunk:
    """Consecutive words of one text: the unit of work."""

    words: Ids
    """(n,) word ids, n >= 1."""
    memory: Memory | None = None
    """What the words before them left; None at the text's begin."""
    text: int = 0
    """Which of its request's texts it is a part of."""

    @property
    def length(self) -> int:
        """Words."""
        return len(self.words)


@dataclass(frozen=True, eq=False)
class LabelLogits:
    """What an engine says of a text up to the end of a chunk."""

    logits: Floats
    """(L,) one a label."""
    memory: Memory


@dataclass(frozen=True, eq=False)
class PaddedTexts:
    """Chunks side by side."""

    words: Ids
    """(T, B), zero where a chunk has ended."""
    lengths: Lengths
    """(B,)."""
    state: State
    """(B, H) each."""
    pooled: Floats
    """(B, H), or (B, 0) for the pooling ``last``."""
    read: Floats
    """(B, 1) words of each text up to the end of its chunk."""


def pad(chunks: Sequence[TextChunk], architecture: ClassifierArchitecture) -> PaddedTexts:
    """Put chunks side by side.

    Args:
        chunks: At least one.
        architecture: Sizes and pooling.
    """
    words, lengths = pad_ids([chunk.words for chunk in chunks])
    begin = _begin(architecture)
    memories = [chunk.memory or begin for chunk in chunks]
    before = np.array([memory.words for memory in memories])
    return PaddedTexts(
        words=words,
        lengths=lengths,
        state=stack_states([memory.state for memory in memories]),
        pooled=np.stack([memory.pooled for memory in memories]),
        read=(before + lengths).astype(np.float32)[:, np.newaxis],
    )


def split(logits: Floats, state: State, pooled: Floats, batch: PaddedTexts) -> list[LabelLogits]:
    """The part of a batch's result that belongs to each of its chunks, in order.

    Args:
        logits: (B, L).
        state: After each chunk's own last word, (B, H) each.
        pooled: (B, H) or (B, 0), as in `Memory`.
        batch: What was computed.
    """
    return [
        LabelLogits(
            logits[row], Memory(tuple(entry[row] for entry in state), pooled[row], int(words))
        )
        for row, words in enumerate(batch.read[:, 0])
    ]


def _begin(architecture: ClassifierArchitecture) -> Memory:
    """Before the first word."""
    state = tuple(np.zeros(size, dtype=np.float32) for size in state_sizes(architecture))
    size = 0 if architecture.pooling == "last" else architecture.hidden_sizes[-1]
    least = -np.inf if architecture.pooling == "max" else 0.0
    return Memory(state, np.full(size, least, dtype=np.float32), 0)
