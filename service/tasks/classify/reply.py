"""One model's reply to a request to classify texts."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from service.jobs import JobResult
from service.metrics import Metrics
from service.off_loop import work_of
from service.tasks.base import Labels, timing_of
from service.tasks.classify.schemas import ClassifyRequest, TextLabel
from service.variants import Variant

__all__ = ["ClassifyReply"]


@dataclass(frozen=True, eq=False)
class ClassifyReply:
    """What a model makes of texts."""

    variant: Variant
    request: ClassifyRequest
    results: Sequence[TextLabel]
    """One a text, in order."""
    result: JobResult[Any]

    @property
    def work(self) -> int:
        """That of the request."""
        return work_of(self.request.texts)

    def count(self, metrics: Metrics, labels: Labels) -> None:
        """Count the texts by their labels, their words, and how sure the model was."""
        for label, texts in Counter(each.label for each in self.results).items():
            metrics.classified_texts.labels(*labels, label).inc(texts)
        metrics.label_probability.labels(*labels).inc(sum(each.score for each in self.results))
        words = sum(each.word_count for each in self.results)
        metrics.classified_words.labels(*labels).inc(words)
        unknown = sum(each.unknown_count for each in self.results)
        metrics.unknown_words.labels(*labels).inc(unknown)

    def to_json(self, started: float) -> str:
        """The `ClassifyResponse`, put together text by text as a `ScoreReply` is."""
        results = ",".join(each.model_dump_json() for each in self.results)
        timing = timing_of(self.result, time.perf_counter(), started).model_dump_json()
        name = json.dumps(self.variant.name)
        return f'{{"model":{name},"results":[{results}],"timing_ms":{timing}}}'
