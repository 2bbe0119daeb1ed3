"""The one thread that owns a model: it builds the engine, and computes batch after batch."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from service.batcher import Batcher, Entry
from service.engines.base import Engine, Item
from service.jobs import Job
from service.slots import Slots

__all__ = ["BatchObserver", "Placement", "Worker", "WorkerStoppedError"]

log = logging.getLogger(__name__)

ItemT = TypeVar("ItemT", bound=Item)
OutputT = TypeVar("OutputT")


class BatchObserver(Protocol):
    """Told of every batch, in the worker's thread."""

    def __call__(self, rows: int, tokens: int, steps: int, seconds: float) -> None:
        """A batch was computed.

        Args:
            rows: Items in it.
            tokens: Real steps.
            steps: Steps with padding.
            seconds: Wall time.
        """


@dataclass(frozen=True)
class Placement:
    """Where a model's threads run."""

    threads: int
    """Threads of one call of the engine."""
    cores: tuple[int, ...]
    """Bind them to these; empty: leave it to the system."""
    slots: Slots
    """Shared by all models: as many compute at once as do not outnumber the cores."""


class WorkerStoppedError(Exception):
    """The model was unloaded or replaced."""


class Worker(Generic[ItemT, OutputT]):
    """Owns an engine and its queue; every method may be called from any thread."""

    def __init__(
        self,
        name: str,
        make_engine: Callable[[], Engine[ItemT, OutputT]],
        batcher: Batcher[ItemT, OutputT],
        *,
        observe: BatchObserver,
        placement: Placement,
    ) -> None:
        """Start the thread; `engine` tells when it is ready.

        Args:
            name: Of the model.
            make_engine: Called in the thread, so that the engine's own threads inherit its cores.
            batcher: Used by this worker alone.
            observe: Told of every batch.
            placement: Where it runs.
        """
        self.engine: Future[Engine[ItemT, OutputT]] = Future()
        self._make_engine = make_engine
        self._batcher = batcher
        self._observe = observe
        self._placement = placement
        self._changed = threading.Condition()
        self._stopping = False
        self._thread = threading.Thread(target=self._main, name=f"model {name}", daemon=True)
        self._thread.start()

    def submit(self, job: Job[ItemT, OutputT, Any]) -> None:
        """Queue a job.

        Raises:
            OverloadedError: If the queue is full.
            WorkerStoppedError: If it has been stopped.
        """
        with self._changed:
            if self._stopping:
                raise WorkerStoppedError
            self._batcher.submit(job)
            self._changed.notify()

    def check_room(self) -> None:
        """Spare the preparation of a request that could not be queued anyway.

        Raises:
            OverloadedError: If the queue is full.
        """
        with self._changed:
            self._batcher.check_room()

    @property
    def queued_requests(self) -> int:
        """Requests that are not answered yet."""
        return self._batcher.queued_requests

    @property
    def queued_tokens(self) -> int:
        """Tokens that are not computed yet."""
        with self._changed:
            return self._batcher.queued_tokens

    def stop(self) -> None:
        """Take no more jobs; the thread ends when all queued ones are answered."""
        with self._changed:
            self._stopping = True
            self._batcher.hurry()
            self._changed.notify()

    def join(self, seconds: float | None = None) -> None:
        """Wait for the thread to end."""
        self._thread.join(seconds)

    def _main(self) -> None:
        try:
            self._bind()
            engine = self._make_engine()
            del self._make_engine  # and with it the artifact, whose weights the engine has copied
        except BaseException as error:  # noqa: BLE001 - handed to whoever waits for the engine
            self.engine.set_exception(error)
            return
        self.engine.set_result(engine)
        while self._wait():
            # Only now, so that a batch has all that came while other models computed, and
            # nothing whose deadline passed meanwhile.
            with self._placement.slots:
                self._compute(engine, self._take())

    def _bind(self) -> None:
        cores = self._placement.cores
        if cores and hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(threading.get_native_id(), cores)

    def _wait(self) -> bool:
        """Wait for a batch; False when the worker is stopped and all is answered."""
        with self._changed:
            while (seconds := self._batcher.seconds_to_wait()) > 0.0:
                if self._stopping and not self._batcher.queued_requests:
                    return False
                self._changed.wait(min(seconds, threading.TIMEOUT_MAX))
            return True

    def _take(self) -> Sequence[Entry[ItemT, OutputT]]:
        """The batch; empty if all that was waited for has died."""
        with self._changed:
            batch = self._batcher.take()
        return () if isinstance(batch, float) else batch

    def _compute(
        self, engine: Engine[ItemT, OutputT], entries: Sequence[Entry[ItemT, OutputT]]
    ) -> None:
        if not entries:
            return
        try:
            start = time.perf_counter()
            outputs = engine.compute([entry.item for entry in entries])
            seconds = time.perf_counter() - start
            with self._changed:
                self._batcher.finish(entries, outputs, seconds)
            steps = max(entry.length for entry in entries) * len(entries)
            self._observe(len(entries), sum(entry.length for entry in entries), steps, seconds)
        except Exception as error:  # the thread must outlive a failed batch
            log.exception("a batch failed")
            with self._changed:
                self._batcher.fail(entries, error)
