"""Compares variants of one service, in turn, at several loads of a closed and an open loop."""

from __future__ import annotations

import itertools
import logging
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import psutil

from loadtests.picture import draw
from loadtests.plan import Load, Plan, default_rates
from loadtests.report import Record, write_record, write_tables
from loadtests.samples import Window
from loadtests.summary import Row, summarise
from loadtests.windows import measure

__all__ = ["compare"]

_LOG = logging.getLogger(__name__)


def compare(
    host: str,
    service: psutil.Process | None,
    models: Sequence[dict[str, Any]],
    plan: Plan,
    conditions: dict[str, Any],
    folder: Path,
) -> Record:
    """Measure every variant under every load and write the report.

    Each load is measured for the variants in turn (A B A B), so that a slow drift of the machine
    meets all of them. The record is written after every window: an interruption loses one window.

    Args:
        host: Base URL of the service.
        service: Its process, if it runs here.
        models: Entries of ``GET /models``, the one to compare with first.
        plan: What to measure.
        conditions: What the record says of machine and settings.
        folder: Takes ``record.json``, ``report.md``, ``table.csv`` and ``load.png``.

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
            complete=complete,
            rows=_rows(windows),
        )

    try:
        for window in _measure_all(host, service, [model["name"] for model in models], plan):
            windows.append(window)
            write_record(record(), folder)
        complete = True
    except KeyboardInterrupt:
        _LOG.warning("interrupted; writing what was measured")
    finally:
        result = record()
        write_record(result, folder)
        write_tables(result, folder)
        draw(result, folder / "load.png")
    return result


def _measure_all(
    host: str, service: psutil.Process | None, variants: Sequence[str], plan: Plan
) -> Iterator[Window]:
    progress = _Progress(plan, len(variants))
    windows: list[Window] = []
    for load in (Load("closed", users) for users in plan.users):
        for window in _measure_load(host, service, variants, load, plan):
            windows.append(window)
            progress.report(window)
            yield window
    rates = plan.rates
    if rates is None:
        rows = _rows(windows)
        peaks = [max(row.throughput for row in rows if row.variant == name) for name in variants]
        rates = default_rates(peaks)
        _LOG.info("open loop at %s arrivals a second", ", ".join(f"{rate:g}" for rate in rates))
    progress.know_rates(len(rates))
    for load in (Load("open", rate) for rate in rates):
        for window in _measure_load(host, service, variants, load, plan):
            progress.report(window)
            yield window


def _measure_load(
    host: str, service: psutil.Process | None, variants: Sequence[str], load: Load, plan: Plan
) -> Iterator[Window]:
    for number, variant in itertools.product(range(1, plan.rounds + 1), variants):
        yield measure(host, variant, load, number, plan, service)


def _rows(windows: Sequence[Window]) -> list[Row]:
    keys = dict.fromkeys((window.load, window.variant) for window in windows)
    return [summarise([w for w in windows if (w.load, w.variant) == key]) for key in keys]


class _Progress:
    """A line after every window: what it gave and how long the rest will take."""

    def __init__(self, plan: Plan, variants: int) -> None:
        self._per_load = plan.rounds * variants
        self._closed = len(plan.users)
        self._total = self._per_load * (
            self._closed + len(plan.rates if plan.rates is not None else range(5))
        )
        self._done = 0
        self._begin = time.monotonic()
        expected = self._total * plan.window_seconds
        _LOG.info("%d windows, about %s", self._total, _clock(expected))

    def know_rates(self, count: int) -> None:
        """Correct the number of windows once the rates are chosen."""
        self._total = self._per_load * (self._closed + count)

    def report(self, window: Window) -> None:
        """Log one window."""
        self._done += 1
        left = (time.monotonic() - self._begin) / self._done * (self._total - self._done)
        row = summarise([window])
        latency = "no answers" if row.p50_ms is None else f"p50 {row.p50_ms:.1f} ms"
        if row.p95_ms is not None and row.p99_ms is not None:
            latency += f", p95 {row.p95_ms:.1f}, p99 {row.p99_ms:.1f}"
        lost = f", {row.refused:.1%} refused, {row.failed:.1%} failed" if row.problems else ""
        _LOG.info(
            "[%d/%d] %s %s round %d: %.1f answers/s, %s%s; %s left",
            *(self._done, self._total, window.variant, window.load, window.round),
            *(row.throughput, latency, lost, _clock(left)),
        )


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
