"""The work of classifying: whole texts in, the logits of their labels out."""

from __future__ import annotations

import math
from collections.abc import Sequence

from service.engines.base import Floats, Ids
from service.engines.classifier import LabelLogits, TextChunk
from service.engines.classifier.chunks import Memory
from service.jobs import Job

__all__ = ["ClassifyJob"]


class ClassifyJob(Job[TextChunk, LabelLogits, tuple[Floats, ...]]):
    """Texts, each cut into chunks that go on from what the one before them left."""

    def __init__(
        self, texts: Sequence[Ids], *, chunk_steps: int, deadline: float = math.inf
    ) -> None:
        """Prepare a job.

        Args:
            texts: Word ids of each, (n,) with n >= 1; at least one text.
            chunk_steps: Words of a chunk at most.
            deadline: As `Job` takes it.
        """
        self._texts = tuple(texts)
        self._chunk_steps = chunk_steps
        self._logits: dict[int, Floats] = {}
        super().__init__(
            (self._chunk(text) for text in range(len(texts))),
            tokens=sum(map(len, texts)),
            deadline=deadline,
        )

    def add(self, item: TextChunk, output: LabelLogits) -> TextChunk | None:
        """Keep the logits of a text's last chunk; of any other, give the next."""
        if output.memory.words < len(self._texts[item.text]):
            return self._chunk(item.text, output.memory)
        self._logits[item.text] = output.logits
        return None

    def value(self) -> tuple[Floats, ...]:
        """The logits of each text, (L,)."""
        return tuple(self._logits[text] for text in range(len(self._texts)))

    def _chunk(self, text: int, before: Memory | None = None) -> TextChunk:
        start = before.words if before is not None else 0
        words = self._texts[text][start : start + self._chunk_steps]
        return TextChunk(words, before, text)
