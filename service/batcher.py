"""Which items of which requests to compute together next: fair between requests, little padding.

Knows no thread and no engine; `service.worker` drives it under a lock.
"""

from __future__ import annotations

import heapq
import itertools
import math
from collections.abc import Callable, Sequence
from concurrent.futures import InvalidStateError
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

from service.engines.base import Item
from service.jobs import DeadlineError, Job, OverloadedError

__all__ = ["Batcher", "BatchingLimits", "Entry"]

_RATE_MEMORY = 0.9
"""Weight of the past in the running estimate of tokens a second."""
_LONGEST_RETRY_SECONDS = 120

ItemT = TypeVar("ItemT", bound=Item)
OutputT = TypeVar("OutputT")


@dataclass(frozen=True)
class BatchingLimits:
    """Sizes of a batch and of a queue; see `service.settings.Settings`."""

    max_batch: int = 16
    max_batch_tokens: int = 1024
    max_wait_seconds: float = 0.0
    max_queued_requests: int = 256
    max_queued_tokens: int = 400_000


@dataclass(frozen=True)
class Entry(Generic[ItemT, OutputT]):
    """An item that waits, or is being computed."""

    job: Job[ItemT, OutputT, Any]
    item: ItemT
    length: int
    since: float
    """When it became ready."""


class Batcher(Generic[ItemT, OutputT]):
    """The queue of one model.

    Fairness: start-time fair queueing (Goyal et al., 1996) over jobs, by tokens, so that a long
    document gets its share and a short request does not wait for it to end. Padding: a batch is
    filled with the items nearest in length to the one whose turn it is, down to half or up to
    twice; beyond that, a padded row costs more than a batch of its own. Size: a batch ends where
    more tokens would make it slower for everyone and faster for nobody.
    """

    def __init__(self, limits: BatchingLimits, clock: Callable[[], float]) -> None:
        """Start empty.

        Args:
            limits: Sizes.
            clock: Monotonic seconds.
        """
        self._limits = limits
        self._clock = clock
        self._jobs: dict[Job[ItemT, OutputT, Any], None] = {}
        self._waiting: dict[int, list[tuple[float, int, Entry[ItemT, OutputT]]]] = {}
        """By length, a heap of items, the one whose turn is first on top; none is empty."""
        self._order = itertools.count()
        self._virtual_time = 0.0
        self._tokens_per_second: float | None = None

    @property
    def queued_requests(self) -> int:
        """Requests that are not answered yet."""
        return len(self._jobs)

    @property
    def queued_tokens(self) -> int:
        """Tokens of these requests that are not computed yet."""
        return sum(job.remaining_tokens for job in self._jobs)

    def check_room(self, tokens: int = 1) -> None:
        """Check that a job of this size would be taken now.

        Raises:
            OverloadedError: If the queue is full.
        """
        self._drop_dead()
        queued = self.queued_tokens
        full = len(self._jobs) >= self._limits.max_queued_requests
        if full or (self._jobs and queued + tokens > self._limits.max_queued_tokens):
            raise OverloadedError(self._retry_after(queued))

    def submit(self, job: Job[ItemT, OutputT, Any]) -> None:
        """Queue a job.

        Raises:
            OverloadedError: If the queue is full.
        """
        self.check_room(job.remaining_tokens)
        job.submitted = self._clock()
        job.tag = self._virtual_time
        self._jobs[job] = None
        for item in job.items:
            self._push(job, item)

    def seconds_to_wait(self) -> float:
        """How long until a batch can be taken: 0 or less if one can, infinite if nothing waits."""
        lengths = self._lengths()
        return self._rest(self._turn(lengths)) if lengths else math.inf

    def take(self) -> Sequence[Entry[ItemT, OutputT]] | float:
        """The next batch, or how many seconds to wait for one (infinite if nothing is queued)."""
        lengths = self._lengths()
        if not lengths:
            return math.inf
        turn = self._turn(lengths)
        if (rest := self._rest(turn)) > 0.0:
            return rest
        self._virtual_time = max(self._virtual_time, self._waiting[turn][0][0])
        near = sorted(
            (length for length in lengths if turn <= 2 * length <= 4 * turn),
            key=lambda length: abs(length - turn),
        )
        entries: list[Entry[ItemT, OutputT]] = []
        longest = turn
        for length in near:
            room = self._rows(max(longest, length))
            while len(entries) < room and self._has_live(length):
                entries.append(heapq.heappop(self._waiting[length])[2])
                longest = max(longest, length)
        return entries

    def hurry(self) -> None:
        """From now on let nothing wait for company."""
        self._limits = replace(self._limits, max_wait_seconds=0.0)

    def finish(
        self,
        entries: Sequence[Entry[ItemT, OutputT]],
        outputs: Sequence[OutputT],
        seconds: float,
    ) -> None:
        """Take the outputs of a batch: resolve complete jobs, queue the others' next items.

        Args:
            entries: What `take` gave.
            outputs: The output of each.
            seconds: How long the batch took.
        """
        now = self._clock()
        for job in {entry.job: None for entry in entries}:
            job.compute_seconds += seconds
        tokens = sum(entry.length for entry in entries)
        self._virtual_time += tokens / max(1, len(self._jobs))
        self._learn_rate(tokens / max(seconds, 1e-6))
        for entry, output in zip(entries, outputs, strict=True):
            job = entry.job
            if job not in self._jobs:
                continue
            job.remaining_tokens -= entry.length
            following = job.add(entry.item, output)
            if following is not None:
                self._push(job, following)
            elif not job.remaining_tokens:
                del self._jobs[job]
                with suppress(InvalidStateError):
                    job.future.set_result(job.result(now))

    def fail(self, entries: Sequence[Entry[ItemT, OutputT]], error: BaseException) -> None:
        """Resolve every job of a batch with what the engine raised."""
        for job in {entry.job: None for entry in entries}:
            self._drop(job, error)

    def _push(self, job: Job[ItemT, OutputT, Any], item: ItemT) -> None:
        length = item.length
        tag = max(self._virtual_time, job.tag)
        job.tag = tag + length
        entry = Entry(job, item, length, self._clock())
        heap = self._waiting.setdefault(length, [])
        heapq.heappush(heap, (tag, next(self._order), entry))

    def _lengths(self) -> list[int]:
        """Of all items that wait, once the dead are gone."""
        self._drop_dead()
        return [length for length in list(self._waiting) if self._has_live(length)]

    def _turn(self, lengths: Sequence[int]) -> int:
        """The length of the item whose turn it is."""
        return min(lengths, key=lambda length: self._waiting[length][0])

    def _has_live(self, length: int) -> bool:
        """Whether an item of this length waits; dead ones on top of its heap are removed."""
        heap = self._waiting.get(length, [])
        while heap and heap[0][2].job not in self._jobs:
            heapq.heappop(heap)
        if not heap:
            self._waiting.pop(length, None)
        return bool(heap)

    def _rows(self, length: int) -> int:
        """How many items fit into a batch in which the longest has this length."""
        return min(self._limits.max_batch, max(1, self._limits.max_batch_tokens // length))

    def _rest(self, turn: int) -> float:
        """Of ``max_wait_seconds``, for the item whose turn it is."""
        if self._limits.max_wait_seconds == 0.0:
            return 0.0
        if sum(map(len, self._waiting.values())) >= self._rows(max(self._waiting)):
            return 0.0
        # A wait that left no time before a deadline would be for nothing.
        hurry = min((job.submitted + job.deadline) / 2 for job in self._jobs)
        end = self._waiting[turn][0][2].since + self._limits.max_wait_seconds
        return min(end, hurry) - self._clock()

    def _drop_dead(self) -> None:
        now = self._clock()
        for job in list(self._jobs):
            if job.future.cancelled():
                del self._jobs[job]
            elif job.deadline <= now:
                self._drop(job, DeadlineError())

    def _drop(self, job: Job[ItemT, OutputT, Any], error: BaseException) -> None:
        self._jobs.pop(job, None)
        with suppress(InvalidStateError):
            job.future.set_exception(error)

    def _learn_rate(self, rate: float) -> None:
        past = self._tokens_per_second
        self._tokens_per_second = (
            rate if past is None else _RATE_MEMORY * past + (1 - _RATE_MEMORY) * rate
        )

    def _retry_after(self, tokens: int) -> int:
        if self._tokens_per_second is None:
            return 1
        seconds = math.ceil(tokens / self._tokens_per_second)
        return min(max(1, seconds), _LONGEST_RETRY_SECONDS)
