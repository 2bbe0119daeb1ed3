"""``POST /score``: the log-probability of every word of a text."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable

from fastapi import APIRouter, Request, Response

from service.answering import (
    Context,
    RequestContext,
    choose,
    compute,
    deadline_of,
    endpoint,
    mark_answered_by,
    off_loop_if_large,
)
from service.jobs import JobResult
from service.limits import check_score_request
from service.schemas import ScoreRequest, ScoreResponse, TextScore, Timing
from service.scoring import EncodedText, assemble, encode_texts, to_sequences
from service.shadow import Shadow, count_tokens
from service.variants import Variant
from service.worker import WorkerStoppedError

__all__ = ["Answer", "router", "score_with"]

router = APIRouter(tags=["score"])


class Answer:
    """A model's answer to a request, before it is put into words."""

    def __init__(
        self, variant: Variant, request: ScoreRequest, texts: list[EncodedText], result: JobResult
    ) -> None:
        """Keep what `scores` needs."""
        self._request = request
        self._texts = texts
        self.variant = variant
        self.result = result

    @property
    def characters(self) -> int:
        """Size of the request."""
        return sum(map(len, self._request.texts))

    def scores(self, *, tokens: bool) -> Iterable[TextScore]:
        """Each text's score."""
        return assemble(
            self._texts,
            self.result.sequences,
            self.variant.vocabulary,
            carry_state=self._request.carry_state,
            tokens=tokens,
        )

    def timing(self, started: float) -> Timing:
        """Where the time since ``started`` (`time.perf_counter`) went."""
        return Timing(
            queue=1000 * self.result.queue_seconds,
            compute=1000 * self.result.compute_seconds,
            total=1000 * (time.perf_counter() - started),
        )


@router.post("/score", response_model=ScoreResponse)
async def score(request: ScoreRequest, http: Request, context: RequestContext) -> Response:
    """Score texts: natural-log probability of each word and of the final `<eos>`.

    A text is one sentence, from the zero state on; with `carry_state` the texts are consecutive
    lines of one document. Headers: `X-Session-ID` keeps a client on one variant, `X-Deadline-Ms`
    lowers the deadline.
    """
    started = time.perf_counter()
    check_score_request(request, context.settings)
    deadline = deadline_of(http, context.settings)
    variant = choose(context, http, "score", request.model)
    shadow: Shadow = http.app.state.shadow
    while True:
        mark_answered_by(http, variant)
        try:
            answer = await score_with(context, http, variant, request, deadline)
            break
        except WorkerStoppedError:  # replaced meanwhile
            variant = choose(context, http, "score", request.model)
    shadow.offer(endpoint(http), request, variant)
    body = await off_loop_if_large(answer.characters, _render, answer, request.tokens, started)
    return Response(body, media_type="application/json")


async def score_with(
    context: Context, http: Request, variant: Variant, request: ScoreRequest, deadline: float
) -> Answer:
    """Let one model score a request.

    Raises:
        ProblemError: As `compute`.
        WorkerStoppedError: If the variant was replaced.
    """
    characters = sum(map(len, request.texts))
    texts = await off_loop_if_large(characters, encode_texts, request, variant.vocabulary)
    sequences = to_sequences(texts, variant.vocabulary, carry_state=request.carry_state)
    result = await compute(
        context, http, variant, sequences, deadline=deadline, top_k=request.top_k
    )
    labels = (endpoint(http), variant.name, variant.card.variant, "live")
    count_tokens(context, labels, texts, result.sequences)
    return Answer(variant, request, texts, result)


def _render(answer: Answer, tokens: bool, started: float) -> str:
    """The response as JSON, text by text: one call over all would hold the interpreter's lock."""
    scores = ",".join(score.model_dump_json() for score in answer.scores(tokens=tokens))
    timing = answer.timing(started).model_dump_json()
    name = json.dumps(answer.variant.name)
    return f'{{"model":{name},"scores":[{scores}],"timing_ms":{timing}}}'
