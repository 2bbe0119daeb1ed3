"""``POST /compare``: several models' answers to one request, side by side."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence

from fastapi import APIRouter, Request, Response

from service.answering import (
    DEADLINE_HEADER,
    Context,
    RequestContext,
    answer_with_choice,
    deadline_of,
    mark_answered_by,
    named,
    off_loop_if_large,
)
from service.comparison import compare_texts
from service.limits import check_score_request
from service.problems import REFUSALS, FieldError, ProblemError
from service.schemas import CompareRequest, CompareResponse, ModelCost
from service.score_answer import Answer, score_with
from service.variants import Variant

__all__ = ["router"]

router = APIRouter(tags=["score"])


@router.post(
    "/compare",
    response_model=CompareResponse,
    responses=REFUSALS,
    openapi_extra={"parameters": [DEADLINE_HEADER]},
)
async def compare(request: CompareRequest, http: Request, context: RequestContext) -> Response:
    """Ask several models the same, one after the other, so that their latencies can be compared."""
    if request.request.model is not None:
        message = "must be null; name the models in 'models'"
        raise ProblemError(422, message, [FieldError("request.model", message)])
    check_score_request(request.request, context.settings, prefix="request.")
    deadline = deadline_of(http, context.settings)
    variants = _chosen(context, request)
    answers, seconds = [], []
    for variant in variants:
        started = time.perf_counter()

        async def answer_with(chosen: Variant) -> Answer:
            return await score_with(context, http, chosen, request.request, deadline)

        answers.append(
            await answer_with_choice(context, http, request.task, variant.name, answer_with)
        )
        seconds.append(time.perf_counter() - started)
    mark_answered_by(http, *variants)
    characters = answers[0].characters * len(answers)
    body = await off_loop_if_large(characters, _render, request, answers, seconds)
    return Response(body, media_type="application/json")


def _chosen(context: Context, request: CompareRequest) -> list[Variant]:
    if request.models is None:
        variants = context.models.ready(request.task)
        if not variants:
            raise ProblemError(503, f"no model is ready for the task {request.task!r}")
        return variants
    for index, name in enumerate(request.models):
        if name in request.models[:index]:
            message = f"{name!r} is named twice"
            raise ProblemError(422, message, [FieldError(f"models[{index}]", message)])
    return [
        named(context, request.task, name, path=f"models[{index}]")
        for index, name in enumerate(request.models)
    ]


def _render(request: CompareRequest, answers: Sequence[Answer], seconds: Sequence[float]) -> str:
    """The `CompareResponse`, put together in small steps as `Answer.to_json` does."""
    results = ",".join(
        f'{_cost(answer.variant, duration).model_dump_json()[:-1]},"response":'
        f"{answer.to_json(time.perf_counter() - duration)}}}"
        for answer, duration in zip(answers, seconds, strict=True)
    )
    differences = ",".join(text.model_dump_json() for text in compare_texts(answers))
    task, reference = json.dumps(request.task), json.dumps(answers[0].variant.name)
    return (
        f'{{"task":{task},"reference":{reference},'
        f'"results":[{results}],"differences":[{differences}]}}'
    )


def _cost(variant: Variant, seconds: float) -> ModelCost:
    return ModelCost(
        model=variant.name,
        variant=variant.card.variant,
        engine=variant.engine.name,
        latency_ms=1000 * seconds,
        parameters=variant.parameters,
        bytes=variant.bytes,
        engine_bytes=variant.engine.weight_bytes,
        multiply_adds=variant.card.architecture.multiply_adds_per_token(),
    )
