"""Overload and deadlines hold for questions and for texts to classify, as for scores."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import httpx
import pytest

from service.settings import Settings
from tests.service.conftest import Gate
from tests.service.running import running_service


@dataclass(frozen=True)
class GatedTask:
    """A service with one model of the task, whose batches wait for the gate."""

    client: httpx.Client
    path: str
    model: str
    request: dict[str, object]

    def post(self, **headers: str) -> httpx.Response:
        return self.client.post(self.path, json=self.request, headers=headers)


ANSWER = (
    *("readers_dir", "/answer", "reader-dense"),
    {"question": "Who fell?", "context": "The market fell."},
)
CLASSIFY = ("classifiers_dir", "/classify", "mood-dense", {"texts": ["the market fell"]})


@pytest.fixture(params=[ANSWER, CLASSIFY], ids=["answer", "classify"])
def gated(
    request: pytest.FixtureRequest, settings_for: Callable[..., Settings], gate: Gate
) -> Iterator[GatedTask]:
    folder, path, model, body = request.param
    models_dir = request.getfixturevalue(folder)
    settings = settings_for(models_dir=models_dir, models=[model], max_queued_requests=2)
    with running_service(settings) as client:
        yield GatedTask(client, path, model, body)
        gate.open.set()


def test_a_full_queue_sheds_and_the_rest_is_answered(gated: GatedTask, gate: Gate) -> None:
    with ThreadPoolExecutor(2) as pool:
        waiting = [pool.submit(gated.post) for _ in range(2)]
        assert gate.reached.acquire(timeout=20)
        queued = f'issrnn_queued_requests{{model="{gated.model}",variant="dense"}} 2'
        while queued not in gated.client.get("/metrics").text:
            pass
        full = gated.post()
        assert full.status_code == 429
        assert int(full.headers["Retry-After"]) >= 1
        gate.open.set()
        assert [future.result(20).status_code for future in waiting] == [200, 200]


def test_what_is_past_its_deadline_is_never_computed(gated: GatedTask, gate: Gate) -> None:
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(gated.post)
        assert gate.reached.acquire(timeout=20)
        late = pool.submit(lambda: gated.post(**{"X-Deadline-Ms": "1"}))
        while "issrnn_in_flight_requests 3" not in gated.client.get("/metrics").text:
            pass  # both, and this one
        gate.open.set()
        assert first.result(20).status_code == 200
        assert late.result(20).status_code == 504
        assert len(gate.batches) == 1
