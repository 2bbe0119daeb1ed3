"""The figures of a load: how much was answered, how quickly, and what was not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from loadtests.plan import Loop
from loadtests.samples import Window
from loadtests.tasks import TASKS, TaskName

__all__ = ["ALL_TASKS", "Row", "failures", "summarise", "summarise_all"]

ALL_TASKS = "all"


@dataclass(frozen=True, kw_only=True)
class Row:
    """One contender under one load. Latencies are of answered requests, in milliseconds."""

    scenario: str
    """What was sent: a task, or ``mix``."""
    task: str
    """The task whose requests these are; ``all``: all requests of a mix."""
    variant: str
    """Name of the contender: the model, or in a mix the variant of all its tasks."""
    loop: Loop
    load: float
    """Users of a closed loop; arrivals a second of an open one."""
    rounds: int
    seconds: float
    """Measured time, all rounds."""
    requests: int
    """Closed loop: that ended in the measured time; open loop: that were planned in it."""
    throughput: float
    """Answers a second, those that came in the measured time, whenever they were asked for."""
    throughput_by_round: tuple[float, ...]
    tokens_per_second: float | None
    """``/score``: scored tokens; ``/answer``: words of question and passage, and ``/classify``: of
    reviews, by white space; None for all tasks together."""
    p50_ms: float | None
    """Median latency from the intended start; None if nothing was answered."""
    p95_ms: float | None
    p99_ms: float | None
    max_ms: float | None
    queue_p50_ms: float | None
    """Median time in the service's queue, as it reports it."""
    compute_p50_ms: float | None
    """Median time in its engine, as it reports it."""
    refused: float
    """Share refused by the service to protect itself: 429, 503, 504."""
    failed: float
    """Share with any other error, or an answer that breaks the contract."""
    right: float | None
    """``/answer``, ``/classify``: share of answers that are the expected ones; None where there are
    none."""
    sent_late_p99_ms: float | None
    """How late the load generator itself sent what was planned: large if it is the limit."""
    client_cpu: float
    """Cores used by the load generator, for all tasks; in an open loop it also polls for the next
    arrival."""
    service_cpu: float | None
    """Cores used by all processes of the service, for all tasks; None if they are not known."""
    problems: dict[str, int]
    """What was wrong, and how often."""

    @property
    def overloaded(self) -> bool:
        """Whether it could not keep up.

        More than 1% of the requests were refused or failed; or in an open loop more than a tenth
        of what arrived was not answered meanwhile, beside a few that are always on their way.
        """
        waiting = self.requests - self.throughput * self.seconds
        behind = self.loop == "open" and waiting > 0.1 * self.requests + 3
        return behind or self.refused + self.failed > 0.01


def summarise_all(windows: Sequence[Window]) -> list[Row]:
    """A row for each contender under each load; in a mix, then one for each task of it too."""
    rows = []
    for scenario, load, variant in dict.fromkeys((w.scenario, w.load, w.variant) for w in windows):
        own = [w for w in windows if (w.scenario, w.load, w.variant) == (scenario, load, variant)]
        rows.append(summarise(own))
        if scenario not in TASKS:
            found = {sample.task for window in own for sample in window.samples}
            rows += [summarise(own, task) for task in TASKS if task in found]
    return rows


def summarise(windows: Sequence[Window], task: TaskName | None = None) -> Row:
    """Pool the windows of one contender under one load.

    Args:
        windows: At least one.
        task: Only the requests of this task; None: all.
    """
    windows = [window.only(task) for window in windows] if task else windows
    first = windows[0]
    seconds = sum(window.seconds for window in windows)
    samples = [sample for window in windows for sample in window.counted]
    finished = [sample for window in windows for sample in window.answered]
    answered = [sample for sample in samples if sample.reply.outcome == "ok"]
    latency = _percentiles([sample.latency_ms for sample in answered], 50, 95, 99, 100)
    (queue,) = _percentiles([sample.reply.queue_ms for sample in answered], 50)
    (compute,) = _percentiles([sample.reply.compute_ms for sample in answered], 50)
    (late,) = _percentiles([(sample.sent - sample.intended) * 1000 for sample in samples], 99)
    outcomes = [sample.reply.outcome for sample in samples]
    problems = [sample.reply.problem for sample in samples if sample.reply.problem]
    right = [sample.reply.right for sample in answered if sample.reply.right is not None]
    served = [window.service_cpu for window in windows if window.service_cpu is not None]
    shown = task or (first.scenario if first.scenario in TASKS else ALL_TASKS)
    tokens = sum(sample.reply.tokens for sample in finished) / seconds
    return Row(
        scenario=first.scenario,
        task=shown,
        variant=first.variant,
        loop=first.load.loop,
        load=first.load.value,
        rounds=len(windows),
        seconds=seconds,
        requests=len(samples),
        throughput=len(finished) / seconds,
        throughput_by_round=tuple(len(window.answered) / window.seconds for window in windows),
        tokens_per_second=None if shown == ALL_TASKS else tokens,
        p50_ms=latency[0],
        p95_ms=latency[1],
        p99_ms=latency[2],
        max_ms=latency[3],
        queue_p50_ms=queue,
        compute_p50_ms=compute,
        refused=_share(outcomes, "refused"),
        failed=_share(outcomes, "failed"),
        right=float(np.mean(right)) if right and shown != ALL_TASKS else None,
        sent_late_p99_ms=late,
        client_cpu=float(np.mean([window.client_cpu for window in windows])),
        service_cpu=float(np.mean(served)) if served else None,
        problems={problem: problems.count(problem) for problem in sorted(set(problems))},
    )


def failures(rows: Sequence[Row], max_failed: float) -> list[str]:
    """What makes a comparison a failure, one line each; empty if it passed.

    A service may refuse under heavy load, that is how it protects itself. It may not fail, be
    silent, or refuse at the lightest load of a loop.
    """
    found = []
    for row in rows:
        alike = [r.load for r in rows if (r.scenario, r.loop) == (row.scenario, row.loop)]
        bad = row.failed + (row.refused if row.load == min(alike) else 0.0)
        part = "" if row.task == row.scenario else f" of {row.task}"
        where = f"/{row.scenario}" if row.scenario in TASKS else row.scenario
        where = f"{where}{part}, {row.variant}, {row.loop} loop at {row.load:g}"
        if row.requests == 0 and row.task in (row.scenario, ALL_TASKS):
            found.append(f"{where}: no request was answered in {row.seconds:.1f} s")
        elif bad > max_failed:
            seen = ", ".join(f"{count} x {problem}" for problem, count in row.problems.items())
            found.append(f"{where}: {bad:.1%} of requests failed ({seen})")
    return found


def _share(outcomes: Sequence[str], outcome: str) -> float:
    return outcomes.count(outcome) / len(outcomes) if outcomes else 0.0


def _percentiles(values: list[float], *percentiles: float) -> list[float | None]:
    if not values:
        return [None] * len(percentiles)
    return [float(value) for value in np.percentile(values, percentiles)]
