from dataclasses import replace
from typing import Any

import pytest

from loadtests.plan import Load
from loadtests.replies import Outcome, Reply
from loadtests.samples import Sample, Window
from loadtests.summary import Row, failures, summarise, summarise_all
from loadtests.tasks import TaskName

LOAD = Load("closed", 4)


def sample(
    latency_ms: float,
    outcome: Outcome = "ok",
    problem: str = "",
    task: TaskName = "score",
    right: bool | None = None,
) -> Sample:
    reply = Reply(outcome, problem, tokens=10, right=right, queue_ms=1.0, compute_ms=2.0)
    return Sample(task, intended=1.0, sent=1.001, finished=1.0 + latency_ms / 1000, reply=reply)


def window(*samples: Sample, load: Load = LOAD, number: int = 1, scenario: str = "score") -> Window:
    return Window(scenario, "iss", load, number, 0.5, 2.5, samples, client_cpu=0.3, service_cpu=0.8)


def row(loop: str = "closed", load: float = 4, **changes: object) -> Row:
    made = summarise([window(sample(5.0), load=Load("closed", 4))])
    return replace(made, loop=loop, load=load, **changes)  # type: ignore[arg-type]


def test_windows_are_pooled() -> None:
    first = window(*(sample(latency) for latency in range(1, 51)))
    second = window(*(sample(latency) for latency in range(51, 101)), number=2)

    pooled = summarise([first, second])

    assert (pooled.scenario, pooled.task, pooled.right) == ("score", "score", None)
    assert (pooled.variant, pooled.loop, pooled.load, pooled.rounds) == ("iss", "closed", 4, 2)
    assert (pooled.requests, pooled.seconds, pooled.throughput) == (100, 4.0, 25.0)
    assert pooled.throughput_by_round == (25.0, 25.0)
    assert pooled.tokens_per_second == 250.0
    assert pooled.p50_ms == pytest.approx(50.5)
    assert pooled.p95_ms == pytest.approx(95.05)
    assert pooled.p99_ms == pytest.approx(99.01)
    assert pooled.max_ms == pytest.approx(100.0)
    assert (pooled.queue_p50_ms, pooled.compute_p50_ms) == (1.0, 2.0)
    assert pooled.sent_late_p99_ms == pytest.approx(1.0)


def test_only_answered_requests_have_a_latency() -> None:
    made = summarise(
        [window(sample(10), sample(500, "refused", "HTTP 429"), sample(1, "failed", "HTTP 500"))]
    )
    assert made.p50_ms == made.max_ms == pytest.approx(10)
    assert made.throughput == 0.5
    assert made.refused == made.failed == pytest.approx(1 / 3)
    assert made.problems == {"HTTP 429": 1, "HTTP 500": 1}


def test_an_open_loop_counts_arrivals_but_its_throughput_is_what_was_answered_in_time() -> None:
    early = Sample("score", intended=0.1, sent=0.1, finished=0.6, reply=Reply("ok", tokens=1))
    late = Sample("score", intended=2.0, sent=2.0, finished=7.0, reply=Reply("ok", tokens=1))

    opened = summarise([window(early, late, load=Load("open", 10.0))])
    assert (opened.requests, opened.max_ms, opened.throughput) == (1, 5000.0, 0.5)

    closed = summarise([window(early, late)])
    assert (closed.requests, closed.max_ms, closed.throughput) == (1, 500.0, 0.5)


def test_what_falls_behind_is_overloaded_though_it_refuses_nothing() -> None:
    arrivals = {"requests": 100, "seconds": 10.0}
    assert not row("open", 10.0, **arrivals, throughput=9.0).overloaded
    assert row("open", 10.0, **arrivals, throughput=8.0).overloaded
    assert not row("closed", 10, **arrivals, throughput=8.0).overloaded
    assert row("closed", 10, refused=0.02).overloaded
    assert not row("open", 1.0, requests=5, seconds=5.0, throughput=0.4).overloaded


def test_a_window_without_requests_has_no_percentiles() -> None:
    made = summarise([window()])
    assert (made.requests, made.throughput, made.p50_ms, made.refused) == (0, 0.0, None, 0.0)


def test_a_mix_is_summarised_together_and_by_task() -> None:
    mixed = window(
        sample(5), sample(10), sample(30, task="answer", right=True), scenario="mix"
    )  # fmt: skip

    together, score, answer = summarise_all([mixed])

    assert [row.task for row in (together, score, answer)] == ["all", "score", "answer"]
    assert [row.requests for row in (together, score, answer)] == [3, 2, 1]
    assert [row.throughput for row in (together, score, answer)] == [1.5, 1.0, 0.5]
    assert [row.tokens_per_second for row in (together, score, answer)] == [None, 10.0, 5.0]
    assert [row.max_ms for row in (together, score, answer)] == pytest.approx([30, 10, 30])
    assert [row.right for row in (together, score, answer)] == [None, None, 1.0]
    assert {row.service_cpu for row in (together, score, answer)} == {0.8}


def test_a_task_alone_has_one_row_a_load_and_contender() -> None:
    own = [window(sample(5, task="answer"), scenario="answer", number=n) for n in (1, 2)]
    (row,) = summarise_all(own)
    assert (row.scenario, row.task, row.rounds) == ("answer", "answer", 2)


def test_right_answers_are_counted_among_those_given() -> None:
    right = [sample(5, task="answer", right=right) for right in (True, False, True, True)]
    lost = sample(5, "failed", "HTTP 500", task="answer")
    assert summarise([window(*right, lost, scenario="answer")]).right == 0.75


def test_a_clean_comparison_passes() -> None:
    assert failures([row(), row(load=8)], max_failed=0.01) == []


def test_refusing_under_heavy_load_is_allowed_but_not_at_the_lightest() -> None:
    light, heavy = row(load=4), row(load=8, refused=0.5, problems={"HTTP 429": 3})
    assert failures([light, heavy], max_failed=0.01) == []
    (found,) = failures([heavy], max_failed=0.01)
    assert found == "/score, iss, closed loop at 8: 50.0% of requests failed (3 x HTTP 429)"


def test_failures_and_silence_are_never_allowed() -> None:
    rows = [row(load=1), row(load=2, failed=0.02), row(load=3, requests=0)]
    found = failures(rows, max_failed=0.01)
    assert [line.split(":")[0] for line in found] == [
        "/score, iss, closed loop at 2",
        "/score, iss, closed loop at 3",
    ]
    assert len(failures(rows, max_failed=0.05)) == 1


def test_lightest_loads_are_those_of_the_same_scenario() -> None:
    rows = [row(load=1), row(load=2, scenario="answer", task="answer", refused=0.5)]
    (found,) = failures(rows, max_failed=0.01)
    assert found.startswith("/answer, iss, closed loop at 2: 50.0% of requests failed")


def test_a_task_of_a_mix_may_be_rare_but_not_fail() -> None:
    mix: dict[str, Any] = {"scenario": "mix", "load": 1}
    rows = [
        row(task="all", **mix),
        row(task="score", requests=0, **mix),
        row(task="answer", failed=0.5, problems={"HTTP 500": 1}, **mix),
    ]
    assert failures(rows, max_failed=0.01) == [
        "mix of answer, iss, closed loop at 1: 50.0% of requests failed (1 x HTTP 500)"
    ]
    (silent,) = failures([row(task="all", requests=0, **mix)], max_failed=0.01)
    assert silent.startswith("mix of all, iss, closed loop at 1: no request was answered")
