"""Metrics, shadow, keys, documentation and reload of models for the task classify."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from service.settings import Settings
from tests.artifacts import make_classifier
from tests.service.running import running_service
from tests.service.test_operations import sample

TEXTS = ["Mr. Smith said no.", "the market rose", "It fell. " * 60, "traders of zebras"]


def test_texts_labels_words_and_probabilities_are_counted(
    settings_for: Callable[..., Settings], classifiers_dir: Path
) -> None:
    with running_service(settings_for(models_dir=classifiers_dir, models=None)) as client:
        request = {"texts": TEXTS, "model": "mood-iss"}
        results = [client.post("/classify", json=request).json()["results"] for _ in range(2)]
        found = [each for of_request in results for each in of_request]
        labels = {"endpoint": "/classify", "model": "mood-iss", "variant": "iss", "role": "live"}
        counts = Counter(each["label"] for each in found)
        for label, count in counts.items():
            assert (
                sample(client, "issrnn_classified_texts_total", **labels, label=label) == count > 0
            )
        assert sample(client, "issrnn_classified_texts_total", **labels) == 8
        total = sum(each["score"] for each in found)
        assert sample(client, "issrnn_label_probability_total", **labels) == pytest.approx(total)
        for name, field in (("classified", "word_count"), ("unknown", "unknown_count")):
            counted = sample(client, f"issrnn_{name}_words_total", **labels)
            assert counted == sum(each[field] for each in found) > 0
        words = sample(client, "issrnn_classified_words_total", **labels)
        assert sample(client, "issrnn_computed_tokens_total", model="mood-iss") == words
        assert sample(client, "issrnn_compute_seconds_count", **labels) == 2
        assert sample(client, "issrnn_scored_tokens_total") == 0


def test_the_shadow_of_the_task_reads_the_same_texts(
    settings_for: Callable[..., Settings], classifiers_dir: Path
) -> None:
    settings = settings_for(
        models_dir=classifiers_dir,
        models=None,
        split={"classify": {"mood-dense": 1}},
        shadow={"classify": "mood-set"},
    )
    with running_service(settings) as client:
        for _ in range(4):
            response = client.post("/classify", json={"texts": TEXTS})
            assert response.headers["X-Model"] == "mood-dense"
        client.post("/score", json={"texts": ["the stock fell"]})
        labels = {"model": "mood-set", "role": "shadow", "endpoint": "/classify"}
        for _ in range(200):
            if sample(client, "issrnn_classified_texts_total", **labels) == 16:
                break
        assert sample(client, "issrnn_classified_texts_total", **labels) == 16
        assert sample(client, "issrnn_requests_total", model="mood-set") == 0
        assert sample(client, "issrnn_shadow_dropped_total") == 0


def test_a_key_is_needed_where_there_are_keys(
    settings_for: Callable[..., Settings], classifiers_dir: Path
) -> None:
    keys = {"team": {"sha256": hashlib.sha256(b"k3y").hexdigest(), "requests_per_second": 0.001}}
    with running_service(
        settings_for(models_dir=classifiers_dir, models=["mood-dense"], api_keys=keys)
    ) as client:
        request = {"texts": TEXTS}
        assert client.post("/classify", json=request).status_code == 401
        headers = {"X-API-Key": "k3y"}
        assert client.post("/classify", json=request, headers=headers).status_code == 200
        assert client.post("/classify", json=request, headers=headers).status_code == 429


def test_the_route_is_documented(classifier_client: httpx.Client) -> None:
    document = classifier_client.get("/openapi.json").json()
    classify = document["paths"]["/classify"]["post"]
    assert {"200", "400", "404", "413", "415", "422", "429", "503", "504"} == set(
        classify["responses"]
    )
    assert {each["name"] for each in classify["parameters"]} == {"X-Session-ID", "X-Deadline-Ms"}
    [example] = document["components"]["schemas"]["ClassifyRequest"]["examples"]
    assert classifier_client.post("/classify", json=example).status_code == 200
    tasks = [
        each["task"] for each in document["components"]["schemas"]["CompareRequest"]["examples"]
    ]
    assert tasks == ["score", "answer", "classify"]


def test_a_classifier_is_reloaded_and_a_damaged_one_refused(tmp_path: Path) -> None:
    make_classifier(tmp_path / "mood", seed=1, density=0.3)
    settings = Settings(models_dir=tmp_path, port=0, admin_token="s3cret", pin_threads=False)  # noqa: S106 - a test's
    headers = {"Authorization": "Bearer s3cret"}

    with running_service(settings) as client:

        def score() -> float:
            found: float = client.post("/classify", json={"texts": TEXTS}).json()["results"][0][
                "score"
            ]
            return found

        before = score()
        make_classifier(tmp_path / "mood", seed=2, density=0.3)
        assert client.post("/models/mood/reload", headers=headers).status_code == 200
        after = score()
        assert after != before
        weights = tmp_path / "mood" / "model.safetensors"
        weights.write_bytes(weights.read_bytes()[:-1])
        refused = client.post("/models/mood/reload", headers=headers)
        assert refused.status_code == 409
        assert "model.safetensors is damaged" in refused.json()["detail"]
        assert score() == after
