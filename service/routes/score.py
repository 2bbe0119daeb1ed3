"""``POST /score``: the log-probability of every word of a text."""

from __future__ import annotations

import time

from fastapi import APIRouter, Request, Response

from service.answering import (
    DEADLINE_HEADER,
    SESSION_HEADER,
    RequestContext,
    answer_with_choice,
    deadline_of,
    endpoint,
    off_loop_if_large,
)
from service.limits import check_score_request
from service.problems import REFUSALS
from service.schemas import ScoreRequest, ScoreResponse
from service.score_answer import Answer, score_with
from service.shadow import Shadow
from service.variants import Variant

__all__ = ["router"]

router = APIRouter(tags=["score"])


@router.post(
    "/score",
    response_model=ScoreResponse,
    responses=REFUSALS,
    openapi_extra={"parameters": [SESSION_HEADER, DEADLINE_HEADER]},
)
async def score(request: ScoreRequest, http: Request, context: RequestContext) -> Response:
    """Score texts: natural-log probability of each word and of the final `<eos>`.

    A text is one sentence, from the zero state on; with `carry_state` the texts are consecutive
    lines of one document.
    """
    started = time.perf_counter()
    check_score_request(request, context.settings)
    deadline = deadline_of(http, context.settings)

    async def answer_with(variant: Variant) -> Answer:
        return await score_with(context, http, variant, request, deadline)

    answer = await answer_with_choice(context, http, "score", request.model, answer_with)
    shadow: Shadow = http.app.state.shadow
    shadow.offer(endpoint(http), request, answer.variant)
    body = await off_loop_if_large(answer.characters, answer.to_json, started)
    return Response(body, media_type="application/json")
