"""One model's reply to a request to score texts."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pydantic import TypeAdapter

from service.engines.base import Floats
from service.jobs import JobResult
from service.metrics import Metrics
from service.off_loop import work_of
from service.schemas import Timing
from service.tasks.base import Labels, timing_of
from service.tasks.score.job import ScoredSequence
from service.tasks.score.schemas import ScoreRequest, TextScore, TokenScore
from service.tasks.score.texts import EncodedText, assemble, by_text, token_scores
from service.variants import Variant

__all__ = ["ScoreReply", "count_scored"]

_TOKEN_SCORES = TypeAdapter(list[TokenScore])
_AT_ONCE = 1000
"""Tokens and likeliest words: about a millisecond of the interpreter's lock."""


def count_scored(
    metrics: Metrics, labels: Labels, log_probs: Sequence[Floats], unknown: int
) -> None:
    """Add scored tokens to the counters that give the traffic's perplexity.

    Args:
        metrics: Where the counters are.
        labels: Of the request.
        log_probs: Of every token, an array a sequence.
        unknown: How many of them the vocabulary lacks.
    """
    metrics.tokens.labels(*labels).inc(sum(map(len, log_probs)))
    metrics.unknown.labels(*labels).inc(unknown)
    total = sum(float(of_one.sum(dtype="float64")) for of_one in log_probs)
    metrics.negative_log_prob.labels(*labels).inc(max(0.0, -total))


@dataclass(frozen=True, eq=False)
class ScoreReply:
    """What a model computed, before it is put into words."""

    variant: Variant
    request: ScoreRequest
    texts: list[EncodedText]
    result: JobResult[tuple[ScoredSequence, ...]]

    @property
    def work(self) -> int:
        """That of the request, and of the likeliest words at each place."""
        return work_of(self.request.texts) * (1 + self.request.top_k)

    def parts(self) -> Iterator[ScoredSequence]:
        """The scores of each text."""
        return by_text(self.texts, self.result.value, carry_state=self.request.carry_state)

    def scores(self) -> Iterator[TextScore]:
        """Each text's score, without those of its tokens."""
        return assemble(self.texts, self.parts())

    def timing(self, started: float) -> Timing:
        """Where the time since ``started`` went."""
        return timing_of(self.result, time.perf_counter(), started)

    def count(self, metrics: Metrics, labels: Labels) -> None:
        """Add the texts to the counters of scored tokens."""
        log_probs = [sequence.log_probs for sequence in self.result.value]
        unknown = sum(text.unknown_count for text in self.texts)
        count_scored(metrics, labels, log_probs, unknown)

    def to_json(self, started: float) -> str:
        """The `ScoreResponse`, put together in pieces.

        One call over all of a large document would hold the interpreter's lock, and with it every
        other request, for its whole time.
        """
        scores = ",".join(
            score.model_dump_json().removesuffix("[]}")
            + f"[{','.join(self._tokens(text, part))}]}}"
            for score, text, part in zip(self.scores(), self.texts, self.parts(), strict=True)
        )
        timing = self.timing(started).model_dump_json()
        return (
            f'{{"model":{json.dumps(self.variant.name)},"scores":[{scores}],"timing_ms":{timing}}}'
        )

    def _tokens(self, text: EncodedText, part: ScoredSequence) -> Iterator[str]:
        """Of a text's token scores, if they are wanted, JSON of some after some."""
        if self.request.tokens:
            step = max(1, _AT_ONCE // (1 + self.request.top_k))
            for start in range(0, len(text.ids), step):
                tokens = slice(start, start + step)
                scores = token_scores(text, part, self.variant.vocabulary.words, tokens)
                yield _TOKEN_SCORES.dump_json(scores).decode()[1:-1]
