"""One model's answer to a ``/score`` request, as ``/score`` and ``/compare`` use it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass

from fastapi import Request

from service.answering import Context, compute, endpoint, off_loop_if_large
from service.jobs import JobResult, ScoredSequence
from service.schemas import ScoreRequest, TextScore, Timing
from service.scoring import EncodedText, assemble, by_text, encode_texts, to_sequences
from service.shadow import count_tokens
from service.variants import Variant

__all__ = ["Answer", "score_with"]


@dataclass(frozen=True, eq=False)
class Answer:
    """What a model computed, before it is put into words."""

    variant: Variant
    request: ScoreRequest
    texts: list[EncodedText]
    result: JobResult

    @property
    def characters(self) -> int:
        """Size of the request."""
        return sum(map(len, self.request.texts))

    def parts(self) -> Iterator[ScoredSequence]:
        """The answer to each text."""
        return by_text(self.texts, self.result.sequences, carry_state=self.request.carry_state)

    def scores(self, *, tokens: bool) -> Iterator[TextScore]:
        """Each text's score."""
        return assemble(self.texts, self.parts(), self.variant.vocabulary, tokens=tokens)

    def timing(self, started: float) -> Timing:
        """Where the time since ``started`` (`time.perf_counter`) went."""
        return Timing(
            queue=1000 * self.result.queue_seconds,
            compute=1000 * self.result.compute_seconds,
            total=1000 * (time.perf_counter() - started),
        )

    def to_json(self, started: float) -> str:
        """The `ScoreResponse`, put together text by text.

        One call over all of a large document would hold the interpreter's lock, and with it every
        other request, for its whole time.
        """
        scores = ",".join(
            score.model_dump_json() for score in self.scores(tokens=self.request.tokens)
        )
        timing = self.timing(started).model_dump_json()
        return (
            f'{{"model":{json.dumps(self.variant.name)},"scores":[{scores}],"timing_ms":{timing}}}'
        )


async def score_with(
    context: Context, http: Request, variant: Variant, request: ScoreRequest, deadline: float
) -> Answer:
    """Let one model score a request.

    Raises:
        ProblemError, OverloadedError, WorkerStoppedError: As `compute`.
    """
    characters = sum(map(len, request.texts))
    texts = await off_loop_if_large(characters, encode_texts, request, variant.vocabulary)
    sequences = to_sequences(texts, variant.vocabulary, carry_state=request.carry_state)
    result = await compute(
        context,
        http,
        variant,
        sequences,
        deadline=deadline,
        top_k=request.top_k if request.tokens else 0,  # they are given token by token
    )
    labels = (endpoint(http), variant.name, variant.card.variant, "live")
    count_tokens(context, labels, texts, result.sequences)
    return Answer(variant, request, texts, result)
