"""``POST /compare``: several models' answers to one request, side by side."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, Request, Response

from service.api_keys import KeyedRoute
from service.choosing import mark_answered_by, named, with_choice
from service.comparing import CompareRequest, CompareResponse
from service.context import Context, RequestContext
from service.off_loop import off_loop_if_large
from service.problems import REFUSALS, FieldError, FieldProblemError, ProblemError, paths_as
from service.replying import DEADLINE_HEADER, deadline_of, reply_of
from service.schemas import ModelCost
from service.tasks import TASKS
from service.tasks.base import Reply, Task
from service.variants import Variant

__all__ = ["router"]

router = APIRouter(route_class=KeyedRoute, tags=["compare"])


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
        raise FieldProblemError(422, "request.model", message)
    task = TASKS[request.task]
    replies, seconds = [], []
    with paths_as(lambda path: f"request.{path}"):
        task.check(request.request, context.settings)
        deadline = deadline_of(http, context.settings)
        variants = _chosen(context, request)
        for variant in variants:
            started = time.perf_counter()

            async def answer_with(chosen: Variant) -> Reply:
                reply: Reply = await reply_of(
                    context, http, chosen, task, request.request, deadline
                )
                return reply

            replies.append(await with_choice(context, http, task.name, variant.name, answer_with))
            seconds.append(time.perf_counter() - started)
    mark_answered_by(http, *variants)
    work = sum(reply.work for reply in replies)
    body = await off_loop_if_large(work, _render, task, replies, seconds)
    return Response(body, media_type="application/json")


def _chosen(context: Context, request: CompareRequest) -> list[Variant]:
    if request.models is None:
        variants = context.models.ready(request.task)
        if not variants:
            raise ProblemError(503, f"no model is ready for the task {request.task!r}")
        return variants
    chosen: dict[str, Variant] = {}
    for index, name in enumerate(request.models):
        if name in chosen:
            message = f"{name!r} is named twice"
            raise ProblemError(422, message, [FieldError(f"models[{index}]", message)])
        chosen[name] = named(context, request.task, name, path=f"models[{index}]")
    return list(chosen.values())


def _render(task: Task[Any, Any], replies: Sequence[Reply], seconds: Sequence[float]) -> str:
    """The `CompareResponse`, put together in small steps as replies are."""
    results = ",".join(
        f'{_cost(reply.variant, duration).model_dump_json()[:-1]},"response":'
        f"{reply.to_json(time.perf_counter() - duration)}}}"
        for reply, duration in zip(replies, seconds, strict=True)
    )
    differences = ",".join(item.model_dump_json() for item in task.compare(replies))
    name, reference = json.dumps(task.name), json.dumps(replies[0].variant.name)
    return (
        f'{{"task":{name},"reference":{reference},'
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
        multiply_adds=variant.multiply_adds,
    )
