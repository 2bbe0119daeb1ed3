"""What an operator may change while the service runs: with the admin token, and on the record."""

from __future__ import annotations

import logging
import secrets
from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from fastapi.security.utils import get_authorization_scheme_param

from service.api_keys import KeyedRoute
from service.context import RequestContext
from service.problems import ProblemError
from service.settings import Settings

__all__ = ["ADMIN_ONLY", "AdminRoute", "audit", "check_one_process"]

log = logging.getLogger("service.audit")


def _check_token(settings: Settings, http: Request) -> None:
    if settings.admin_token is None:
        raise ProblemError(404, "admin routes are disabled; set ISSRNN_ADMIN_TOKEN to enable them")
    scheme, given = get_authorization_scheme_param(http.headers.get("authorization"))
    if scheme.lower() != "bearer" or not given:
        raise ProblemError(
            401,
            "this needs the header 'Authorization: Bearer <admin token>'",
            headers={"WWW-Authenticate": "Bearer"},
        )
    expected = settings.admin_token.get_secret_value()
    # headers were decoded with Latin-1
    if not secrets.compare_digest(given.strip().encode("latin-1"), expected.encode()):
        raise ProblemError(403, "the admin token is wrong")


class AdminRoute(KeyedRoute):
    """A route that needs the admin token before it reads the request's body."""

    def admit(self, http: Request) -> None:
        """Raise a problem if the request may not be answered."""
        super().admit(http)
        _check_token(http.app.state.context.settings, http)


async def _admin_only(
    http: Request,
    context: RequestContext,
    _: Annotated[
        HTTPAuthorizationCredentials | None,
        Depends(HTTPBearer(auto_error=False, description="The admin token.")),
    ],
) -> None:
    _check_token(context.settings, http)


ADMIN_ONLY = Depends(_admin_only)
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
