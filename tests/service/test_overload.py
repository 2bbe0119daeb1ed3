"""More requests than the model can take: some are refused, the rest is answered, health is fine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from http.client import HTTPConnection

import httpx
import pytest

from service.settings import Settings
from tests.service.conftest import Gate
from tests.service.problems import problem
from tests.service.running import running_service


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(8) as pool:
        yield pool


def post(client: httpx.Client, **headers: str) -> httpx.Response:
    return client.post("/score", json={"texts": ["the stock market fell"]}, headers=headers)


def metric(client: httpx.Client, name: str) -> float:
    lines = client.get("/metrics").text.splitlines()
    return sum(
        float(line.split()[-1]) for line in lines if line.startswith((name + "{", name + " "))
    )


def queued(client: httpx.Client, requests: int) -> bool:
    return any(metric(client, "issrnn_queued_requests") == requests for _ in range(500))


def test_a_full_queue_sheds_and_the_rest_is_answered(
    settings_for: Callable[..., Settings], gate: Gate, pool: ThreadPoolExecutor
) -> None:
    with running_service(settings_for(max_queued_requests=3)) as client:
        waiting: list[Future[httpx.Response]] = [pool.submit(post, client) for _ in range(3)]
        assert queued(client, 3)
        refused = post(client)
        problem(refused, 429)
        assert int(refused.headers["Retry-After"]) >= 1
        assert client.get("/health/live").status_code == 200
        assert client.get("/health/ready").status_code == 200
        assert metric(client, "issrnn_shed_total") == 1
        gate.open.set()
        assert [future.result(20).status_code for future in waiting] == [200] * 3
        assert queued(client, 0)


def test_a_request_past_its_deadline_is_answered_504_and_never_computed(
    settings_for: Callable[..., Settings], gate: Gate, pool: ThreadPoolExecutor
) -> None:
    with running_service(settings_for()) as client:
        first = pool.submit(post, client)
        assert gate.reached.acquire(timeout=20)
        late = pool.submit(lambda: post(client, **{"X-Deadline-Ms": "1"}))
        assert queued(client, 2)
        gate.open.set()
        assert first.result(20).status_code == 200
        assert late.result(20).status_code == 504
        assert metric(client, "issrnn_deadline_exceeded_total") == 1
        assert len(gate.batches) == 1


def test_work_of_a_client_that_has_gone_leaves_the_queue(
    settings_for: Callable[..., Settings], gate: Gate, pool: ThreadPoolExecutor
) -> None:
    with running_service(settings_for()) as client:
        first = pool.submit(post, client)
        assert gate.reached.acquire(timeout=20)
        gone = HTTPConnection(client.base_url.host, client.base_url.port or 80)
        body, headers = '{"texts": ["it rose"]}', {"Content-Type": "application/json"}
        gone.request("POST", "/score", body, headers)
        assert queued(client, 2)
        gone.close()
        in_flight = (metric(client, "issrnn_in_flight_requests") for _ in range(500))
        assert any(count == 2 for count in in_flight)  # the first, and the one that asks
        gate.open.set()
        assert first.result(20).status_code == 200
        assert post(client).status_code == 200
        assert [len(batch) for batch in gate.batches] == [1, 1]
        assert 'status="499"' in client.get("/metrics").text


def test_a_short_request_overtakes_a_long_document(
    settings_for: Callable[..., Settings], gate: Gate, pool: ThreadPoolExecutor
) -> None:
    with running_service(settings_for(chunk_steps=16)) as client:
        document = {"texts": ["the stock market fell"] * 500, "carry_state": True}
        long = pool.submit(lambda: client.post("/score", json=document))
        assert gate.reached.acquire(timeout=20)
        short = pool.submit(post, client)
        assert queued(client, 2)
        gate.open.set()
        assert short.result(20).status_code == 200
        assert long.result(20).status_code == 200
        turn = next(
            i for i, batch in enumerate(gate.batches) if max(item.length for item in batch) < 16
        )
        assert turn <= 2
        assert len(gate.batches) > 100


def test_requests_that_arrive_together_share_a_batch(
    settings_for: Callable[..., Settings], gate: Gate, pool: ThreadPoolExecutor
) -> None:
    with running_service(settings_for()) as client:
        futures = [pool.submit(post, client)]
        assert gate.reached.acquire(timeout=20)
        futures += [pool.submit(post, client) for _ in range(5)]
        assert queued(client, 6)
        gate.open.set()
        assert {future.result(20).status_code for future in futures} == {200}
        assert [len(batch) for batch in gate.batches] == [1, 5]
