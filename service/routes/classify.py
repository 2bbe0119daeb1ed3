"""``POST /classify``: what kind of text it is."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from service.api_keys import KeyedRoute
from service.choosing import SESSION_HEADER
from service.context import RequestContext
from service.problems import REFUSALS
from service.replying import DEADLINE_HEADER, respond
from service.tasks.classify import CLASSIFY
from service.tasks.classify.schemas import ClassifyRequest, ClassifyResponse

__all__ = ["router"]

router = APIRouter(route_class=KeyedRoute, tags=["classify"])


@router.post(
    "/classify",
    response_model=ClassifyResponse,
    responses=REFUSALS,
    openapi_extra={"parameters": [SESSION_HEADER, DEADLINE_HEADER]},
)
async def classify(request: ClassifyRequest, http: Request, context: RequestContext) -> Response:
    """Give each text a label, with the probability of every label of the model.

    Texts of any length are read in full.
    """
    return await respond(context, http, CLASSIFY, request)
