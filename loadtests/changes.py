"""Changes of a service while it is asked: each must cost no request.

Models are loaded anew, damaged ones are refused, models are unloaded, the traffic split is changed,
and worker processes are replaced, again and again under a closed loop of users who leave the choice
of the model to the service.
"""

from __future__ import annotations

import itertools
import json
import re
import secrets
import shutil
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gevent
import psutil

from loadtests.http import HttpError, get_models, get_text, send
from loadtests.plan import Plan
from loadtests.samples import Sample
from loadtests.service_process import ServiceError, run_service
from loadtests.tasks import TASKS, TaskName, build_tasks
from loadtests.users import Traffic, user_class
from loadtests.windows import users_asking

__all__ = ["Row", "measure_changes", "table"]

WORKERS = 2
_REPLACING_SECONDS = 180.0
_PAUSE_SECONDS = 0.1
"""Between two changes."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """A kind of change, and what became of the requests meanwhile."""

    change: str
    times: int
    """How often it was made."""
    answered: int
    refused: int
    """429, 503 and 504."""
    failed: int
    longest_ms: float | None
    """Of the answered ones; None if there are none."""
    problems: dict[str, int]
    """What was wrong, and how often."""


@dataclass(frozen=True, kw_only=True)
class _Operator:
    """Changes a service over HTTP, and insists on what it is to answer."""

    host: str
    token: str
    folder: Path
    """Its artifacts."""
    names: Mapping[TaskName, Sequence[str]]
    """Its models by task."""

    def reload(self) -> None:
        """Load every model anew."""
        for name in itertools.chain(*self.names.values()):
            self._expect(200, "POST", f"/models/{name}/reload")

    def refuse(self) -> None:
        """Damage an artifact, try to load it, and mend it."""
        (name, *_) = next(iter(self.names.values()))
        weights = self.folder / name / "model.safetensors"
        with _damaged(weights):
            self._expect(409, "POST", f"/models/{name}/reload")

    def split(self) -> None:
        """Send all requests to one model after the other, then split them evenly."""
        for task, names in self.names.items():
            for weights in [*({name: 1.0} for name in names), {}]:
                self._expect(200, "PUT", f"/split/{task}", {"weights": weights, "shadow": None})

    def unload(self) -> None:
        """Take away and bring back the last model of each task that has several."""
        for *others, name in self.names.values():
            if others:
                self._expect(204, "DELETE", f"/models/{name}")
                self._expect(200, "POST", f"/models/{name}/reload")

    def _expect(self, status: int, method: str, path: str, body: Any = None) -> None:
        answered, detail = send(method, self.host + path, self.token, body)
        if answered != status:
            raise HttpError(f"{method} {path} answers {answered}, not {status}: {detail}")


def measure_changes(models: Path, users: int, seconds: float, folder: Path) -> list[Row]:
    """Make every kind of change for a while, again and again, under load.

    Args:
        models: Folder of artifacts; a copy of it is served.
        users: Of the closed loop.
        seconds: For each kind of change.
        folder: Takes the services' logs.

    Raises:
        HttpError: If a change is not answered as it must be.
        ServiceError: If a service does not start, or its workers are not replaced in time.
    """
    token = secrets.token_hex(16)
    with tempfile.TemporaryDirectory(prefix="issrnn-changes-") as copy:
        shutil.copytree(models, copy, dirs_exist_ok=True)
        evenly = json.dumps({task: {} for task in TASKS})
        settings = {
            "ISSRNN_MODELS_DIR": copy,
            "ISSRNN_ADMIN_TOKEN": token,
            "ISSRNN_SPLIT": evenly,
        }
        one, several = ({"ISSRNN_WORKERS": str(count)} for count in (1, WORKERS))
        with run_service(folder / "service.log", settings=settings | one) as (host, _):
            names = _names(host)
            operator = _Operator(host=host, token=token, folder=Path(copy), names=names)
            changes = {
                "load models anew": operator.reload,
                "refuse a damaged artifact": operator.refuse,
                "change the split": operator.split,
                "unload a model and load it": operator.unload,
            }
            rows = [
                _under_load(name, change, host, list(names), users, seconds)
                for name, change in changes.items()
            ]
        log = folder / "service-workers.log"
        with run_service(log, settings=settings | several) as (host, pid):
            _wait_until(lambda: _workers(host) == WORKERS, "workers do not start")
            rows.append(
                _under_load(
                    f"replace all {WORKERS} workers",
                    lambda: _replace_workers(psutil.Process(pid), log),
                    *(host, list(names), users, seconds),
                )
            )
    return rows


def table(rows: Sequence[Row]) -> str:
    """The rows in Markdown."""
    lines = [
        "| change | times | answered | refused | failed | longest ms |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for row in rows:
        longest = "-" if row.longest_ms is None else f"{row.longest_ms:.0f}"
        counts = f"{row.times} | {row.answered} | {row.refused} | {row.failed}"
        lines.append(f"| {row.change} | {counts} | {longest} |")
    return "\n".join(lines) + "\n"


def _under_load(
    name: str,
    change: Callable[[], None],
    host: str,
    tasks: Sequence[TaskName],
    users: int,
    seconds: float,
) -> Row:
    weights = dict.fromkeys(tasks, 1.0)
    plan = Plan()
    traffic = Traffic(tasks=build_tasks(weights, plan), weights=weights, seed=plan.seed)
    asking = user_class("closed", traffic, plan.timeout)
    with users_asking(host, asking, users, stop_timeout=2 * plan.timeout) as samples:
        end, times = time.monotonic() + seconds, 0
        while times == 0 or time.monotonic() < end:
            change()
            times += 1
            gevent.sleep(_PAUSE_SECONDS)
    return _row(name, times, samples)


def _row(name: str, times: int, samples: Sequence[Sample]) -> Row:
    outcomes = Counter(sample.reply.outcome for sample in samples)
    answered = [sample.latency_ms for sample in samples if sample.reply.outcome == "ok"]
    return Row(
        change=name,
        times=times,
        answered=len(answered),
        refused=outcomes["refused"],
        failed=outcomes["failed"],
        longest_ms=max(answered, default=None),
        problems=dict(Counter(s.reply.problem for s in samples if s.reply.problem)),
    )


def _names(host: str) -> dict[TaskName, list[str]]:
    served = get_models(host)
    names = {task: [each["name"] for each in served if each["task"] == task] for task in TASKS}
    if not any(names.values()):
        raise HttpError(f"{host} serves no model for {' or '.join(f'/{task}' for task in TASKS)}")
    return {task: own for task, own in names.items() if own}


@contextmanager
def _damaged(path: Path) -> Iterator[None]:
    """Another last byte, as long as the block lasts."""
    whole = path.read_bytes()
    path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    try:
        yield
    finally:
        path.write_bytes(whole)


def _replace_workers(service: psutil.Process, log: Path) -> None:
    former = _processes("Started", log)
    service.send_signal(signal.SIGHUP)
    _wait_until(
        lambda: former <= _processes("Finished", log), "workers were not replaced on SIGHUP"
    )


def _processes(event: str, log: Path) -> set[str]:
    """Ids of the workers that have started, or finished, as uvicorn logs it."""
    text = log.read_text(encoding="utf-8")
    return set(re.findall(rf"{event} server process \[(\d+)\]", text))


def _workers(host: str) -> int:
    found = re.search(r"^issrnn_workers (\S+)$", get_text(f"{host}/metrics"), re.MULTILINE)
    return int(float(found[1])) if found else 0


def _wait_until(condition: Callable[[], bool], failure: str) -> None:
    deadline = time.monotonic() + _REPLACING_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise ServiceError(f"{failure} in {_REPLACING_SECONDS:g} s")
        gevent.sleep(0.1)
