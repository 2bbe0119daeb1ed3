"""``/models``: what is served, and, with the admin token, loading a model anew."""

from __future__ import annotations

import asyncio
import secrets
from typing import Annotated

from fastapi import APIRouter, Depends, Path
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from issrnn.artifact import ArtifactError
from service.context import RequestContext
from service.problems import ProblemError, problem_responses
from service.registry import UnknownModelError
from service.schemas import ModelInfo, ModelList
from service.settings import Settings

__all__ = ["router"]

router = APIRouter(prefix="/models", tags=["models"])

Name = Annotated[str, Path(max_length=200)]
Credentials = Annotated[
    HTTPAuthorizationCredentials | None,
    Depends(HTTPBearer(auto_error=False, description="The admin token.")),
]


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


@router.post("/{name}/reload", responses=problem_responses(401, 403, 404, 409, 422))
async def reload_model(name: Name, context: RequestContext, credentials: Credentials) -> ModelInfo:
    """Load a model's artifact anew, or one that was added to the folder since the start.

    The former one serves until the new one is ready; a bad artifact is refused with 409 and
    changes nothing.
    """
    _check_admin(context.settings, credentials)
    if context.settings.workers > 1:
        detail = (
            "each of several workers has its models; SIGHUP to the service replaces all workers"
        )
        raise ProblemError(409, detail)
    try:
        variant = await asyncio.to_thread(context.models.load, name)
    except UnknownModelError:
        raise _unknown(name) from None
    except ArtifactError as error:
        raise ProblemError(409, f"the artifact was refused: {error}") from error
    return variant.info(provenance=True)


def _unknown(name: str) -> ProblemError:
    return ProblemError(404, f"there is no model {name!r}; GET /models lists them")


def _check_admin(settings: Settings, credentials: HTTPAuthorizationCredentials | None) -> None:
    if settings.admin_token is None:
        raise ProblemError(404, "admin routes are disabled; set ISSRNN_ADMIN_TOKEN to enable them")
    if credentials is None:
        raise ProblemError(
            401,
            "this needs the header 'Authorization: Bearer <admin token>'",
            headers={"WWW-Authenticate": "Bearer"},
        )
    expected = settings.admin_token.get_secret_value()
    if not secrets.compare_digest(credentials.credentials.encode(), expected.encode()):
        raise ProblemError(403, "the admin token is wrong")
