"""What load tests compare the service with answers the same, as plainly as it does."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from service.benchmark.plain_endpoint import main
from tests.waiting import wait_until

TEXTS = ["The stock rose.", "Mr. Smith said they can't.", "The market fell 3%.", "It is the 13th."]


@contextmanager
def plain(*arguments: str) -> Iterator[httpx.Client]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "service.benchmark.plain_endpoint", *arguments, "--port", str(port)],
        stderr=subprocess.PIPE,
        text=True,
    )
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:

        def answers() -> bool:
            with suppress(httpx.TransportError):
                return client.get("/models").status_code == 200
            return False

        try:
            wait_until(answers, "an answer", process=process)
            yield client
        finally:
            process.terminate()
            process.communicate(timeout=30)


def scores(client: httpx.Client, model: str, text: str) -> list[dict[str, Any]]:
    response = client.post("/score", json={"texts": [text], "model": model})
    assert response.status_code == 200, response.text
    assert response.headers["X-Model"] == model
    assert response.json()["model"] == model
    found: list[dict[str, Any]] = response.json()["scores"]
    return found


@pytest.mark.parametrize(
    ("engine", "options"),
    [("torch-fp32", []), ("onnxruntime-fp32", []), ("onnxruntime-fp32", ["--one-at-a-time"])],
)
def test_it_answers_as_the_service_does_also_many_at_once(
    client: httpx.Client, models_dir: Path, engine: str, options: list[str]
) -> None:
    with plain(str(models_dir / "tiny-dense"), "--engine", engine, *options) as endpoint:
        [card] = endpoint.get("/models").json()["models"]
        name = f"tiny-dense-plain-{engine}"
        assert (card["name"], card["engine"]) == (name, engine)
        described = endpoint.get(f"/models/{name}").json()
        notes = described.pop("provenance")["notes"]
        assert described | {"provenance": None} == card
        assert notes == client.get("/models/tiny-dense").json()["provenance"]["notes"]
        expected = {text: scores(client, "tiny-dense", text) for text in TEXTS}
        with ThreadPoolExecutor(16) as users:
            asked = TEXTS * 16
            given = users.map(lambda text: scores(endpoint, name, text), asked)
            for text, found in zip(asked, given, strict=True):
                for score, right in zip(found, expected[text], strict=True):
                    assert score["log_prob"] == pytest.approx(right["log_prob"], abs=1e-4)
                    assert [t["text"] for t in score["tokens"]] == [
                        t["text"] for t in right["tokens"]
                    ]
        wrong = endpoint.post("/score", json={"texts": "no list"})
        assert (wrong.status_code, wrong.json()["errors"][0]["path"]) == (422, "texts")
        assert endpoint.post("/answer", json={}).status_code == 404


def test_readers_and_classifiers_have_their_own_endpoints(
    reader_client: httpx.Client, readers_dir: Path, classifiers_dir: Path
) -> None:
    question = {"question": "Who?", "context": "Ada came. Then Bob left."}
    reader = str(readers_dir / "reader-dense")
    with plain(reader, "--engine", "onnxruntime-fp32", "--as", "mine") as endpoint:
        response = endpoint.post("/answer", json=question)
        assert response.headers["X-Model"] == response.json()["model"] == "mine"
        found = response.json()["answers"]
        unreadable = endpoint.post("/answer", json=question | {"question": "\u200b"})
        assert (unreadable.status_code, unreadable.json()["errors"][0]["path"]) == (
            422,
            "question",
        )
    right = reader_client.post("/answer", json=question | {"model": "reader-dense"}).json()
    assert [answer["text"] for answer in found] == [answer["text"] for answer in right["answers"]]
    name = sorted(path.name for path in classifiers_dir.iterdir() if path.name != "tiny-dense")[0]
    with plain(str(classifiers_dir / name), "--engine", "onnxruntime-fp32") as endpoint:
        [result] = endpoint.post("/classify", json={"texts": ["A good film."]}).json()["results"]
    assert sum(result["scores"].values()) == pytest.approx(1, abs=1e-4)


def test_a_bad_artifact_is_one_clear_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(tmp_path / "nothing")]) == 1
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert "nothing" in error
    assert error.count("\n") == 1
