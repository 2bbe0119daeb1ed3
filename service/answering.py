"""What the endpoints share: choosing a variant, and waiting for its answer without blocking."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ParamSpec, TypeVar

from fastapi import Depends, Request

from service.jobs import DeadlineError, Job, JobResult, OverloadedError, TokenSequence
from service.metrics import Metrics
from service.problems import CLIENT_GONE, FieldError, ProblemError
from service.registry import Registry
from service.routing import choose_variant, session_point
from service.schemas import Task
from service.settings import Settings
from service.variants import Variant
from service.worker import WorkerStoppedError

__all__ = [
    "DEADLINE_HEADER",
    "SESSION_HEADER",
    "Context",
    "RequestContext",
    "answer_with_choice",
    "choose",
    "compute",
    "deadline_of",
    "endpoint",
    "mark_answered_by",
    "named",
    "off_loop_if_large",
]

_ATTEMPTS = 3
_LARGE_CHARACTERS = 4000
"""About 2 ms of work on the text; more of it at once would be felt by other requests."""

SESSION_HEADER: dict[str, Any] = {
    "name": "X-Session-ID",
    "in": "header",
    "description": "Without a model in the body: the same id always gets the same one.",
    "schema": {"type": "string"},
}
"""What `choose` reads, for the API's documentation."""
DEADLINE_HEADER: dict[str, Any] = {
    "name": "X-Deadline-Ms",
    "in": "header",
    "description": "Give up after so many milliseconds, with 504.",
    "schema": {"type": "number", "exclusiveMinimum": 0},
}
"""What `deadline_of` reads, for the API's documentation."""

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True)
class Context:
    """What every endpoint needs."""

    settings: Settings
    models: Registry
    metrics: Metrics


async def _context(request: Request) -> Context:
    # async, since FastAPI would run a plain function in another thread for every request
    context: Context = request.app.state.context
    return context


RequestContext = Annotated[Context, Depends(_context)]


def choose(context: Context, request: Request, task: Task, name: str | None) -> Variant:
    """The variant that is to answer: the named one, or the traffic split's choice.

    Raises:
        ProblemError: 404 if the name is unknown, 422 if it is of another task, 503 if it or every
            model of the task is not ready.
    """
    if name is not None:
        return named(context, task, name)
    ready = {variant.name: variant for variant in context.models.ready(task)}
    if not ready:
        raise ProblemError(503, f"no model is ready for the task {task!r}")
    weights = context.settings.split.get(task) or dict.fromkeys(ready, 1.0)
    usable = {name: weight for name, weight in weights.items() if name in ready and weight > 0.0}
    if not usable:
        raise ProblemError(503, f"no model of the traffic split of {task!r} is ready")
    session = request.headers.get("x-session-id")
    point = session_point(session, task) if session else random.random()
    return ready[choose_variant(usable, point)]


def named(context: Context, task: Task, name: str, path: str = "model") -> Variant:
    """The variant of that name.

    Raises:
        ProblemError: As `choose`; ``path`` is the field that names it.
    """
    variant = context.models.get(name)
    if variant is None:
        if context.models.info(name) is None:
            raise _model_problem(404, path, f"there is no model {name!r}; GET /models lists them")
        raise _model_problem(503, path, f"the model {name!r} is not ready")
    if variant.card.task != task:
        message = f"{name!r} is a model for {variant.card.task!r}, not {task!r}"
        raise _model_problem(422, path, message)
    return variant


def _model_problem(status: int, path: str, message: str) -> ProblemError:
    return ProblemError(status, message, [FieldError(path, message)])


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


async def answer_with_choice(
    context: Context,
    request: Request,
    task: Task,
    name: str | None,
    answer: Callable[[Variant], Awaitable[R]],
) -> R:
    """Choose a variant and let it answer; if it is replaced meanwhile, its successor.

    Raises:
        ProblemError: As `choose` and ``answer``; 429 if the queue is full, 503 if no successor
            stays.
    """
    for _ in range(_ATTEMPTS):
        variant = choose(context, request, task, name)
        mark_answered_by(request, variant)
        try:
            variant.worker.check_room()
            return await answer(variant)
        except OverloadedError as error:
            context.metrics.shed.labels(*_labels(request, variant)).inc()
            headers = {"Retry-After": str(error.retry_after)}
            raise ProblemError(429, str(error), headers=headers) from error
        except WorkerStoppedError:
            continue
    detail = "the model is being replaced or shut down"
    raise ProblemError(503, detail, headers={"Retry-After": "1"})


async def compute(
    context: Context,
    request: Request,
    variant: Variant,
    sequences: Sequence[TokenSequence],
    *,
    deadline: float,
    top_k: int = 0,
) -> JobResult:
    """Queue a request's work and wait for it.

    If the client goes away, the work leaves the queue.

    Raises:
        ProblemError: 504 after the deadline, 499 if the client has gone.
        OverloadedError: If the queue is full.
        WorkerStoppedError: If the variant was replaced; choose again.
    """
    labels = _labels(request, variant)
    job = Job(sequences, top_k=min(top_k, len(variant.vocabulary)), deadline=deadline)
    try:
        variant.worker.submit(job)
        result = await _answer_or_disconnect(request, job)
    except DeadlineError as error:
        context.metrics.deadlines.labels(*labels).inc()
        raise ProblemError(504, "the deadline passed before the request was computed") from error
    context.metrics.queue_seconds.labels(*labels, "live").observe(result.queue_seconds)
    context.metrics.compute_seconds.labels(*labels, "live").observe(result.compute_seconds)
    return result


async def _answer_or_disconnect(request: Request, job: Job) -> JobResult:
    answer = asyncio.wrap_future(job.future)
    gone = asyncio.create_task(_disconnected(request))
    try:
        both: list[asyncio.Future[Any]] = [answer, gone]
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        if not answer.done():
            raise ProblemError(CLIENT_GONE, "the client has gone")
        return answer.result()
    finally:
        answer.cancel()
        gone.cancel()


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def off_loop_if_large(
    characters: int, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs
) -> R:
    """Call a function: here if its text is short, else in a thread, so that others get answers."""
    if characters < _LARGE_CHARACTERS:
        return function(*args, **kwargs)
    return await asyncio.to_thread(function, *args, **kwargs)


def _labels(request: Request, variant: Variant) -> tuple[str, str, str]:
    return endpoint(request), variant.name, variant.card.variant


def endpoint(request: Request) -> str:
    """The route's template."""
    path: str = request.scope["route"].path
    return path


def mark_answered_by(request: Request, *variants: Variant) -> None:
    """Say which models answer, for ``X-Model``, metrics and the log."""
    request.state.model = ", ".join(variant.name for variant in variants)
    request.state.variant = ", ".join(variant.card.variant for variant in variants)
