from dataclasses import replace

import pytest

from loadtests.answers import Answer, Outcome
from loadtests.plan import Load
from loadtests.samples import Sample, Window
from loadtests.summary import Row, failures, summarise

LOAD = Load("closed", 4)


def sample(latency_ms: float, outcome: Outcome = "ok", problem: str = "") -> Sample:
    answer = Answer(outcome, problem, tokens=10, queue_ms=1.0, compute_ms=2.0)
    return Sample(intended=1.0, sent=1.001, finished=1.0 + latency_ms / 1000, answer=answer)


def window(*samples: Sample, load: Load = LOAD, number: int = 1) -> Window:
    return Window("iss", load, number, 0.5, 2.5, samples, client_cpu=0.3, service_cpu=0.8)


def row(loop: str = "closed", load: float = 4, **changes: object) -> Row:
    made = summarise([window(sample(5.0), load=Load("closed", 4))])
    return replace(made, loop=loop, load=load, **changes)  # type: ignore[arg-type]


def test_windows_are_pooled() -> None:
    first = window(*(sample(latency) for latency in range(1, 51)))
    second = window(*(sample(latency) for latency in range(51, 101)), number=2)

    pooled = summarise([first, second])

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
    early = Sample(intended=0.1, sent=0.1, finished=0.6, answer=Answer("ok", tokens=1))
    late = Sample(intended=2.0, sent=2.0, finished=7.0, answer=Answer("ok", tokens=1))

    opened = summarise([window(early, late, load=Load("open", 10.0))])
    assert (opened.requests, opened.max_ms, opened.throughput) == (1, 5000.0, 0.5)

    closed = summarise([window(early, late)])
    assert (closed.requests, closed.max_ms, closed.throughput) == (1, 500.0, 0.5)


def test_a_window_without_requests_has_no_percentiles() -> None:
    made = summarise([window()])
    assert (made.requests, made.throughput, made.p50_ms, made.refused) == (0, 0.0, None, 0.0)


def test_a_clean_comparison_passes() -> None:
    assert failures([row(), row(load=8)], max_failed=0.01) == []


def test_refusing_under_heavy_load_is_allowed_but_not_at_the_lightest() -> None:
    light, heavy = row(load=4), row(load=8, refused=0.5, problems={"HTTP 429": 3})
    assert failures([light, heavy], max_failed=0.01) == []
    (found,) = failures([heavy], max_failed=0.01)
    assert found == "iss, closed loop at 8: 50.0% of requests failed (3 x HTTP 429)"


def test_failures_and_silence_are_never_allowed() -> None:
    rows = [row(load=1), row(load=2, failed=0.02), row(load=3, requests=0)]
    found = failures(rows, max_failed=0.01)
    assert [line.split(":")[0] for line in found] == [
        "iss, closed loop at 2",
        "iss, closed loop at 3",
    ]
    assert len(failures(rows, max_failed=0.05)) == 1
