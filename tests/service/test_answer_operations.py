"""Metrics, shadow, documentation and reload of models for the task answer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from service.settings import Settings
from tests.artifacts import make_reader
from tests.service.running import running_service
from tests.service.test_operations import sample

REQUEST = {"question": "Who said it?", "context": "Mr. Smith said no, and traders fell. " * 9}


def test_questions_windows_and_probabilities_are_counted(
    settings_for: Callable[..., Settings], readers_dir: Path
) -> None:
    with running_service(settings_for(models_dir=readers_dir, models=None)) as client:
        bodies = [
            client.post("/answer", json=REQUEST | {"model": "reader-iss"}).json() for _ in range(3)
        ]
        labels = {"endpoint": "/answer", "model": "reader-iss", "variant": "iss", "role": "live"}
        windows = sum(body["windows"] for body in bodies)
        assert sample(client, "issrnn_answered_questions_total", **labels) == 3
        assert sample(client, "issrnn_read_windows_total", **labels) == windows > 3
        total = sum(body["answers"][0]["score"] for body in bodies)
        assert sample(client, "issrnn_answer_probability_total", **labels) == pytest.approx(total)
        assert sample(client, "issrnn_compute_seconds_count", **labels) == 3
        assert sample(client, "issrnn_batch_size_sum", model="reader-iss") == windows
        assert sample(client, "issrnn_scored_tokens_total") == 0


def test_the_shadow_of_the_task_reads_the_same_questions(
    settings_for: Callable[..., Settings], readers_dir: Path
) -> None:
    settings = settings_for(
        models_dir=readers_dir,
        models=None,
        split={"answer": {"reader-dense": 1}},
        shadow={"answer": "reader-iss"},
    )
    with running_service(settings) as client:
        for _ in range(4):
            response = client.post("/answer", json=REQUEST)
            assert response.headers["X-Model"] == "reader-dense"
        client.post("/score", json={"texts": ["the stock fell"]})
        client.post("/hf/question-answering", json={"inputs": REQUEST})
        expected = {"/answer": 4, "/hf/question-answering": 1}
        for endpoint, count in expected.items():
            labels = {"model": "reader-iss", "role": "shadow", "endpoint": endpoint}
            for _ in range(200):
                if sample(client, "issrnn_answered_questions_total", **labels) == count:
                    break
            assert sample(client, "issrnn_answered_questions_total", **labels) == count
        assert sample(client, "issrnn_requests_total", model="reader-iss") == 0
        assert sample(client, "issrnn_shadow_dropped_total") == 0


@pytest.mark.parametrize("setting", ["split", "shadow"])
def test_a_model_that_is_set_for_another_task_is_told(
    settings_for: Callable[..., Settings], readers_dir: Path, setting: str
) -> None:
    value = {"split": {"answer": {"tiny-dense": 1}}, "shadow": {"answer": "tiny-dense"}}[setting]
    with running_service(
        settings_for(models_dir=readers_dir, models=None, **{setting: value})
    ) as client:
        ready = client.get("/health/ready")
        assert ready.status_code == 503
        assert "tiny-dense is set for 'answer' but is for 'score'" in ready.json()["detail"]


def test_the_routes_are_documented(reader_client: httpx.Client) -> None:
    document = reader_client.get("/openapi.json").json()
    answer = document["paths"]["/answer"]["post"]
    assert {"200", "400", "404", "413", "415", "422", "429", "503", "504"} == set(
        answer["responses"]
    )
    assert {each["name"] for each in answer["parameters"]} == {"X-Session-ID", "X-Deadline-Ms"}
    for schema in ("AnswerRequest", "CompareRequest", "QuestionAnsweringRequest"):
        assert document["components"]["schemas"][schema]["examples"]
    hugging_face = document["paths"]["/hf/question-answering"]["post"]
    assert "model" in {each["name"] for each in hugging_face["parameters"]}


def test_a_reader_is_reloaded_and_a_missing_vectors_file_refused(tmp_path: Path) -> None:
    make_reader(tmp_path / "reader", seed=1)
    settings = Settings(models_dir=tmp_path, port=0, admin_token="s3cret", pin_threads=False)  # noqa: S106 - a test's
    headers = {"Authorization": "Bearer s3cret"}

    with running_service(settings) as client:

        def score() -> float:
            found: float = client.post("/answer", json=REQUEST).json()["answers"][0]["score"]
            return found

        before = score()
        make_reader(tmp_path / "reader", seed=2)
        assert client.post("/models/reader/reload", headers=headers).status_code == 200
        after = score()
        assert after != before
        (tmp_path / "tiny-vectors.safetensors").unlink()
        refused = client.post("/models/reader/reload", headers=headers)
        assert refused.status_code == 409
        assert "tiny-vectors.safetensors" in refused.json()["detail"]
        assert score() == after
