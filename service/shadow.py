"""A second model that answers the same requests, off their path: only its metrics are kept."""

from __future__ import annotations

import asyncio
import logging
import math
from dataclasses import dataclass
from typing import Any

from service.context import Context
from service.jobs import OverloadedError
from service.off_loop import off_loop_if_large
from service.problems import FieldProblemError
from service.tasks.base import ReplyT, RequestT, Task
from service.variants import Variant
from service.worker import WorkerStoppedError

__all__ = ["Shadow"]

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Offer:
    endpoint: str
    task: Task[Any, Any]
    request: Any
    model: str
    """The shadow of the task."""


class Shadow:
    """Runs one request at a time from a short queue of its own; what does not fit is dropped."""

    def __init__(self, context: Context) -> None:
        """Prepare; `run` works the queue."""
        self._context = context
        self._offers: asyncio.Queue[_Offer] = asyncio.Queue(context.settings.shadow_queue)

    def offer(
        self,
        endpoint: str,
        task: Task[RequestT, ReplyT],
        request: RequestT,
        answered_by: Variant,
    ) -> None:
        """Hand over a request, unless the shadow itself answered it or is busy; never waits."""
        name = self._context.splits.of(task.name).shadow
        if name is None or name == answered_by.name:
            return
        try:
            self._offers.put_nowait(_Offer(endpoint, task, request, name))
        except asyncio.QueueFull:
            self._context.metrics.shadow_dropped.labels(name).inc()

    async def run(self) -> None:
        """Work the queue until cancelled."""
        while True:
            offer = await self._offers.get()
            try:
                await self._answer(offer)
            except (OverloadedError, WorkerStoppedError, FieldProblemError):
                self._context.metrics.shadow_dropped.labels(offer.model).inc()
            except Exception:  # the shadow must never end the service
                log.exception("the shadow model failed")

    async def _answer(self, offer: _Offer) -> None:
        variant = self._context.models.get(offer.model)
        if variant is None or variant.card.task != offer.task.name:
            return  # readiness says so
        task, request, settings = offer.task, offer.request, self._context.settings
        work = task.work(request)
        prepared = await off_loop_if_large(work, task.prepare, request, variant, settings, math.inf)
        variant.worker.submit(prepared.job)
        result = await asyncio.wrap_future(prepared.job.future)
        labels = (offer.endpoint, variant.name, variant.card.variant, "shadow")
        metrics = self._context.metrics
        metrics.queue_seconds.labels(*labels).observe(result.queue_seconds)
        metrics.compute_seconds.labels(*labels).observe(result.compute_seconds)
        reply = await off_loop_if_large(work, prepared.finish, result)
        reply.count(metrics, labels)
