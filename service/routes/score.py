"""``POST /score``: the log-probability of every word of a text."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from service.api_keys import KeyedRoute
from service.choosing import SESSION_HEADER
from service.context import RequestContext
from service.problems import REFUSALS
from service.replying import DEADLINE_HEADER, respond
from service.tasks.score import SCORE
from service.tasks.score.schemas import ScoreRequest, ScoreResponse

__all__ = ["router"]

router = APIRouter(route_class=KeyedRoute, tags=["score"])


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
    return await respond(context, http, SCORE, request)
