"""Metrics of several processes added up, through prometheus_client's multi-process mode.

Where `DIRECTORY_VARIABLE` names a folder, counters and histograms are kept in files there, one set
a process, and whichever process is asked adds up all of them.
https://prometheus.github.io/client_python/multiprocess/
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from fastapi import FastAPI
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.core import Metric
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.registry import Collector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.metrics import QueueCollector
from service.registry import Registry

__all__ = ["DIRECTORY_VARIABLE", "OwnFigures", "exposition", "with_shared_gauges"]

DIRECTORY_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
"""Set before prometheus_client is imported, or not at all."""
_REFRESH_SECONDS = 1.0


def exposition(own: CollectorRegistry) -> bytes:
    """What ``GET /metrics`` says: of this process, or of all that share a folder.

    Args:
        own: This process's metrics.
    """
    directory = os.environ.get(DIRECTORY_VARIABLE)
    if directory is None:
        return generate_latest(own)
    for pid in _pids(Path(directory)):
        if not _lives(pid):  # its gauges count no more, what it counted stays
            mark_process_dead(pid, directory)  # type: ignore[no-untyped-call]
    shared = CollectorRegistry()
    shared.register(MultiProcessCollector(None, directory))  # type: ignore[no-untyped-call]
    shared.register(_Processes(Path(directory)))
    return generate_latest(shared)


def with_shared_gauges(app: FastAPI) -> ASGIApp:
    """An application whose gauges others can read, from when its models are loaded.

    What is read on demand where there is one process is written here every second, as others can
    only read what was written.

    Args:
        app: What `service.app.create_app` made.
    """

    async def shared(scope: Scope, receive: Receive, send: Send) -> None:
        async def started(message: Message) -> None:
            if message["type"] == "lifespan.startup.complete" and DIRECTORY_VARIABLE in os.environ:
                _keep_written(OwnFigures(app.state.context.models))
            await send(message)

        await app(scope, receive, started if scope["type"] == "lifespan" else send)

    return shared


def _keep_written(figures: OwnFigures) -> None:
    def write() -> None:
        while True:
            figures.write()
            time.sleep(_REFRESH_SECONDS)

    threading.Thread(target=write, name="shared gauges", daemon=True).start()


class OwnFigures:
    """What one of several processes writes of itself for whoever is asked."""

    def __init__(
        self, models: Registry, processor_seconds: Callable[[], float] = time.process_time
    ) -> None:
        """Be counted as a process that serves.

        Args:
            models: Its models.
            processor_seconds: What it has used so far.
        """
        workers = Gauge(
            "issrnn_workers", "Processes that serve.", registry=None, multiprocess_mode="livesum"
        )
        workers.set(1)
        self._queues = QueueCollector(models)
        self._gauges: dict[str, Gauge] = {}
        # A counter, as those of ended processes still count: were only the living added up, the
        # sum would fall with every process that is replaced, and rate() take it for a restart.
        # What a process uses after it last wrote is lost when it ends.
        self._used = Counter(
            "process_cpu_seconds",
            "Total user and system CPU time spent in seconds.",
            registry=None,
        )
        self._processor_seconds = processor_seconds
        self._counted = 0.0

    def write(self) -> None:
        """Bring what others read up to date."""
        used = self._processor_seconds()
        self._used.inc(used - self._counted)
        self._counted = used
        for family in self._queues.collect():
            for sample in family.samples:
                if family.name not in self._gauges:
                    self._gauges[family.name] = Gauge(
                        family.name, family.documentation, tuple(sample.labels), registry=None,
                        multiprocess_mode="livemin"
                        if family.name == "issrnn_model_ready"
                        else "livesum",
                    )  # fmt: skip
                self._gauges[family.name].labels(**sample.labels).set(sample.value)


class _Processes(Collector):
    """Memory and files of all living processes together."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def collect(self) -> Iterable[Metric]:
        """The gauges of `ProcessCollector`, added up, and the latest start."""
        found: dict[str, Metric] = {}
        for pid in filter(_lives, _pids(self._directory)):
            for metric in _of_process(pid):
                known = found.setdefault(metric.name, metric)
                if known is not metric:
                    (ours,), (theirs,) = known.samples, metric.samples
                    both = (ours.value, theirs.value)
                    latest = metric.name == "process_start_time_seconds"
                    known.samples = [ours._replace(value=max(both) if latest else sum(both))]
        return found.values()


def _of_process(pid: int) -> Iterable[Metric]:
    """Without its processor time, which `OwnFigures` counts."""
    metrics = ProcessCollector(pid=lambda: pid, registry=None).collect()
    return [metric for metric in metrics if metric.type == "gauge"]


def _pids(directory: Path) -> set[int]:
    """The processes that have files there, such as ``counter_17.db``."""
    return {int(path.stem.rpartition("_")[2]) for path in directory.glob("*.db")}


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
