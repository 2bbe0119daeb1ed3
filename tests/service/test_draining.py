"""Before a process ends, its clients are told to connect anew, elsewhere if they can."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from fastapi.testclient import TestClient

from service.app import create_app
from service.settings import Settings
from tests.service.problems import problem
from tests.service.running import running_service


def test_connections_are_closed_after_their_answers_while_draining(models_dir: Path) -> None:
    app = create_app(Settings(models_dir=models_dir, pin_threads=False))
    with TestClient(app) as client:
        assert "connection" not in client.get("/health/live").headers
        app.state.draining = True
        answer = client.post("/score", json={"texts": ["The stock rose."]})
        assert answer.status_code == 200
        assert answer.headers["connection"] == "close"
        assert client.get("/health/ready").status_code == 503


def test_a_request_that_outlasts_the_shutdown_is_told_to_come_again(
    settings_for: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = threading.Event()

    def slow(*_: object, **__: object) -> None:
        begun.set()
        time.sleep(2.5)

    monkeypatch.setattr("service.tasks.score.encode_texts", slow)
    settings = settings_for(shutdown_seconds=1, drain_seconds=0)
    long = {"texts": ["the stock rose "] * 1000}  # prepared in another thread
    with ThreadPoolExecutor() as pool:
        with running_service(settings) as client:
            answer = pool.submit(httpx.post, f"{client.base_url}/score", json=long, timeout=30)
            assert begun.wait(10)
        response = answer.result()
    body = problem(response, 503)
    assert body["request_id"] == response.headers["X-Request-ID"]
    assert response.headers["Retry-After"] == "1"
