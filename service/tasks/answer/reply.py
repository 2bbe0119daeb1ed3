"""One model's reply to a question."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from service.jobs import JobResult
from service.metrics import Metrics
from service.tasks.answer.schemas import Answer, AnswerRequest, AnswerResponse
from service.tasks.base import Labels, timing_of
from service.variants import Variant

__all__ = ["AnswerReply"]


@dataclass(frozen=True, eq=False)
class AnswerReply:
    """What a model found in a context."""

    variant: Variant
    request: AnswerRequest
    answers: list[Answer]
    """Best first, at least one."""
    windows: int
    result: JobResult[Any]

    @property
    def work(self) -> int:
        """Size of the answers: all that is put into JSON."""
        return sum(len(answer.text) for answer in self.answers)

    def count(self, metrics: Metrics, labels: Labels) -> None:
        """Count the question and its windows, and how sure the model was."""
        metrics.questions.labels(*labels).inc()
        metrics.windows.labels(*labels).inc(self.windows)
        metrics.answer_probability.labels(*labels).inc(self.answers[0].score)

    def to_json(self, started: float) -> str:
        """The `AnswerResponse`."""
        return AnswerResponse(
            model=self.variant.name,
            answers=self.answers,
            windows=self.windows,
            timing_ms=timing_of(self.result, time.perf_counter(), started),
        ).model_dump_json()
