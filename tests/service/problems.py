"""What a refused request is answered with."""

from __future__ import annotations

from typing import Any

import httpx

__all__ = ["first_error", "problem"]


def problem(response: httpx.Response, status: int) -> dict[str, Any]:
    """The problem document, once it is checked that the response is one of this status."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["X-Request-ID"]
    assert "X-Model" in response.headers
    body: dict[str, Any] = response.json()
    assert body["status"] == status
    return body


def first_error(response: httpx.Response, status: int) -> dict[str, str]:
    """The first of the fields that the problem names."""
    error: dict[str, str] = problem(response, status)["errors"][0]
    return error
