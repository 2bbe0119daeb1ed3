"""Who may ask, and how often: API keys, of which only hashes are known here."""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Callable
from typing import Any

from fastapi import Request
from fastapi.routing import APIRoute
from fastapi.security.utils import get_authorization_scheme_param
from prometheus_client import Counter
from starlette.datastructures import Headers
from starlette.types import Receive, Scope, Send

from service.problems import ProblemError, problem_responses
from service.settings import Settings
from service.token_bucket import TokenBucket

__all__ = ["ApiKeys", "KeyedRoute", "describe_keys"]


class ApiKeys:
    """Lets requests with a known key through, as often as that may ask; without keys, all."""

    def __init__(
        self, settings: Settings, requests: Counter, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Know the keys of the settings.

        Args:
            settings: The keys, and the admin token, which opens what a key opens.
            requests: Counts by key and outcome: accepted, limited, missing or unknown.
            clock: Monotonic seconds.
        """
        self._requests = requests
        self._names = {key.sha256: name for name, key in settings.api_keys.items()}
        self._limits = {
            name: (key.requests_per_second, TokenBucket(key.requests_per_second, key.burst, clock))
            for name, key in settings.api_keys.items()
            if key.requests_per_second is not None
        }
        token = settings.admin_token
        self._admin = _sha256(token.get_secret_value().encode()) if token else None

    def admit(self, http: Request) -> None:
        """Let a request through, and keep in its state whose it is.

        Raises:
            ProblemError: 401 without a key, 403 with a wrong one, 429 if it asks too often.
        """
        if not self._names:
            return
        given = _given_key(http.headers)
        if given is None:
            self._requests.labels("", "missing").inc()
            detail = "this needs a key: 'Authorization: Bearer <key>' or 'X-API-Key: <key>'"
            raise ProblemError(401, detail, headers={"WWW-Authenticate": "Bearer"})
        digest = _sha256(given)
        if digest == self._admin:
            return
        name = self._names.get(digest)
        if name is None:
            self._requests.labels("", "unknown").inc()
            raise ProblemError(403, "the key is unknown")
        http.state.key = name
        self._limit(name)
        self._requests.labels(name, "accepted").inc()

    def _limit(self, name: str) -> None:
        if name not in self._limits:
            return
        rate, bucket = self._limits[name]
        if wait := bucket.take():
            self._requests.labels(name, "limited").inc()
            seconds = math.ceil(wait)
            detail = f"the key {name!r} may ask {rate:g} times a second; try again in {seconds} s"
            raise ProblemError(429, detail, headers={"Retry-After": str(seconds)})


def _given_key(headers: Headers) -> bytes | None:
    """The key as it was sent; ``X-API-Key`` counts more: it can stand beside the admin token."""
    if key := headers.get("x-api-key"):
        return key.encode("latin-1")  # which headers were decoded with
    scheme, key = get_authorization_scheme_param(headers.get("authorization"))
    return key.strip().encode("latin-1") if scheme.lower() == "bearer" and key.strip() else None


def _sha256(key: bytes) -> str:
    # no slow hash: keys are random, not passwords that could be guessed
    return hashlib.sha256(key).hexdigest()


class KeyedRoute(APIRoute):
    """A route that needs a key, where there are any, before it reads the request's body."""

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Admit the request, then answer it."""
        self.admit(Request(scope))
        await super().handle(scope, receive, send)

    def admit(self, http: Request) -> None:
        """Raise a problem if the request may not be answered."""
        http.app.state.context.keys.admit(http)


def describe_keys(document: dict[str, Any], *, metrics_too: bool) -> None:
    """Say in the API's document which routes need a key.

    Args:
        document: As OpenAPI; health, which is tagged so, needs none.
        metrics_too: Whether metrics, which have the same tag, need one.
    """
    schemes = document["components"].setdefault("securitySchemes", {})
    schemes["ApiKey"] = {"type": "apiKey", "in": "header", "name": "X-API-Key"}
    refusals = {str(status): each for status, each in problem_responses(401, 403, 429).items()}
    for path, item in document["paths"].items():
        for operation in item.values():
            if "operations" not in operation["tags"] or (metrics_too and path == "/metrics"):
                operation.setdefault("security", [{"ApiKey": []}])
                operation["responses"] |= refusals
