"""Computing a job as a model's worker does, with nothing else in the queue."""

from __future__ import annotations

import time
from typing import Any, TypeVar

from service.batcher import Batcher
from service.engines import Engine
from service.jobs import Job
from service.settings import Settings
from service.variants import batching_limits

__all__ = ["compute_alone"]

ValueT = TypeVar("ValueT")


def compute_alone(
    engine: Engine[Any, Any], job: Job[Any, Any, ValueT], settings: Settings
) -> ValueT:
    """The value of a job.

    Args:
        engine: What computes.
        job: One request.
        settings: Size of a batch; an int8 engine's answers depend slightly on what is computed
            together.
    """
    queue: Batcher[Any, Any] = Batcher(batching_limits(settings), time.monotonic)
    queue.submit(job)
    while not isinstance(entries := queue.take(), float):
        started = time.perf_counter()
        outputs = engine.compute([entry.item for entry in entries])
        queue.finish(entries, outputs, time.perf_counter() - started)
    return job.future.result(0).value
