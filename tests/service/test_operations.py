"""Metrics, documentation, the shadow model, and shutting down."""

from __future__ import annotations

import json
import math
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from service.settings import Settings
from service.versions import version_of
from tests.artifacts import make_classifier
from tests.service.running import running_service


def sample(client: httpx.Client, name: str, **labels: str) -> float:
    families = text_string_to_metric_families(client.get("/metrics").text)
    return sum(
        each.value
        for family in families
        for each in family.samples
        if each.name == name and labels.items() <= each.labels.items()
    )


def test_requests_are_counted_by_endpoint_and_variant(
    settings_for: Callable[..., Settings],
) -> None:
    with running_service(settings_for(models=None)) as client:
        body = client.post("/score", json={"texts": ["the bond fell"], "model": "tiny-iss"}).json()
        client.post("/score", json={"texts": []})
        labels = {"endpoint": "/score", "model": "tiny-iss", "variant": "iss"}
        assert sample(client, "issrnn_requests_total", status="200", **labels) == 1
        assert sample(client, "issrnn_requests_total", endpoint="/score", status="422") == 1
        assert sample(client, "issrnn_request_seconds_count", **labels) == 1
        assert sample(client, "issrnn_queue_seconds_count", **labels, role="live") == 1
        assert sample(client, "issrnn_compute_seconds_count", **labels, role="live") == 1
        tokens = sample(client, "issrnn_scored_tokens_total", **labels)
        assert tokens == body["scores"][0]["token_count"] == 4
        assert sample(client, "issrnn_unknown_tokens_total", **labels) == 1
        loss = sample(client, "issrnn_negative_log_prob_total", **labels)
        assert math.exp(loss / tokens) == pytest.approx(body["scores"][0]["perplexity"])
        assert sample(client, "issrnn_batch_size_count", model="tiny-iss") == 1
        assert sample(client, "issrnn_model_ready", variant="dense", engine="onnxruntime-fp32") == 1


def test_the_release_is_told(client: httpx.Client) -> None:
    release = version("issrnn")
    assert sample(client, "issrnn_build_info", version=release, onnxruntime=version("onnxruntime"))
    assert client.get("/openapi.json").json()["info"]["version"] == release
    assert version_of("no-such-package") == "none"


def test_the_shadow_model_sees_the_traffic_and_never_answers(
    settings_for: Callable[..., Settings],
) -> None:
    settings = settings_for(
        models=None, split={"score": {"tiny-dense": 1}}, shadow={"score": "tiny-iss"}
    )
    with running_service(settings) as client:
        for _ in range(5):
            response = client.post("/score", json={"texts": ["the stock fell"]})
            assert response.headers["X-Model"] == "tiny-dense"
        labels = {"model": "tiny-iss", "role": "shadow", "endpoint": "/score"}
        for _ in range(200):
            if sample(client, "issrnn_scored_tokens_total", **labels) == 20:
                break
        assert sample(client, "issrnn_scored_tokens_total", **labels) == 20
        assert sample(client, "issrnn_negative_log_prob_total", **labels) > 0
        assert sample(client, "issrnn_requests_total", model="tiny-iss") == 0


def test_the_documentation_has_examples(client: httpx.Client) -> None:
    document = client.get("/openapi.json").json()
    assert document["components"]["schemas"]["ScoreRequest"]["examples"]
    problem = document["paths"]["/score"]["post"]["responses"]["422"]["content"]
    errors = problem["application/problem+json"]["schema"]["properties"]["errors"]
    assert set(errors["items"]["properties"]) == {"path", "message"}
    assert "$defs" not in json.dumps(document)
    assert client.get("/docs").status_code == 200
    index = client.get("/")
    assert index.status_code == 200
    for link in ("docs", "models", "metrics"):
        assert f'"{link}"' in index.text


def test_the_documentation_says_what_a_route_may_answer(client: httpx.Client) -> None:
    paths = client.get("/openapi.json").json()["paths"]
    score, metrics = paths["/score"]["post"], paths["/metrics"]["get"]
    refusals = {"400", "404", "413", "415", "422", "429", "503", "504"}
    assert set(score["responses"]) == {"200"} | refusals
    assert {each["name"] for each in score["parameters"]} == {"X-Session-ID", "X-Deadline-Ms"}
    assert set(metrics["responses"]) == {"200"}
    assert set(metrics["responses"]["200"]["content"]) == {"text/plain"}
    assert paths["/models/{name}/reload"]["post"]["security"] == [{"HTTPBearer": []}]


def test_probes_may_ask_with_head(client: httpx.Client) -> None:
    for path in ("/health/live", "/health/ready", "/"):
        response = client.head(path)
        assert (response.status_code, response.content) == (200, b"")


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def start(models_dir: Path, **environment: str) -> tuple[subprocess.Popen[str], httpx.Client]:
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "service"],
        env=os.environ
        | {"ISSRNN_MODELS_DIR": str(models_dir), "PORT": str(port), "OMP_NUM_THREADS": "1"}
        | environment,
        stderr=subprocess.PIPE,
        text=True,
    )
    client = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30)
    for _ in range(400):
        try:
            client.get("/health/live")
            break
        except httpx.ConnectError:
            assert process.poll() is None, process.communicate()[1]
            time.sleep(0.05)
    return process, client


def test_sigterm_answers_what_was_accepted_and_exits_0(models_dir: Path) -> None:
    process, client = start(models_dir, ISSRNN_DRAIN_SECONDS="1.0", ISSRNN_MODELS='["tiny-dense"]')
    document = {"texts": ["the stock market fell"] * 5000, "carry_state": True, "tokens": False}
    answers: list[httpx.Response] = []
    posting = threading.Thread(target=lambda: answers.append(client.post("/score", json=document)))
    posting.start()
    while sample(client, "issrnn_in_flight_requests") < 2:
        pass
    process.send_signal(signal.SIGTERM)
    for _ in range(100):
        ready = client.get("/health/ready")
        if ready.status_code == 503:
            break
    assert ready.json()["detail"] == "not ready: shutting down"
    assert ready.headers["Content-Type"] == "application/problem+json"
    posting.join(30)
    client.close()
    errors = process.communicate(timeout=30)[1]
    assert process.returncode == 0, errors
    assert answers[0].status_code == 200
    assert len(answers[0].json()["scores"]) == 5000
    logged = [json.loads(line) for line in errors.splitlines()]
    assert any(line["message"] == "draining" for line in logged)
    served = [line for line in logged if line.get("path") == "/score"]
    assert served[0]["request_id"] == answers[0].headers["X-Request-ID"]


def test_the_default_engine_needs_no_torch(readers_dir: Path, tmp_path: Path) -> None:
    models = shutil.copytree(readers_dir, tmp_path / "models")
    make_classifier(models / "mood", density=0.3, variant="set")
    script = f"""
import sys
from fastapi.testclient import TestClient
from pathlib import Path
from service.app import create_app
from service.settings import Settings
for engine in ("onnxruntime-fp32", "onnxruntime-int8"):
    settings = Settings(models_dir=Path({str(models)!r}), engine=engine)
    with TestClient(create_app(settings)) as client:
        assert client.post("/score", json={{"texts": ["the stock"]}}).status_code == 200
        question = {{"question": "Who fell?", "context": "The market fell."}}
        assert client.post("/answer", json=question).status_code == 200
        assert client.post("/classify", json={{"texts": ["It fell."]}}).status_code == 200
assert "torch" not in sys.modules, "torch was imported"
"""
    command = [sys.executable, "-c", script]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr


def test_a_setting_that_is_not_json_is_named() -> None:
    command = [sys.executable, "-m", "service"]
    environment = os.environ | {"ISSRNN_SPLIT": "score=dense"}
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 2
    assert result.stderr.startswith("ISSRNN_SPLIT: is not JSON: ")
    assert "Traceback" not in result.stderr


def test_a_wrong_setting_is_named_without_a_traceback() -> None:
    environment = os.environ | {"ISSRNN_ENGINE": "abacus", "ISSRNN_MAX_BATCH": "0"}
    command = [sys.executable, "-m", "service"]
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 2
    assert "ISSRNN_ENGINE" in result.stderr
    assert "ISSRNN_MAX_BATCH" in result.stderr
    assert "Traceback" not in result.stderr
