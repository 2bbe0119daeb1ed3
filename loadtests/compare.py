"""Compares models of one service or of several, in turn, under closed and under open loops."""

from __future__ import annotations

import itertools
import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil

from loadtests.picture import draw
from loadtests.plan import Load, Plan, default_rates
from loadtests.record import Record, write_record
from loadtests.report import write_tables
from loadtests.samples import Window
from loadtests.scenarios import Scenario
from loadtests.summary import summarise, summarise_all
from loadtests.windows import measure

__all__ = ["Processes", "compare"]

_LOG = logging.getLogger(__name__)

Processes = Mapping[str, psutil.Process]
"""First process of each service that is known to run here, by base URL."""


def compare(
    processes: Processes,
    models: Sequence[dict[str, Any]],
    scenarios: Sequence[Scenario],
    plan: Plan,
    conditions: dict[str, Any],
    folder: Path,
) -> Record:
    """Measure every scenario's contenders under every load and write the report.

    Each load is measured for the contenders in turn (A B A B), so that a slow drift of the machine
    meets all of them. The record is written after every window: an interruption loses one window.

    Args:
        processes: Of the services.
        models: What ``GET /models/NAME`` says of the models that take part.
        scenarios: What is sent, and to which of them.
        plan: What to measure.
        conditions: What the record says of machine and settings.
        folder: Takes ``record.json``, ``report.md``, ``table.csv`` and the pictures.

    Raises:
        psutil.NoSuchProcess: If a service's process has ended.

    Returns:
        The record; not complete if the user interrupted it (Ctrl-C).
    """
    windows: list[Window] = []
    complete = False

    def record() -> Record:
        return Record(
            conditions=conditions,
            plan=plan,
            models=list(models),
            scenarios=list(scenarios),
            complete=complete,
            rows=summarise_all(windows),
        )

    try:
        progress = _Progress(plan, scenarios)
        for scenario in scenarios:
            for window in _measure_scenario(processes, scenario, plan, progress):
                windows.append(window)
                write_record(record(), folder)
        complete = True
    except KeyboardInterrupt:
        _LOG.warning("interrupted; writing what was measured")
    finally:
        result = record()
        write_record(result, folder)
        write_tables(result, folder)
        draw(result, folder)
    return result


def _measure_scenario(
    processes: Processes,
    scenario: Scenario,
    plan: Plan,
    progress: _Progress,
) -> Iterator[Window]:
    def measure_load(load: Load) -> Iterator[Window]:
        for number, contender in itertools.product(range(1, plan.rounds + 1), scenario.contenders):
            service = processes.get(contender.host)
            window = measure(scenario, contender, load, number, plan, service)
            progress.report(window)
            yield window

    windows: list[Window] = []
    for users in plan.users:
        for window in measure_load(Load("closed", users)):
            windows.append(window)
            yield window
    rates = plan.rates
    if rates is None:
        rates = default_rates(_peaks(windows))
        _LOG.info("open loop at %s arrivals a second", ", ".join(f"{rate:g}" for rate in rates))
    progress.know_rates(scenario, len(rates))
    for rate in rates:
        yield from measure_load(Load("open", rate))


def _peaks(windows: Sequence[Window]) -> list[float]:
    """Each contender's best throughput, answers a second."""
    peaks: dict[str, float] = {}
    for load, name in dict.fromkeys((window.load, window.variant) for window in windows):
        row = summarise([w for w in windows if (w.load, w.variant) == (load, name)])
        peaks[name] = max(peaks.get(name, 0.0), row.throughput)
    return list(peaks.values())


class _Progress:
    """A line after every window: what it gave and how long the rest will take."""

    def __init__(self, plan: Plan, scenarios: Sequence[Scenario]) -> None:
        self._plan = plan
        rates = len(plan.rates) if plan.rates is not None else 5
        self._windows = {s.name: self._count(s, rates) for s in scenarios}
        self._done = 0
        self._begin = time.monotonic()
        total = sum(self._windows.values())
        _LOG.info("%d windows, about %s", total, _clock(total * plan.window_seconds))

    def know_rates(self, scenario: Scenario, rates: int) -> None:
        """Correct the number of windows once the rates are chosen."""
        self._windows[scenario.name] = self._count(scenario, rates)

    def _count(self, scenario: Scenario, rates: int) -> int:
        return self._plan.rounds * len(scenario.contenders) * (len(self._plan.users) + rates)

    def report(self, window: Window) -> None:
        """Log one window."""
        self._done += 1
        total = sum(self._windows.values())
        left = (time.monotonic() - self._begin) / self._done * (total - self._done)
        row = summarise([window])
        latency = "no answers" if row.p50_ms is None else f"p50 {row.p50_ms:.1f} ms"
        if row.p95_ms is not None and row.p99_ms is not None:
            latency += f", p95 {row.p95_ms:.1f}, p99 {row.p99_ms:.1f}"
        lost = f", {row.refused:.1%} refused, {row.failed:.1%} failed" if row.problems else ""
        _LOG.info(
            "[%d/%d] %s: %s %s round %d: %.1f answers/s, %s%s; %s left",
            *(self._done, total, window.scenario, window.variant, window.load, window.round),
            *(row.throughput, latency, lost, _clock(left)),
        )


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
