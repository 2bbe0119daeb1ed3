"""``POST /classify`` over HTTP, against the network that training measures and against itself."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from issrnn.architecture import ClassifierArchitecture
from issrnn.artifact import load
from issrnn.networks import Classifier
from issrnn.reading.words import plain_words, word_ids
from service.settings import Settings
from service.visible import shows_something
from tests.artifacts import LABELS
from tests.service.conftest import Gate
from tests.service.running import running_service

SHORT = "Mr. Smith said the stock market fell,<br />but traders said it rose!"
LONG = " ".join(f"The company said no. {SHORT} They fell {number} times." for number in range(20))
TEXTS = [SHORT, LONG, "No", f"It isn't {SHORT}"]
MODELS = ("mood-dense", "mood-iss", "mood-set")


def classify(client: httpx.Client, *texts: str, **fields: Any) -> dict[str, Any]:
    response = client.post("/classify", json={"texts": texts} | fields)
    assert response.status_code == 200, response.text
    body: dict[str, Any] = response.json()
    return body


def by_the_network(folder: Path, text: str) -> dict[str, float]:
    """The labels' probabilities, with the words as training reads them, all at once."""
    artifact = load(folder)
    architecture, labels = artifact.card.architecture, artifact.card.labels
    assert isinstance(architecture, ClassifierArchitecture)
    assert labels is not None
    model = Classifier(architecture).eval()
    model.load_state_dict({name: torch.tensor(each) for name, each in artifact.weights.items()})
    ids = torch.tensor(word_ids(text, artifact.vocabulary))
    with torch.no_grad():
        [logits] = model(ids[:, None], torch.tensor([len(ids)]))
    return dict(zip(labels, logits.softmax(-1).tolist(), strict=True))


@pytest.mark.parametrize("model", MODELS)
def test_labels_and_probabilities_are_the_networks_of_long_texts_too(
    classifier_client: httpx.Client, classifiers_dir: Path, model: str
) -> None:
    body = classify(classifier_client, *TEXTS, model=model)
    assert body["model"] == model
    for text, result in zip(TEXTS, body["results"], strict=True):
        expected = by_the_network(classifiers_dir / model, text)
        assert result["scores"] == pytest.approx(expected, abs=1e-5)
        assert list(result["scores"]) == list(LABELS)
        assert result["label"] == max(expected, key=expected.__getitem__)
        assert result["score"] == result["scores"][result["label"]]
        assert result["word_count"] == len(plain_words(text))
    assert body["results"][1]["word_count"] > 400  # many chunks
    timing = body["timing_ms"]
    assert 0 < timing["compute"] <= timing["total"]


def test_the_beginning_of_a_long_text_counts(classifier_client: httpx.Client) -> None:
    """Truncation, of either end, would leave the scores as they are."""
    for model in ("mood-dense", "mood-iss"):
        texts = LONG, f"$ & {LONG}", f"{LONG} $ &"
        before, *after = classify(classifier_client, *texts, model=model)["results"]
        if model == "mood-iss":  # its mean is moved by every word
            assert all(each["scores"] != before["scores"] for each in after)
        assert [each["word_count"] - before["word_count"] for each in after] == [2, 2]


def test_words_that_are_not_in_the_vocabulary_are_counted(classifier_client: httpx.Client) -> None:
    [result] = classify(classifier_client, "The zebra fell, Smith said:<br/>zebra")["results"]
    assert (result["word_count"], result["unknown_count"]) == (8, 4)  # signs are none of its words


def test_texts_are_cut_into_chunks_that_share_batches(
    settings_for: Callable[..., Settings], classifiers_dir: Path, gate: Gate
) -> None:
    gate.open.set()
    changes = {"models_dir": classifiers_dir, "models": ["mood-dense"], "chunk_steps": 10}
    with running_service(settings_for(**changes)) as client:
        texts = ["the " * 35, "fell " * 12, "it rose"]
        found = classify(client, *texts)["results"]
    assert [each["word_count"] for each in found] == [35, 12, 2]
    lengths = [sorted(item.length for item in batch) for batch in gate.batches]
    assert lengths[0] == [10, 10]
    assert sorted(length for batch in lengths for length in batch) == [2, 2, 5, 10, 10, 10, 10]


@pytest.mark.parametrize("engine", ["torch-fp32", "torch-csr-fp32"])
def test_engines_agree(
    settings_for: Callable[..., Settings],
    classifiers_dir: Path,
    classifier_client: httpx.Client,
    engine: str,
) -> None:
    expected = classify(classifier_client, *TEXTS, model="mood-set")["results"]
    changes = {"models_dir": classifiers_dir, "models": ["mood-set"], "threads": 1}
    with running_service(settings_for(**changes, engines={"mood-set": engine})) as client:
        info = client.get("/models/mood-set").json()
        found = classify(client, *TEXTS)["results"]
    assert info["engine"] == engine
    for one, other in zip(found, expected, strict=True):
        assert one["label"] == other["label"]
        assert one["scores"] == pytest.approx(other["scores"], abs=1e-4)


def test_sparse_kernels_make_the_multiply_adds_of_the_weights_that_exist(
    settings_for: Callable[..., Settings], classifiers_dir: Path
) -> None:
    card = load(classifiers_dir / "mood-set").card
    of_layers = {name: n for name, n in card.sparse_weights.items() if name.startswith("layers.")}
    assert len(of_layers) == 2
    found = {}
    for engine in ("onnxruntime-fp32", "torch-csr-fp32"):
        changes = {"models_dir": classifiers_dir, "models": ["mood-set"]}
        with running_service(settings_for(**changes, engine=engine)) as client:
            info = client.get("/models/mood-set").json()
            compared = client.post(
                "/compare", json={"task": "classify", "request": {"texts": TEXTS}}
            )
            assert compared.json()["results"][0]["multiply_adds"] == info["multiply_adds"]
            found[engine] = info["multiply_adds"]
    assert found["onnxruntime-fp32"] == card.architecture.multiply_adds_per_token()
    assert found["torch-csr-fp32"] == sum(of_layers.values())


def test_an_engine_that_cannot_compute_a_model_is_told(
    settings_for: Callable[..., Settings], classifiers_dir: Path
) -> None:
    changes = {"models_dir": classifiers_dir, "models": None, "engine": "torch-csr-fp32"}
    with running_service(settings_for(**changes)) as client:
        states = {each["name"]: each["state"] for each in client.get("/models").json()["models"]}
        assert states == dict.fromkeys(("mood-dense", "mood-iss", "tiny-dense"), "failed") | {
            "mood-set": "ready"
        }
        error = client.get("/models/tiny-dense").json()["error"]
        assert "torch-csr-fp32 is for classifiers with sparse matrices" in error


VISIBLE = st.text(min_size=1).filter(plain_words).filter(shows_something)


@given(st.lists(VISIBLE, min_size=1, max_size=4))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_unicode_is_labelled(classifier_client: httpx.Client, texts: list[str]) -> None:
    body = classify(classifier_client, *texts)
    assert len(body["results"]) == len(texts)
    for result in body["results"]:
        assert result["label"] in LABELS
        assert sum(result["scores"].values()) == pytest.approx(1.0)
        assert result["score"] == max(result["scores"].values())


def test_the_model_is_named_chosen_and_kept_for_a_session(
    settings_for: Callable[..., Settings], classifiers_dir: Path
) -> None:
    split = {"classify": {"mood-dense": 0.5, "mood-set": 0.5}}
    changes = {"models_dir": classifiers_dir, "models": None, "split": split}
    with running_service(settings_for(**changes)) as client:
        response = client.post("/classify", json={"texts": [SHORT], "model": "mood-iss"})
        assert response.headers["X-Model"] == response.json()["model"] == "mood-iss"

        def model_of(session: int) -> str:
            headers = {"X-Session-ID": f"s{session}"}
            return client.post("/classify", json={"texts": [SHORT]}, headers=headers).headers[
                "X-Model"
            ]

        first = [model_of(session) for session in range(20)]
        assert first == [model_of(session) for session in range(20)]
        assert set(first) == {"mood-dense", "mood-set"}


def test_classifiers_and_language_models_are_served_side_by_side(
    classifier_client: httpx.Client,
) -> None:
    texts = {"texts": ["the stock market fell"]}
    assert classifier_client.post("/score", json=texts).headers["X-Model"] == "tiny-dense"
    for path, model in (("/score", "mood-dense"), ("/classify", "tiny-dense")):
        response = classifier_client.post(path, json=texts | {"model": model})
        assert response.status_code == 422
        assert response.json()["errors"][0]["path"] == "model"
    v1 = [model["id"] for model in classifier_client.get("/v1/models").json()["data"]]
    assert v1 == ["tiny-dense"]


def test_a_classifier_says_what_it_tells_apart(classifier_client: httpx.Client) -> None:
    info = classifier_client.get("/models/mood-iss").json()
    assert (info["task"], info["variant"], info["state"]) == ("classify", "iss", "ready")
    assert info["labels"] == list(LABELS)
    assert info["hidden_sizes"] == [5, 3]
    assert info["metrics"] == {"test_accuracy": 80.0}
    assert classifier_client.get("/models/tiny-dense").json()["labels"] is None
