"""``/models``: what is served, and, with the admin token, loading and unloading while it runs."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Request

from issrnn.artifact import ArtifactError
from service.admin import ADMIN_ONLY, audit, check_one_process
from service.api_keys import KeyedRoute
from service.changes import RequestChanges
from service.context import RequestContext
from service.problems import ProblemError, problem_responses
from service.registry import LastModelError, UnknownModelError
from service.schemas import ModelInfo, ModelList

__all__ = ["router"]

router = APIRouter(route_class=KeyedRoute, prefix="/models", tags=["models"])

Name = Annotated[str, Path(max_length=200)]


@router.get("")
async def list_models(context: RequestContext) -> ModelList:
    """All models, failed ones too."""
    return ModelList(models=context.models.infos())


@router.get("/{name}", responses=problem_responses(404, 422))
async def get_model(name: Name, context: RequestContext) -> ModelInfo:
    """One model, with how it was made."""
    info = context.models.info(name, provenance=True)
    if info is None:
        raise _unknown(name)
    return info


@router.post(
    "/{name}/reload",
    dependencies=[ADMIN_ONLY],
    responses=problem_responses(401, 403, 404, 409, 422),
)
async def reload_model(
    name: Name, http: Request, context: RequestContext, changes: RequestChanges
) -> ModelInfo:
    """Load a model's artifact anew, or one that was added to the folder since the start.

    The former one serves until the new one is ready; a bad artifact is refused with 409 and
    changes nothing.
    """
    check_one_process(context.settings, "SIGHUP to the service replaces all workers")
    try:
        variant = await changes.run(context.models.load, name)
    except UnknownModelError:
        raise _unknown(name) from None
    except ArtifactError as error:
        audit(http, "model refused", model=name, error=str(error))
        raise ProblemError(409, f"the artifact was refused: {error}") from error
    audit(http, "model loaded", model=name)
    return variant.info(provenance=True)


@router.delete(
    "/{name}",
    status_code=204,
    dependencies=[ADMIN_ONLY],
    responses=problem_responses(401, 403, 404, 409, 422),
)
async def unload_model(
    name: Name, http: Request, context: RequestContext, changes: RequestChanges
) -> None:
    """Take a model away, until it is loaded again; what is in its queue is still answered.

    Refused with 409 if a traffic split names it, or if its task would be left without a model.
    """
    check_one_process(context.settings, "take its artifact away, then SIGHUP to the service")
    async with changes.naming:
        if tasks := context.splits.tasks_naming(name):
            raise ProblemError(409, f"the split of {tasks[0]!r} names {name!r}; change that first")
        try:
            await changes.run(context.models.unload, name)  # may wait for a model to be loaded
        except UnknownModelError:
            raise _unknown(name) from None
        except LastModelError as error:
            raise ProblemError(409, str(error)) from error
    audit(http, "model unloaded", model=name)


def _unknown(name: str) -> ProblemError:
    return ProblemError(404, f"there is no model {name!r}; GET /models lists them")
