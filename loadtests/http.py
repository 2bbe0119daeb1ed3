"""Plain requests, for everything that is not load."""

from __future__ import annotations

import json
import os
import urllib.error
import urllib.parse
import urllib.request
from typing import Any

__all__ = [
    "HttpError",
    "get_json",
    "get_models",
    "get_text",
    "key_header",
    "release_of",
    "send",
]


class HttpError(Exception):
    """No answer, or not the right one; the message names the address."""


def key_header() -> dict[str, str]:
    """The API key in the environment's ``LOADTEST_API_KEY``, if there is one, as a header.

    Not of a command line, which is recorded.
    """
    key = os.environ.get("LOADTEST_API_KEY")
    return {"X-API-Key": key} if key else {}


def get_json(url: str, timeout: float = 10.0) -> Any:
    """The JSON document at ``url``.

    Raises:
        HttpError: As `get_text`, or if it is not JSON.
    """
    try:
        return json.loads(get_text(url, timeout))
    except ValueError as error:
        raise HttpError(f"{url}: {error}") from error


def get_text(url: str, timeout: float = 10.0) -> str:
    """The text at ``url``.

    Raises:
        HttpError: If the address is not HTTP, or does not answer with 200.
    """
    if urllib.parse.urlsplit(url).scheme not in ("http", "https"):
        raise HttpError(f"{url} is not an http:// or https:// address")
    request = urllib.request.Request(url, headers=key_header())  # noqa: S310 - checked above
    try:
        with urllib.request.urlopen(request, timeout=timeout) as response:  # noqa: S310 - the same
            return str(response.read().decode())
    except urllib.error.HTTPError as error:
        raise HttpError(f"{url} answers {error.code}{_detail(error)}") from error
    except (OSError, ValueError) as error:
        raise HttpError(f"{url}: {error}") from error


def send(
    method: str, url: str, token: str, body: Any = None, timeout: float = 60.0
) -> tuple[int, str]:
    """Send a request with a bearer token.

    Args:
        method: HTTP's.
        url: An address of a service that was started here.
        token: Of an administrator.
        body: Sent as JSON unless it is None.
        timeout: Seconds.

    Returns:
        The status, and what a problem document says of the reason.

    Raises:
        HttpError: If there is no answer.
    """
    request = urllib.request.Request(  # noqa: S310 - see above
        url,
        method=method,
        headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
        data=None if body is None else json.dumps(body).encode(),
    )
    try:
        with urllib.request.urlopen(request, timeout=timeout) as response:  # noqa: S310 - the same
            return int(response.status), ""
    except urllib.error.HTTPError as error:
        return error.code, _detail(error).removeprefix(", ")
    except OSError as error:
        raise HttpError(f"{url}: {error}") from error


def _detail(error: urllib.error.HTTPError) -> str:
    """What a problem document (RFC 9457) says of the reason, if there is one."""
    with error:
        try:
            detail = json.loads(error.read())["detail"]
        except (OSError, ValueError, KeyError, TypeError):
            return ""
    return f", {detail}"


def get_models(host: str) -> list[dict[str, Any]]:
    """What ``GET /models/NAME`` says of each model that serves a task.

    Models that failed to load have no task and are left out.

    Raises:
        HttpError: If the service does not answer, or not as its contract says.
    """
    document = get_json(f"{host}/models")
    try:
        names = [model["name"] for model in document["models"] if model["task"] is not None]
    except (KeyError, TypeError) as error:
        raise HttpError(f"{host}/models does not hold a list of models: {error!r}") from error
    return [get_json(f"{host}/models/{urllib.parse.quote(name)}") for name in names]


def release_of(host: str) -> str:
    """The service's version as ``/openapi.json`` tells it; ``unknown`` if it does not."""
    try:
        return str(get_json(f"{host}/openapi.json")["info"]["version"])
    except (HttpError, KeyError, TypeError):
        return "unknown"
