"""A reader's unit of work: words read at once, with the question on them."""

from __future__ import annotations

from dataclasses import dataclass

from issrnn.reading.encoding import Encoded
from service.engines.base import Floats

__all__ = ["Passage", "SpanLogits"]


@dataclass(frozen=True, eq=False)
class Passage:
    """A window of a context, and the question: the unit of work."""

    context: Encoded
    """n words, n >= 1."""
    question: Encoded
    """m words, m >= 1."""
    window: int = 0
    """Which of its request's windows it is."""

    @property
    def length(self) -> int:
        """Words."""
        return len(self.context.vectors) + len(self.question.vectors)


@dataclass(frozen=True, eq=False)
class SpanLogits:
    """What an engine says of one passage."""

    starts: Floats
    """(n,) logits of the answer's first word."""
    ends: Floats
    """(n,) logits of the answer's last word."""
