"""What a task is: how a request becomes work for a model, and the work's result a reply."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from pydantic import BaseModel

from service.jobs import AnyJob, JobResult
from service.metrics import Metrics
from service.problems import FieldProblemError
from service.schemas import TaskName, TaskRequest, Timing
from service.settings import Settings
from service.variants import Variant

__all__ = [
    "Labels",
    "Prepared",
    "Reply",
    "ReplyT",
    "RequestT",
    "Task",
    "check_length",
    "check_texts",
    "check_top_k",
    "timing_of",
]

Labels = tuple[str, str, str, str]
"""Endpoint, model, variant and role, as metrics are labelled."""


class Reply(Protocol):
    """What one model found for a request."""

    @property
    def variant(self) -> Variant:
        """The model."""
        ...

    @property
    def work(self) -> int:
        """That of putting it into JSON, in characters of text."""
        ...

    def count(self, metrics: Metrics, labels: Labels) -> None:
        """Add what was found to the task's own metrics."""
        ...

    def to_json(self, started: float) -> str:
        """The response.

        Args:
            started: When the request came, by `time.perf_counter`.
        """
        ...


RequestT = TypeVar("RequestT", bound=TaskRequest)
ReplyT = TypeVar("ReplyT", bound=Reply)


@dataclass(frozen=True)
class Prepared(Generic[ReplyT]):
    """A request as one model reads it."""

    job: AnyJob
    finish: Callable[[JobResult[Any]], ReplyT]
    """Makes the reply of the job's result."""


@dataclass(frozen=True)
class Task(Generic[RequestT, ReplyT]):
    """One kind of question to models, with everything in which it differs from other kinds."""

    name: TaskName
    request: type[RequestT]
    check: Callable[[RequestT, Settings], None]
    """Raises `service.problems.FieldProblemError` for what depends on the settings alone."""
    work: Callable[[RequestT], int]
    """That of reading a request, in characters of text; much is done in another thread."""
    prepare: Callable[[RequestT, Variant, Settings, float], Prepared[ReplyT]]
    """Read a checked request as a model does; the last argument is the job's deadline. May raise
    `service.problems.FieldProblemError`."""
    compare: Callable[[Sequence[ReplyT]], Iterable[BaseModel]]
    """Where several models' replies to one request differ."""


def check_texts(texts: Sequence[str], settings: Settings) -> None:
    """Check the field ``texts`` of a request.

    Raises:
        FieldProblemError: 413 if there are too many or too long texts.
    """
    if len(texts) > settings.max_texts:
        message = f"{len(texts)} texts; at most {settings.max_texts} are allowed"
        raise FieldProblemError(413, "texts", message)
    for index, text in enumerate(texts):
        check_length(text, f"texts[{index}]", settings.max_text_chars)


def check_length(text: str, path: str, most: int) -> None:
    """Check a text of a request.

    Raises:
        FieldProblemError: 413 if it has more than ``most`` characters.
    """
    if len(text) > most:
        message = f"{len(text)} characters; at most {most} are allowed"
        raise FieldProblemError(413, path, message)


def check_top_k(top_k: int, path: str, settings: Settings) -> None:
    """Check how many alternatives a request asks for.

    Raises:
        FieldProblemError: 422 if they are too many.
    """
    if top_k > settings.max_top_k:
        message = f"{top_k}; at most {settings.max_top_k} is allowed"
        raise FieldProblemError(422, path, message)


def timing_of(result: JobResult[Any], now: float, started: float) -> Timing:
    """Where the time went.

    Args:
        result: Has the times in the queue and in batches.
        now: By `time.perf_counter`.
        started: When the request came.
    """
    return Timing(
        queue=1000 * result.queue_seconds,
        compute=1000 * result.compute_seconds,
        total=1000 * (now - started),
    )
