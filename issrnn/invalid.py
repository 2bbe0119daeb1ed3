"""What pydantic finds wrong with a document, in words for its author."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

__all__ = ["first_problem", "message_of"]


def message_of(problem: Mapping[str, Any]) -> str:
    """The message of one of ``ValidationError.errors()``, as our validators wrote it."""
    message: str = problem["msg"]
    return message.removeprefix("Value error, ")


def first_problem(error: ValidationError) -> str:
    """``groups.0.size: what is wrong``; without a field, if it is the document as a whole."""
    problem = error.errors(include_url=False)[0]
    where = ".".join(str(part) for part in problem["loc"] if part != "[key]")
    return f"{where}: {message_of(problem)}" if where else message_of(problem)
