"""``/split``: with the admin token, how each task's traffic is split from now on."""

from __future__ import annotations

from typing import get_args

from fastapi import APIRouter, Request

from service.admin import ADMIN_ONLY, AdminRoute, audit, check_one_process
from service.changes import RequestChanges
from service.choosing import named
from service.context import Context, RequestContext
from service.problems import ProblemError, problem_responses
from service.schemas import ResponseModel, StrictModel, TaskName
from service.settings import Weights
from service.splits import Split

__all__ = ["router"]

router = APIRouter(
    route_class=AdminRoute, prefix="/split", tags=["admin"], dependencies=[ADMIN_ONLY]
)


class SplitRequest(StrictModel):
    """A split as it is to be; both fields are needed, so that neither is dropped by mistake."""

    weights: Weights
    """Traffic weights by model name; `{}`: even among all ready models of the task."""
    shadow: str | None
    """A model that also answers every request, off its path; null: none."""


class TaskSplit(ResponseModel):
    """How a task's traffic is split."""

    task: TaskName
    weights: dict[str, float]
    """Empty: even among all ready models of the task."""
    shadow: str | None


class SplitList(ResponseModel):
    """All tasks."""

    splits: list[TaskSplit]


@router.get("", responses=problem_responses(401, 403, 404))
async def list_splits(context: RequestContext) -> SplitList:
    """The present split of every task."""
    return SplitList(splits=[_shown(task, context.splits.of(task)) for task in get_args(TaskName)])


@router.put("/{task}", responses=problem_responses(401, 403, 404, 409, 422))
async def change_split(
    task: TaskName,
    request: SplitRequest,
    http: Request,
    context: RequestContext,
    changes: RequestChanges,
) -> TaskSplit:
    """Split a task's traffic anew, from the next request on, until the service ends.

    Every model that is named must serve the task. A session stays with its model as far as the
    new weights allow. The change waits until a model that is being unloaded has gone.
    """
    check_one_process(context.settings, "restart the service with another ISSRNN_SPLIT")
    split = Split(request.weights, request.shadow)
    async with changes.naming:
        for name in split.weights:
            _check_serves(context, task, name, f"weights.{name}")
        if split.shadow is not None:
            _check_serves(context, task, split.shadow, "shadow")
        before, after = _shown(task, context.splits.of(task)), _shown(task, split)
        context.splits.change(task, split)
    told = {"weights", "shadow"}
    audit(
        http,
        "split changed",
        task=task,
        before=before.model_dump(include=told),
        after=after.model_dump(include=told),
    )
    return after


def _check_serves(context: Context, task: TaskName, name: str, path: str) -> None:
    try:
        named(context, task, name, path)
    except ProblemError as error:
        raise ProblemError(422, error.detail, error.errors) from error


def _shown(task: TaskName, split: Split) -> TaskSplit:
    return TaskSplit(task=task, weights=dict(split.weights), shadow=split.shadow)
