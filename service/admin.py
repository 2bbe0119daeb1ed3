"""What an operator may change while the service runs: with the admin token, and on the record."""

from __future__ import annotations

import logging
import secrets
from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from service.context import RequestContext
from service.problems import ProblemError
from service.settings import Settings

__all__ = ["ADMIN_ONLY", "audit", "check_one_process"]

log = logging.getLogger("service.audit")


async def _check_token(
    context: RequestContext,
    credentials: Annotated[
        HTTPAuthorizationCredentials | None,
        Depends(HTTPBearer(auto_error=False, description="The admin token.")),
    ],
) -> None:
    if context.settings.admin_token is None:
        raise ProblemError(404, "admin routes are disabled; set ISSRNN_ADMIN_TOKEN to enable them")
    if credentials is None:
        raise ProblemError(
            401,
            "this needs the header 'Authorization: Bearer <admin token>'",
            headers={"WWW-Authenticate": "Bearer"},
        )
    expected = context.settings.admin_token.get_secret_value()
    if not secrets.compare_digest(credentials.credentials.encode(), expected.encode()):
        raise ProblemError(403, "the admin token is wrong")


ADMIN_ONLY = Depends(_check_token)
"""For the ``dependencies`` of a route: 404 without a token in the settings, 401 or 403 without it
in the request."""


def check_one_process(settings: Settings, remedy: str) -> None:
    """Refuse what one of several workers cannot do for the others.

    Args:
        settings: How many workers there are.
        remedy: What to do instead.

    Raises:
        ProblemError: 409 if there are several.
    """
    if settings.workers > 1:
        detail = f"each of several workers has models and splits of its own; {remedy}"
        raise ProblemError(409, detail)


def audit(http: Request, action: str, **details: Any) -> None:
    """Log what an operator changed, and who that was.

    Args:
        http: The request that changed it.
        action: Such as ``split changed``.
        details: What to say of it.
    """
    if key := getattr(http.state, "key", None):
        by = f"key {key}"
    else:
        by = f"address {http.client.host}" if http.client else "unknown"
    log.info(action, extra={"by": by, "request_id": http.state.request_id, **details})
