"""Errors as RFC 9457 ``application/problem+json``: https://www.rfc-editor.org/rfc/rfc9457."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from issrnn.invalid import message_of

__all__ = [
    "CLIENT_GONE",
    "REFUSALS",
    "FieldError",
    "FieldProblemError",
    "ProblemError",
    "add_handlers",
    "field_path",
    "paths_as",
    "problem_response",
    "problem_responses",
]

CLIENT_GONE = 499
"""Nobody reads this response; the number, nginx' own, is for metrics and logs."""
MEDIA_TYPE = "application/problem+json"


@dataclass(frozen=True)
class FieldError:
    """What is wrong with one field."""

    path: str
    """Such as ``texts[3]``, or ``header X-Deadline-Ms``."""
    message: str


class Problem(BaseModel):
    """The body of every error."""

    type: str
    title: str
    status: int
    detail: str
    request_id: str | None
    errors: list[FieldError] = []


def _schema() -> dict[str, Any]:
    schema = Problem.model_json_schema()
    # references would point into this schema, which is only a part of the API's document
    schema["properties"]["errors"]["items"] = schema.pop("$defs")["FieldError"]
    return schema


def problem_responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """For the API's documentation: the problems that a route may answer with."""
    return {
        status: {
            "description": HTTPStatus(status).phrase,
            "content": {MEDIA_TYPE: {"schema": _schema()}},
        }
        for status in statuses
    }


REFUSALS = problem_responses(400, 404, 413, 415, 422, 429, 503, 504)
"""Of a route that computes."""


@dataclass
class ProblemError(Exception):
    """Ends a request with a problem."""

    status: int
    detail: str
    errors: Sequence[FieldError] = ()
    headers: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        """What went wrong."""
        return self.detail


class FieldProblemError(ProblemError):
    """Ends a request because of one field."""

    def __init__(self, status: int, path: str, message: str) -> None:
        """Name the field.

        Args:
            status: HTTP's.
            path: The field's, such as ``texts[3]``.
            message: What is wrong with it.
        """
        super().__init__(status, f"{path}: {message}", [FieldError(path, message)])
        self.path = path
        self.message = message


@contextmanager
def paths_as(path_of: Callable[[str], str]) -> Iterator[None]:
    """Rename the fields of problems, for a request that stands inside another.

    Args:
        path_of: From the inner request's path to the outer one's.
    """
    try:
        yield
    except FieldProblemError as error:
        raise FieldProblemError(error.status, path_of(error.path), error.message) from error


def problem_response(problem: ProblemError, request_id: str | None) -> Response:
    """The response that tells of a problem.

    Args:
        problem: What went wrong.
        request_id: So that a user can quote it.
    """
    gone = problem.status == CLIENT_GONE
    body = Problem(
        type="about:blank",
        title="Client Closed Request" if gone else HTTPStatus(problem.status).phrase,
        status=problem.status,
        detail=_encodable(problem.detail),
        request_id=request_id,
        errors=[FieldError(_encodable(e.path), _encodable(e.message)) for e in problem.errors],
    )
    return Response(
        body.model_dump_json(exclude_defaults=True),
        problem.status,
        headers=dict(problem.headers),
        media_type=MEDIA_TYPE,
    )


def field_path(location: Sequence[str | int]) -> str:
    """``("body", "texts", 3)`` as ``texts[3]``; ``("header", "x")`` as ``header x``."""
    source, *parts = location
    if source != "body":
        return " ".join(str(part) for part in location)
    path = ""
    for part in parts:
        if isinstance(part, int):
            path += f"[{part}]"
        else:
            path += f".{part}" if path else part
    return path or "body"


def add_handlers(app: FastAPI) -> None:
    """Answer every kind of error with a problem."""

    @app.exception_handler(ProblemError)
    async def on_problem(request: Request, error: ProblemError) -> Response:
        return problem_response(error, _request_id(request))

    @app.exception_handler(RequestValidationError)
    async def on_invalid(request: Request, error: RequestValidationError) -> Response:
        # The input itself is not repeated: it may be large, and it is the client's own.
        errors = [_field_error(item) for item in error.errors()]
        kind = request.headers.get("content-type", "")
        if errors[0].path == "body" and not _is_json(kind):
            problem = ProblemError(415, f"the body is {kind or 'of no type'}, not application/json")
            return problem_response(problem, _request_id(request))
        status = 400 if any(item["type"] == "json_invalid" for item in error.errors()) else 422
        detail = "the body is not valid JSON" if status == 400 else "the request has invalid fields"
        return problem_response(ProblemError(status, detail, errors), _request_id(request))

    @app.exception_handler(HTTPException)
    async def on_http_error(request: Request, error: HTTPException) -> Response:
        problem = ProblemError(error.status_code, error.detail, headers=error.headers or {})
        if error.__cause__ is not None and error.status_code == 400:
            problem = _undecodable(request, error.__cause__)
        return problem_response(problem, _request_id(request))


def _undecodable(request: Request, cause: BaseException) -> ProblemError:
    """What FastAPI tells only that it could not parse."""
    encoding = request.headers.get("content-encoding", "identity")
    if encoding != "identity":
        return ProblemError(415, f"the body is encoded as {encoding}; send it as it is")
    if isinstance(cause, UnicodeDecodeError):
        reason = "is no UTF-8"
    elif isinstance(cause, RecursionError):
        reason = "is nested too deeply"
    else:
        reason = str(cause)
    return ProblemError(400, "the body is not valid JSON", [FieldError("body", reason)])


def _is_json(content_type: str) -> bool:
    """Whether FastAPI reads a body of this type; the same parser decides there."""
    message = Message()
    message["content-type"] = content_type
    kind = message.get_content_type()
    return message.get_content_maintype() == "application" and kind.endswith(("/json", "+json"))


def _field_error(item: Mapping[str, Any]) -> FieldError:
    if item["type"] == "json_invalid":
        error = item["ctx"]["error"].removesuffix(" at")
        return FieldError("body", f"{error} at character {item['loc'][-1]}")
    return FieldError(field_path(item["loc"]), message_of(item))


def _encodable(text: str) -> str:
    """With half characters, which a client's JSON can name, written out."""
    return text.encode(errors="backslashreplace").decode()


def _request_id(request: Request) -> str | None:
    return getattr(request.state, "request_id", None)
