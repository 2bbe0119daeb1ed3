"""How large a request may be."""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["BodyLimit"]

_DIGITS = 20
"""Of a length that could be meant."""


class BodyLimit:
    """Ends a request with 413 as soon as its body is known to be too large."""

    def __init__(self, app: ASGIApp, max_bytes: int) -> None:
        """Wrap an application.

        Args:
            app: What to protect.
            max_bytes: Largest body.
        """
        self._app = app
        self._max_bytes = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Look at the length that is declared, and count the body's bytes as they come."""
        seen, declared = 0, _declared_length(scope)

        async def counted() -> Message:
            nonlocal seen
            if declared > self._max_bytes:  # before a client is asked to go on
                raise self._too_large()
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > self._max_bytes:
                raise self._too_large()
            return message

        await self._app(scope, counted, send)

    def _too_large(self) -> HTTPException:
        """The one kind of exception that FastAPI lets through while it reads a body."""
        return HTTPException(413, f"the body may have {self._max_bytes} bytes at most")


def _declared_length(scope: Scope) -> int:
    if scope["type"] != "http":
        return 0
    declared = Headers(scope=scope).get("content-length", "")
    return int(declared) if declared.isdecimal() and len(declared) < _DIGITS else 0
