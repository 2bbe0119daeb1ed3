"""The pictures of a comparison: throughput and latency against load, one line a contender."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator, NullFormatter

from loadtests.plan import Loop
from loadtests.record import Record
from loadtests.report import heading, picture_name
from loadtests.scenarios import Scenario
from loadtests.summary import Row

__all__ = ["draw"]

_PANELS = (
    ("throughput", "answers a second"),
    ("p50_ms", "median latency (ms)"),
    ("p95_ms", "95th percentile (ms)"),
    ("p99_ms", "99th percentile (ms)"),
)
_LOADS: dict[Loop, str] = {"closed": "users, closed loop", "open": "arrivals a second, open loop"}


def draw(record: Record, folder: Path) -> None:
    """Write a picture for each scenario that was measured, as `picture_name` calls it.

    It has a row of panels for each loop, and in a mix for each task in each loop.
    """
    for scenario in record.scenarios:
        rows = record.rows_of(scenario)
        bands = [
            (loop, task, [row for row in rows if (row.loop, row.task) == (loop, task)])
            for loop in _LOADS
            for task in dict.fromkeys(row.task for row in rows if row.loop == loop)
        ]
        if bands:
            _draw_scenario(record, scenario, bands, folder / picture_name(scenario))


def _draw_scenario(
    record: Record, scenario: Scenario, bands: Sequence[tuple[Loop, str, list[Row]]], path: Path
) -> None:
    height = 3.6 * len(bands) + 1
    figure, grid = plt.subplots(len(bands), len(_PANELS), figsize=(15, height), squeeze=False)
    names = [contender.name for contender in scenario.contenders]
    for axes_row, (loop, task, rows) in zip(grid, bands, strict=True):
        of_task = f"{task}: " if scenario.mixed else ""
        for axes, (field, label) in zip(axes_row, _PANELS, strict=True):
            _draw_panel(axes, rows, names, field)
            axes.set_xlabel(_LOADS[loop])
            axes.set_ylabel(of_task + label)
    handles, labels = grid[0][0].get_legend_handles_labels()
    top, bottom = 1 - 0.6 / height, 0.25 / height
    figure.text(0.01, 1 - 0.12 / height, heading(scenario), fontsize=12, va="top")
    figure.legend(handles, labels, loc="upper center", ncols=4, frameon=False)
    figure.text(0.5, 0.04 / height, _conditions(record), ha="center", fontsize=8, color="0.35")
    figure.tight_layout(rect=(0, bottom, 1, top))
    figure.savefig(path, dpi=120)
    plt.close(figure)


def _draw_panel(axes: Axes, rows: Sequence[Row], variants: Sequence[str], field: str) -> None:
    for number, variant in enumerate(variants):
        own = [r for r in rows if r.variant == variant and getattr(r, field) is not None]
        loads = [row.load for row in own]
        values = [getattr(row, field) for row in own]
        colour = f"C{number}"
        axes.plot(loads, values, "-o", color=colour, label=variant, markersize=4)
        overloaded = [(r.load, v) for r, v in zip(own, values, strict=True) if r.overloaded]
        if overloaded:
            axes.plot(*zip(*overloaded, strict=True), "x", color=colour, markersize=11)
        if field == "throughput" and own:
            lowest = [min(row.throughput_by_round) for row in own]
            highest = [max(row.throughput_by_round) for row in own]
            axes.fill_between(loads, lowest, highest, color=colour, alpha=0.2, linewidth=0)
    axes.set_xscale("log", base=2)
    axes.xaxis.set_major_formatter("{x:g}")
    axes.set_xticks(_apart(sorted({row.load for row in rows})))
    axes.tick_params(axis="x", which="minor", bottom=False)
    if field == "throughput":
        axes.set_ylim(0, 1.08 * max((row.throughput for row in rows), default=1.0) or 1.0)
    elif any(getattr(row, field) is not None for row in rows):
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axes.yaxis.set_major_formatter("{x:g}")
        axes.yaxis.set_minor_formatter(NullFormatter())
    axes.grid(visible=True, which="major", alpha=0.3)


def _apart(loads: Sequence[float]) -> list[float]:
    """Those far enough apart for their labels to be read."""
    kept: list[float] = []
    for load in loads:
        if not kept or load > 1.2 * kept[-1]:
            kept.append(load)
    return kept


def _conditions(record: Record) -> str:
    known = record.conditions
    parts = [
        str(known.get("date", "")),
        f"{known.get('processor')}, {known.get('cores')} cores: {known.get('placement')}",
        f"{record.plan.rounds} x {record.plan.duration:g} s a point",
        "x: overloaded",
    ]
    if not record.complete:
        parts.append("interrupted")
    return "; ".join(parts)
