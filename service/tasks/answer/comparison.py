"""Where several models' answers to the same question differ."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from service.tasks.answer.reply import AnswerReply
from service.tasks.answer.schemas import Answer, ComparedAnswer

__all__ = ["compare_answers"]


def compare_answers(replies: Sequence[AnswerReply]) -> Iterator[ComparedAnswer]:
    """Each model's best answer against the first model's.

    Args:
        replies: To one request, at least one.
    """
    reference = replies[0].answers[0]
    for reply in replies[1:]:
        best = reply.answers[0]
        yield ComparedAnswer(
            model=reply.variant.name,
            same=(best.start, best.end) == (reference.start, reference.end),
            overlap=_overlap(best, reference),
            score_change=best.score - reference.score,
        )


def _overlap(one: Answer, other: Answer) -> float:
    """Characters in both, over those in either; an answer is never empty."""
    both = max(0, min(one.end, other.end) - max(one.start, other.start))
    return both / (len(one.text) + len(other.text) - both)
