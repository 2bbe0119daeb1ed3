"""The work of scoring: whole token sequences in, log-probabilities out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from service.engines.base import Floats, Ids
from service.engines.language_model import Chunk, Scored
from service.jobs import Job

__all__ = ["ScoreJob", "ScoredSequence", "TokenSequence"]


@dataclass(frozen=True, eq=False)
class TokenSequence:
    """What a model reads from its zero state on, and what it is asked to predict."""

    inputs: Ids
    """(n,) word ids, n >= 1."""
    targets: Ids
    """(n,) the word after each input."""


@dataclass(frozen=True, eq=False)
class ScoredSequence:
    """A model's answer to a `TokenSequence`."""

    log_probs: Floats
    """(n,) natural logarithm of each target's probability."""
    top_ids: Ids
    """(n, top_k) likeliest next words, best first."""
    top_log_probs: Floats
    """(n, top_k)."""


class ScoreJob(Job[Chunk, Scored, tuple[ScoredSequence, ...]]):
    """Sequences, each cut into chunks that start from the state the one before them left."""

    def __init__(
        self,
        sequences: Sequence[TokenSequence],
        *,
        chunk_steps: int,
        top_k: int = 0,
        deadline: float = math.inf,
    ) -> None:
        """Prepare a job.

        Args:
            sequences: At least one.
            chunk_steps: Steps of a chunk at most.
            top_k: Likeliest next words to give at each step.
            deadline: As `Job` takes it.
        """
        self._sequences = tuple(sequences)
        self._chunk_steps = chunk_steps
        self._top_k = top_k
        self._parts: list[list[ScoredSequence]] = [[] for _ in sequences]
        self._done = [0 for _ in sequences]
        super().__init__(
            (self._chunk(sequence) for sequence in range(len(sequences))),
            tokens=sum(len(sequence.inputs) for sequence in sequences),
            deadline=deadline,
        )

    def add(self, item: Chunk, output: Scored) -> Chunk | None:
        """Keep a chunk's scores; gives the next chunk of its sequence."""
        sequence = item.sequence
        # A request may have thousands: without the state, which the next chunk alone needs, and
        # copied, since views would keep the whole batch, of which most is others'.
        self._parts[sequence].append(
            ScoredSequence(
                output.log_probs.copy(), output.top_ids.copy(), output.top_log_probs.copy()
            )
        )
        self._done[sequence] += item.length
        ended = self._done[sequence] == len(self._sequences[sequence].inputs)
        return None if ended else self._chunk(sequence, output)

    def value(self) -> tuple[ScoredSequence, ...]:
        """The scores of each sequence."""
        return tuple(_join(parts) for parts in self._parts)

    def _chunk(self, sequence: int, before: Scored | None = None) -> Chunk:
        whole, start = self._sequences[sequence], self._done[sequence]
        steps = slice(start, start + self._chunk_steps)
        state = before.state if before is not None else None
        return Chunk(whole.inputs[steps], whole.targets[steps], state, self._top_k, sequence)


def _join(parts: Sequence[ScoredSequence]) -> ScoredSequence:
    return ScoredSequence(
        log_probs=np.concatenate([part.log_probs for part in parts]),
        top_ids=np.concatenate([part.top_ids for part in parts]),
        top_log_probs=np.concatenate([part.top_log_probs for part in parts]),
    )
