"""The work of answering: the windows of a context, which are independent of each other."""

from __future__ import annotations

import math
from collections.abc import Sequence

from service.engines.bidaf import Passage, SpanLogits
from service.jobs import Job

__all__ = ["AnswerJob"]


class AnswerJob(Job[Passage, SpanLogits, tuple[SpanLogits, ...]]):
    """All windows of one request; they may share batches with each other and with others'."""

    def __init__(self, passages: Sequence[Passage], *, deadline: float = math.inf) -> None:
        """Prepare a job.

        Args:
            passages: Passage i is window i; at least one.
            deadline: As `Job` takes it.
        """
        super().__init__(
            passages, tokens=sum(passage.length for passage in passages), deadline=deadline
        )
        self._logits: dict[int, SpanLogits] = {}

    def add(self, item: Passage, output: SpanLogits) -> None:
        """Keep a window's logits; nothing waits for them."""
        self._logits[item.window] = output

    def value(self) -> tuple[SpanLogits, ...]:
        """The logits of each window, in order."""
        return tuple(self._logits[window] for window in range(len(self.items)))
