"""An operator's changes hold up neither requests nor each other's truth."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from issrnn.artifact import ArtifactError
from service.settings import Settings
from tests.service.running import running_service
from tests.waiting import wait_until

TOKEN = "s3cret"  # noqa: S105 - a test's
ADMIN = {"Authorization": f"Bearer {TOKEN}"}
THREADS_OF_ASYNCIO = min(32, (os.cpu_count() or 1) + 4)


class SlowDisk:
    """Every model that is loaded waits until it may go on, and is then refused."""

    def __init__(self) -> None:
        self.reached = threading.Event()
        self.go_on = threading.Event()

    def load(self, *_: Any) -> None:
        self.reached.set()
        assert self.go_on.wait(20)
        raise ArtifactError("damaged")


@pytest.fixture
def client(settings_for: Callable[..., Settings]) -> Iterator[httpx.Client]:
    settings = settings_for(models=None, admin_token=TOKEN, split={"score": {"tiny-dense": 1}})
    with running_service(settings) as client:
        yield client


@pytest.fixture
def disk(client: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> Iterator[SlowDisk]:
    disk = SlowDisk()
    monkeypatch.setattr("service.registry.load_variant", disk.load)
    yield disk
    disk.go_on.set()


def reload(client: httpx.Client) -> int:
    return client.post("/models/tiny-dense/reload", headers=ADMIN).status_code


def in_flight(client: httpx.Client) -> int:
    """Requests not answered yet, besides this one."""
    lines = client.get("/metrics").text.splitlines()
    (count,) = [line.split()[1] for line in lines if line.startswith("issrnn_in_flight_requests ")]
    return int(float(count)) - 1


def test_models_that_wait_to_be_loaded_hold_up_no_large_request(
    client: httpx.Client, disk: SlowDisk
) -> None:
    large = {"texts": ["the stock fell"] * 100, "model": "tiny-iss"}
    count = THREADS_OF_ASYNCIO + 1
    with ThreadPoolExecutor(count) as pool:
        try:
            reloads = [pool.submit(reload, client) for _ in range(count)]
            wait_until(lambda: in_flight(client) == count, "all are sent")
            assert client.post("/score", json=large, timeout=5).status_code == 200
        finally:
            disk.go_on.set()
        assert {each.result(20) for each in reloads} == {409}


def test_no_split_names_a_model_whose_removal_waits(client: httpx.Client, disk: SlowDisk) -> None:
    named = {"weights": {"tiny-iss": 1}, "shadow": None}
    with ThreadPoolExecutor(3) as pool:
        try:
            loading = pool.submit(reload, client)
            assert disk.reached.wait(20)
            removal = pool.submit(client.delete, "/models/tiny-iss", headers=ADMIN)
            wait_until(lambda: in_flight(client) == 2, "both are sent")
            split = pool.submit(client.put, "/split/score", json=named, headers=ADMIN)
            wait_until(lambda: split.done() or in_flight(client) == 3, "all are sent")
        finally:
            disk.go_on.set()
        assert loading.result(20) == 409
        assert removal.result(20).status_code == 204
        assert split.result(20).status_code == 422
    assert client.post("/score", json={"texts": ["the"]}).headers["X-Model"] == "tiny-dense"


def test_their_thread_ends_with_the_service(settings_for: Callable[..., Settings]) -> None:
    def threads() -> list[threading.Thread]:
        return [each for each in threading.enumerate() if each.name.startswith("changes")]

    with running_service(settings_for(admin_token=TOKEN)) as client:
        assert reload(client) == 200
        (thread,) = threads()
    thread.join(5)
    assert threads() == []
