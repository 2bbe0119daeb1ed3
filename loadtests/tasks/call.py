"""A request of a task, and what its answer must hold."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any, Literal, Protocol

__all__ = ["Call", "Content", "ContractError", "Task", "TaskName"]

TaskName = Literal["score", "answer", "classify"]


class ContractError(ValueError):
    """An answer has the right fields and wrong values."""


@dataclass(frozen=True, slots=True)
class Content:
    """What an answer was found to hold."""

    tokens: int
    """Tokens or words computed; `Row.tokens_per_second` says which."""
    right: bool | None = None
    """Whether it is what a reader would answer; None where there is no such thing."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request."""

    task: TaskName
    body: dict[str, Any]
    """What is posted, but for ``model``."""
    read: Callable[[Any], Content]
    """Checks the answer's JSON document; raises ContractError (wrong values), or KeyError,
    TypeError or ValueError (other fields)."""

    @property
    def path(self) -> str:
        """Where it is posted."""
        return f"/{self.task}"


class Task(Protocol):
    """A source of requests."""

    def draw(self, random: Random) -> Call:
        """The next request."""
        ...
