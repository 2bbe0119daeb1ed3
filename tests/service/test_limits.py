"""Input that is wrong or too large gets a problem that names the field."""

from __future__ import annotations

import gzip
import json
import socket
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from service.settings import Settings
from tests.service.problems import first_error, problem
from tests.service.running import running_service


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"texts": ["the", 3]}, "texts[1]"),
        ({"texts": []}, "texts"),
        ({}, "texts"),
        ({"texts": ["the"], "topk": 3}, "topk"),
        ({"texts": ["the"], "top_k": -1}, "top_k"),
        ({"texts": ["the"], "top_k": 51}, "top_k"),
        ({"texts": ["\ud800"]}, "texts[0]"),
        ([], "body"),
    ],
)
def test_a_wrong_field_is_named(client: httpx.Client, body: Any, path: str) -> None:
    headers = {"Content-Type": "application/json"}
    response = client.post("/score", content=json.dumps(body), headers=headers)
    assert path in [error["path"] for error in problem(response, 422)["errors"]]


def test_invalid_json_is_a_bad_request(client: httpx.Client) -> None:
    headers = {"Content-Type": "application/json"}
    body = problem(client.post("/score", content='{"texts": [', headers=headers), 400)
    assert "JSON" in body["detail"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b'{"texts": ["\xff"]}', "is no UTF-8"),
        (b"[" * 100_000, "is nested too deeply"),
        (b'{"top_k": ' + b"9" * 5000 + b"}", "4300 digits"),
        (b'{"texts": ["a', "Unterminated string starting at character 11"),
    ],
)
def test_what_no_json_can_be_says_why(client: httpx.Client, content: bytes, reason: str) -> None:
    headers = {"Content-Type": "application/json"}
    body = problem(client.post("/score", content=content, headers=headers), 400)
    assert body["errors"][0]["path"] == "body"
    assert reason in body["errors"][0]["message"]


def test_a_compressed_body_is_told_to_come_as_it_is(client: httpx.Client) -> None:
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    content = gzip.compress(b'{"texts": ["the"]}')
    assert "gzip" in problem(client.post("/score", content=content, headers=headers), 415)["detail"]


def test_a_body_that_is_not_declared_as_json_is_refused(client: httpx.Client) -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    body = problem(client.post("/score", content='{"texts": ["a"]}', headers=headers), 415)
    assert "application/json" in body["detail"]


@pytest.mark.parametrize("kind", ["text/json", "application/x-ndjson", "application/jsonp"])
def test_a_type_that_only_sounds_like_json_is_refused(client: httpx.Client, kind: str) -> None:
    response = client.post("/score", content='{"texts": ["a"]}', headers={"Content-Type": kind})
    assert kind in problem(response, 415)["detail"]


@pytest.mark.parametrize(
    "kind", ["Application/JSON", "application/json; charset=utf-8", "application/vnd.api+json"]
)
def test_json_has_many_names(client: httpx.Client, kind: str) -> None:
    headers = {"Content-Type": kind}
    response = client.post("/score", content='{"texts": ["a"]}', headers=headers)
    assert response.status_code == 200
    problem(client.post("/score", content='{"texts": [', headers=headers), 400)


def test_unknown_models_and_routes(client: httpx.Client) -> None:
    body = problem(client.post("/score", json={"texts": ["a"], "model": "nope"}), 404)
    assert body["errors"][0]["path"] == "model"
    problem(client.get("/models/nope"), 404)
    problem(client.get("/nope"), 404)
    response = client.get("/score")
    problem(response, 405)
    assert response.headers["Allow"] == "POST"


@pytest.mark.parametrize("value", ["soon", "0", "-3", "nan"])
def test_a_deadline_must_be_a_positive_number(client: httpx.Client, value: str) -> None:
    response = client.post("/score", json={"texts": ["a"]}, headers={"X-Deadline-Ms": value})
    assert first_error(response, 422)["path"] == "header X-Deadline-Ms"


@pytest.fixture(scope="module")
def strict(models_dir: Any) -> Iterator[httpx.Client]:
    settings = Settings(
        models_dir=models_dir, port=0, max_body_bytes=1000, max_texts=3, max_text_chars=20,
        pin_threads=False,
    )  # fmt: skip
    with running_service(settings) as client:
        yield client


def test_too_large_a_body_is_refused(strict: httpx.Client) -> None:
    problem(strict.post("/score", json={"texts": ["a" * 2000]}), 413)


def test_a_body_that_is_declared_too_large_is_not_waited_for(strict: httpx.Client) -> None:
    with socket.create_connection((strict.base_url.host, strict.base_url.port or 80)) as raw:
        raw.settimeout(10)
        raw.sendall(
            b"POST /score HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            b"Content-Length: 3000000\r\nExpect: 100-continue\r\n\r\n"
        )
        assert raw.recv(1000).startswith(b"HTTP/1.1 413 ")


def test_too_large_a_body_is_refused_without_a_content_length(strict: httpx.Client) -> None:
    def chunks() -> Iterator[bytes]:
        yield b'{"texts": ["'
        for _ in range(30):
            yield b"a" * 100
        yield b'"]}'

    headers = {"Content-Type": "application/json"}
    problem(strict.post("/score", content=chunks(), headers=headers), 413)


def test_too_many_and_too_long_texts_are_refused(strict: httpx.Client) -> None:
    assert first_error(strict.post("/score", json={"texts": ["a"] * 4}), 413)["path"] == "texts"
    texts = {"texts": ["a", "b" * 21]}
    assert first_error(strict.post("/score", json=texts), 413)["path"] == "texts[1]"
    request = {"task": "score", "request": texts}
    assert first_error(strict.post("/compare", json=request), 413)["path"] == "request.texts[1]"
    prompts = {"prompt": texts["texts"]}
    assert first_error(strict.post("/v1/completions", json=prompts), 413)["path"] == "prompt[1]"


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"texts": [0] * 1000}, "texts[0]"),
        ({"texts": ["the"]} | {str(number): 1 for number in range(1000)}, "body"),
    ],
)
def test_of_many_mistakes_few_are_told(client: httpx.Client, body: Any, path: str) -> None:
    assert first_error(client.post("/score", json=body), 422)["path"] == path
    compared = {"task": "score", "request": body}
    path = f"request.{path}".removesuffix(".body")
    assert first_error(client.post("/compare", json=compared), 422)["path"] == path


def test_a_failure_inside_shows_no_trace(
    settings_for: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("a secret")

    monkeypatch.setattr("service.tasks.score.encode_texts", fail)
    with running_service(settings_for()) as client:
        response = client.post("/score", json={"texts": ["the"]})
        body = problem(response, 500)
        assert "secret" not in response.text
        assert body["request_id"] == response.headers["X-Request-ID"]
        assert response.headers["X-Model"] == "tiny-dense"
