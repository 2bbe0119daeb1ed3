"""How much one request may ask for."""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.problems import FieldError, ProblemError
from service.schemas import ScoreRequest
from service.settings import Settings

__all__ = ["BodyLimit", "check_score_request"]


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
        """Count the body's bytes as they come."""
        seen = 0

        async def counted() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > self._max_bytes:
                # the one kind of exception that FastAPI lets through while it reads a body
                raise HTTPException(413, f"the body may have {self._max_bytes} bytes at most")
            return message

        await self._app(scope, counted, send)


def check_score_request(request: ScoreRequest, settings: Settings, prefix: str = "") -> None:
    """Check what depends on the settings.

    Args:
        request: A well-formed request.
        settings: The limits.
        prefix: Path of the request in the body, such as ``request.``.

    Raises:
        ProblemError: 413 if there are too many or too long texts, 422 if ``top_k`` is too large.
    """
    if len(request.texts) > settings.max_texts:
        message = f"{len(request.texts)} texts; at most {settings.max_texts} are allowed"
        raise _problem(413, f"{prefix}texts", message)
    for index, text in enumerate(request.texts):
        if len(text) > settings.max_text_chars:
            message = f"{len(text)} characters; at most {settings.max_text_chars} are allowed"
            raise _problem(413, f"{prefix}texts[{index}]", message)
    if request.top_k > settings.max_top_k:
        message = f"{request.top_k}; at most {settings.max_top_k} is allowed"
        raise _problem(422, f"{prefix}top_k", message)


def _problem(status: int, path: str, message: str) -> ProblemError:
    return ProblemError(status, f"{path}: {message}", [FieldError(path, message)])
