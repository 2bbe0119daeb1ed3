"""``POST /answer``: the part of a context that answers a question."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from service.api_keys import KeyedRoute
from service.choosing import SESSION_HEADER
from service.context import RequestContext
from service.problems import REFUSALS
from service.replying import DEADLINE_HEADER, respond
from service.tasks.answer import ANSWER
from service.tasks.answer.schemas import AnswerRequest, AnswerResponse

__all__ = ["router"]

router = APIRouter(route_class=KeyedRoute, tags=["answer"])


@router.post(
    "/answer",
    response_model=AnswerResponse,
    responses=REFUSALS,
    openapi_extra={"parameters": [SESSION_HEADER, DEADLINE_HEADER]},
)
async def answer(request: AnswerRequest, http: Request, context: RequestContext) -> Response:
    """Answer a question with parts of a context, best first.

    Every answer is `context[start:end]`. A long context is read in overlapping windows; answers of
    all windows share one distribution, whose probabilities are the scores.
    """
    return await respond(context, http, ANSWER, request)
