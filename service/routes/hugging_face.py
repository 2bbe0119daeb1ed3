"""``POST /hf/question-answering``: the task answer for Hugging Face's clients."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request

from service.api_keys import KeyedRoute
from service.choosing import SESSION_HEADER
from service.context import RequestContext
from service.hugging_face import (
    QuestionAnsweringElement,
    QuestionAnsweringRequest,
    field_of,
    to_elements,
)
from service.problems import REFUSALS, paths_as
from service.replying import DEADLINE_HEADER, reply_by_choice
from service.tasks.answer import ANSWER

__all__ = ["router"]

router = APIRouter(route_class=KeyedRoute, prefix="/hf", tags=["Hugging Face"])


@router.post(
    "/question-answering",
    responses=REFUSALS,
    openapi_extra={"parameters": [SESSION_HEADER, DEADLINE_HEADER]},
)
async def question_answering(
    request: QuestionAnsweringRequest,
    http: Request,
    context: RequestContext,
    model: Annotated[str | None, Query(description="Without it the traffic split chooses.")] = None,
) -> QuestionAnsweringElement | list[QuestionAnsweringElement]:
    """Answer a question, in the shape of Hugging Face's pipelines.

    One answer if `top_k` is 1 or not given, else a list, best first: what
    `huggingface_hub.InferenceClient.question_answering` expects.
    """
    with paths_as(field_of):
        asked = request.to_answer_request(model)
        reply = await reply_by_choice(context, http, ANSWER, asked)
    elements = to_elements(reply)
    return elements if asked.top_k > 1 else elements[0]
