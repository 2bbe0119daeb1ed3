"""A request's work for one model: whole token sequences in, log-probabilities out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass

import numpy as np

from service.engines.base import Chunk, Floats, Ids, Scored

__all__ = [
    "DeadlineError",
    "Job",
    "JobResult",
    "OverloadedError",
    "ScoredSequence",
    "TokenSequence",
]


class OverloadedError(Exception):
    """The queue is full."""

    def __init__(self, retry_after: int) -> None:
        """Say when to come back.

        Args:
            retry_after: Seconds until there should be room.
        """
        super().__init__(f"the queue is full; try again in {retry_after} s")
        self.retry_after = retry_after


class DeadlineError(Exception):
    """The request's deadline passed before it was computed."""


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


@dataclass(frozen=True)
class JobResult:
    """All answers, and where the time went."""

    sequences: tuple[ScoredSequence, ...]
    queue_seconds: float
    """Waiting, before and between chunks."""
    compute_seconds: float
    """Wall time of the batches that held a chunk of this job."""


class Job:
    """One request in a model's queue.

    ``future`` is resolved once: with the result, or a `DeadlineError`, or what the engine raised;
    cancelling it takes the job out of the queue.
    """

    def __init__(
        self,
        sequences: Sequence[TokenSequence],
        *,
        top_k: int = 0,
        deadline: float = math.inf,
    ) -> None:
        """Prepare a job.

        Args:
            sequences: At least one.
            top_k: Likeliest next words to give at each step.
            deadline: Latest start of any chunk, on the queue's clock in seconds.
        """
        self.sequences = tuple(sequences)
        self.top_k = top_k
        self.deadline = deadline
        self.future: Future[JobResult] = Future()
        self.remaining_tokens = sum(len(sequence.inputs) for sequence in sequences)
        self.submitted = 0.0
        self.compute_seconds = 0.0
        self.tag = 0.0
        """Where its next chunk stands in the queue's virtual time."""
        self._parts: list[list[Scored]] = [[] for _ in sequences]

    def chunk(self, sequence: int, start: int, steps: int) -> Chunk:
        """Steps of one sequence, with the state its former chunk left."""
        whole, parts = self.sequences[sequence], self._parts[sequence]
        stop = start + steps
        state = parts[-1].state if parts else None
        return Chunk(whole.inputs[start:stop], whole.targets[start:stop], state, self.top_k)

    def add(self, sequence: int, scored: Scored) -> None:
        """Keep the answer to the next chunk of a sequence."""
        self._parts[sequence].append(scored)
        self.remaining_tokens -= len(scored.log_probs)

    def result(self, now: float) -> JobResult:
        """All answers, once no token remains."""
        return JobResult(
            sequences=tuple(_join(parts) for parts in self._parts),
            queue_seconds=max(0.0, now - self.submitted - self.compute_seconds),
            compute_seconds=self.compute_seconds,
        )


def _join(parts: Sequence[Scored]) -> ScoredSequence:
    return ScoredSequence(
        log_probs=np.concatenate([part.log_probs for part in parts]),
        top_ids=np.concatenate([part.top_ids for part in parts]),
        top_log_probs=np.concatenate([part.top_log_probs for part in parts]),
    )
