"""Metrics of several processes added up, through prometheus_client's multi-process mode.

Where `DIRECTORY_VARIABLE` names a folder, counters and histograms are kept in files there, one set
a process, and whichever process is asked adds up all of them.
https://prometheus.github.io/client_python/multiprocess/
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterable
from pathlib import Path

from fastapi import FastAPI
from prometheus_client import CollectorRegistry, Gauge, ProcessCollector, generate_latest
from prometheus_client.core import Metric
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.registry import Collector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.context import Context
from service.metrics import QueueCollector

__all__ = ["DIRECTORY_VARIABLE", "exposition", "with_shared_gauges"]

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

    The depths of its queues, and whether its models serve, are read on demand where there is one
    process; others can only read what was written, here every second.

    Args:
        app: What `service.app.create_app` made.
    """

    async def shared(scope: Scope, receive: Receive, send: Send) -> None:
        async def started(message: Message) -> None:
            if message["type"] == "lifespan.startup.complete" and DIRECTORY_VARIABLE in os.environ:
                _share_gauges(app.state.context)
            await send(message)

        await app(scope, receive, started if scope["type"] == "lifespan" else send)

    return shared


def _share_gauges(context: Context) -> None:
    workers = Gauge(
        "issrnn_workers", "Processes that serve.", registry=None, multiprocess_mode="livesum"
    )
    workers.set(1)
    gauges: dict[str, Gauge] = {}
    collector = QueueCollector(context.models)

    def refresh() -> None:
        while True:
            for family in collector.collect():
                for sample in family.samples:
                    if family.name not in gauges:
                        gauges[family.name] = Gauge(
                            family.name, family.documentation, tuple(sample.labels), registry=None,
                            multiprocess_mode="livemin"
                            if family.name == "issrnn_model_ready"
                            else "livesum",
                        )  # fmt: skip
                    gauges[family.name].labels(**sample.labels).set(sample.value)
            time.sleep(_REFRESH_SECONDS)

    threading.Thread(target=refresh, name="shared gauges", daemon=True).start()


class _Processes(Collector):
    """Processor time, memory and files of all processes together."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def collect(self) -> Iterable[Metric]:
        """The metrics of `ProcessCollector`, added up, and the latest start."""
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
    return ProcessCollector(pid=lambda: pid, registry=None).collect()


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
