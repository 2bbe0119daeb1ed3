"""From a request to one model's reply, for every task: without blocking, and in time."""

from __future__ import annotations

import asyncio
import time
from typing import Any, TypeVar

from fastapi import Request, Response

from service.choosing import endpoint, labels_of, with_choice
from service.context import Context
from service.jobs import DeadlineError, Job, JobResult
from service.off_loop import off_loop_if_large
from service.problems import CLIENT_GONE, FieldError, ProblemError
from service.settings import Settings
from service.shadow import Shadow
from service.tasks.base import ReplyT, RequestT, Task
from service.variants import Variant

__all__ = ["DEADLINE_HEADER", "compute", "deadline_of", "reply_by_choice", "reply_of", "respond"]

DEADLINE_HEADER: dict[str, Any] = {
    "name": "X-Deadline-Ms",
    "in": "header",
    "description": "Give up after so many milliseconds, with 504.",
    "schema": {"type": "number", "exclusiveMinimum": 0},
}
"""What `deadline_of` reads, for the API's documentation."""

ValueT = TypeVar("ValueT")


def deadline_of(request: Request, settings: Settings) -> float:
    """When to give up, on the monotonic clock; ``X-Deadline-Ms`` can only bring it forward.

    Raises:
        ProblemError: 422 if the header is no positive number.
    """
    seconds = settings.deadline_seconds
    header = request.headers.get("x-deadline-ms")
    if header is not None:
        try:
            asked = float(header) / 1000
        except ValueError:
            asked = 0.0
        if not asked > 0.0:
            message = f"{header[:40]!r} is not a positive number of milliseconds"
            raise ProblemError(422, message, [FieldError("header X-Deadline-Ms", message)])
        seconds = min(seconds, asked)
    return time.monotonic() + seconds


async def respond(
    context: Context, http: Request, task: Task[RequestT, ReplyT], request: RequestT
) -> Response:
    """The response of a task's own endpoint.

    Raises:
        ProblemError: As the task's ``check`` and `reply_by_choice`.
    """
    started = time.perf_counter()
    reply = await reply_by_choice(context, http, task, request)
    body = await off_loop_if_large(reply.work, reply.to_json, started)
    return Response(body, media_type="application/json")


async def reply_by_choice(
    context: Context, http: Request, task: Task[RequestT, ReplyT], request: RequestT
) -> ReplyT:
    """Check a request, let a model answer it, and offer it to the shadow.

    Raises:
        ProblemError: As the task's ``check``, `deadline_of`, `with_choice` and `reply_of`.
    """
    task.check(request, context.settings)
    deadline = deadline_of(http, context.settings)

    async def answer_with(variant: Variant) -> ReplyT:
        return await reply_of(context, http, variant, task, request, deadline)

    reply = await with_choice(context, http, task.name, request.model, answer_with)
    shadow: Shadow = http.app.state.shadow
    shadow.offer(endpoint(http), task, request, reply.variant)
    return reply


async def reply_of(
    context: Context,
    http: Request,
    variant: Variant,
    task: Task[RequestT, ReplyT],
    request: RequestT,
    deadline: float,
) -> ReplyT:
    """One model's reply to a checked request.

    Raises:
        ProblemError, OverloadedError, WorkerStoppedError: As the task's ``prepare`` and `compute`.
    """
    work = task.work(request)
    with context.tracing.span("encode"):
        prepared = await off_loop_if_large(
            work, task.prepare, request, variant, context.settings, deadline
        )
    result = await compute(context, http, variant, prepared.job)
    with context.tracing.span("decode"):
        reply = await off_loop_if_large(work, prepared.finish, result)
    reply.count(context.metrics, (*labels_of(http, variant), "live"))
    return reply


async def compute(
    context: Context, request: Request, variant: Variant, job: Job[Any, Any, ValueT]
) -> JobResult[ValueT]:
    """Queue a request's work and wait for it.

    If the client goes away, the work leaves the queue.

    Raises:
        ProblemError: 504 after the deadline, 499 if the client has gone.
        OverloadedError: If the queue is full.
        WorkerStoppedError: If the variant was replaced; choose again.
    """
    labels = labels_of(request, variant)
    submitted = time.time_ns()
    try:
        variant.worker.submit(job)
        result = await _result_or_disconnect(request, job)
    except DeadlineError as error:
        context.metrics.deadlines.labels(*labels).inc()
        raise ProblemError(504, "the deadline passed before the request was computed") from error
    _trace(context, variant, result, submitted)
    context.metrics.queue_seconds.labels(*labels, "live").observe(result.queue_seconds)
    context.metrics.compute_seconds.labels(*labels, "live").observe(result.compute_seconds)
    return result


def _trace(context: Context, variant: Variant, result: JobResult[Any], submitted: int) -> None:
    """The two spans one after the other, though a long text waits again between its chunks."""
    computing = submitted + round(1e9 * result.queue_seconds)
    attributes = {"issrnn.model": variant.name, "issrnn.engine": variant.engine.name}
    context.tracing.past_span("queue", submitted, computing, attributes)
    done = computing + round(1e9 * result.compute_seconds)
    context.tracing.past_span("compute", computing, done, attributes)


async def _result_or_disconnect(request: Request, job: Job[Any, Any, ValueT]) -> JobResult[ValueT]:
    result = asyncio.wrap_future(job.future)
    gone = asyncio.create_task(_disconnected(request))
    try:
        both: list[asyncio.Future[Any]] = [result, gone]
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        if not result.done():
            raise ProblemError(CLIENT_GONE, "the client has gone")
        return result.result()
    finally:
        result.cancel()
        gone.cancel()


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
