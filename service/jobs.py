"""A request's work for one model: items of work in, their outputs gathered to one value."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from service.engines.base import Item

__all__ = ["AnyJob", "DeadlineError", "Job", "JobResult", "OverloadedError"]

ItemT = TypeVar("ItemT", bound=Item)
OutputT = TypeVar("OutputT")
ValueT = TypeVar("ValueT")


class OverloadedError(Exception):
    """The queue is full."""

    def __init__(self, retry_after: int) -> None:
        """Say when to come back.

        Args:
            retry_after: Seconds until there should be room.
        """
        super().__init__(f"the queue is full; try again in {retry_after} s")
        self.retry_after = retry_after


class DeadlineError(Exception):
    """The request's deadline passed before it was computed."""


@dataclass(frozen=True)
class JobResult(Generic[ValueT]):
    """What was computed, and where the time went."""

    value: ValueT
    queue_seconds: float
    """Waiting, before and between items."""
    compute_seconds: float
    """Wall time of the batches that held an item of this job."""


class Job(ABC, Generic[ItemT, OutputT, ValueT]):
    """One request in a model's queue.

    ``future`` is resolved once: with the result, or a `DeadlineError`, or what the engine raised;
    cancelling it takes the job out of the queue.
    """

    def __init__(self, items: Iterable[ItemT], *, tokens: int, deadline: float = math.inf) -> None:
        """Prepare a job.

        Args:
            items: Those that can be computed at once, at least one.
            tokens: Length of all items together, also of those that come later.
            deadline: Latest start of any item, on the queue's clock in seconds.
        """
        self.items = tuple(items)
        self.remaining_tokens = tokens
        self.deadline = deadline
        self.future: Future[JobResult[ValueT]] = Future()
        self.submitted = 0.0
        self.compute_seconds = 0.0
        self.tag = 0.0
        """Where its next item stands in the queue's virtual time."""

    @abstractmethod
    def add(self, item: ItemT, output: OutputT) -> ItemT | None:
        """Keep an item's output; gives the item that can be computed now, if there is another."""

    @abstractmethod
    def value(self) -> ValueT:
        """The outputs of all items, once no token remains."""

    def result(self, now: float) -> JobResult[ValueT]:
        """The value, once no token remains.

        Args:
            now: On the queue's clock.
        """
        return JobResult(
            value=self.value(),
            queue_seconds=max(0.0, now - self.submitted - self.compute_seconds),
            compute_seconds=self.compute_seconds,
        )


AnyJob = Job[Any, Any, Any]
