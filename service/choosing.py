"""Which variant answers a request, and what becomes of the request if it cannot."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from fastapi import Request

from service.context import Context
from service.jobs import OverloadedError
from service.problems import FieldError, ProblemError
from service.routing import choose_variant, session_point
from service.schemas import TaskName
from service.variants import Variant
from service.worker import WorkerStoppedError

__all__ = [
    "SESSION_HEADER",
    "choose",
    "endpoint",
    "labels_of",
    "mark_answered_by",
    "named",
    "with_choice",
]

_ATTEMPTS = 3

SESSION_HEADER: dict[str, Any] = {
    "name": "X-Session-ID",
    "in": "header",
    "description": "Without a model in the body: the same id always gets the same one.",
    "schema": {"type": "string"},
}
"""What `choose` reads, for the API's documentation."""

_SEVERAL = "several"
"""Model and variant in the metrics of a request that several models answer."""

R = TypeVar("R")


def choose(context: Context, request: Request, task: TaskName, name: str | None) -> Variant:
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
    weights = context.splits.of(task).weights or dict.fromkeys(ready, 1.0)
    usable = {name: weight for name, weight in weights.items() if name in ready and weight > 0.0}
    if not usable:
        raise ProblemError(503, f"no model of the traffic split of {task!r} is ready")
    session = request.headers.get("x-session-id")
    point = session_point(session, task) if session else random.random()
    return ready[choose_variant(usable, point)]


def named(context: Context, task: TaskName, name: str, path: str = "model") -> Variant:
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


async def with_choice(
    context: Context,
    request: Request,
    task: TaskName,
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
            context.metrics.shed.labels(*labels_of(request, variant)).inc()
            headers = {"Retry-After": str(error.retry_after)}
            raise ProblemError(429, str(error), headers=headers) from error
        except WorkerStoppedError:
            continue
    detail = "the model is being replaced or shut down"
    raise ProblemError(503, detail, headers={"Retry-After": "1"})


def labels_of(request: Request, variant: Variant) -> tuple[str, str, str]:
    """Endpoint, model and variant, as metrics are labelled."""
    return endpoint(request), variant.name, variant.card.variant


def endpoint(request: Request) -> str:
    """The route's template."""
    path: str = request.scope["route"].path
    return path


def mark_answered_by(request: Request, *variants: Variant) -> None:
    """Say which models answer, for ``X-Model``, metrics and the log.

    In metrics several have one label, so that callers cannot make ever new ones of a few names.
    """
    request.state.model = ", ".join(variant.name for variant in variants)
    request.state.labels = (
        (variants[0].name, variants[0].card.variant) if len(variants) == 1 else (_SEVERAL, _SEVERAL)
    )
