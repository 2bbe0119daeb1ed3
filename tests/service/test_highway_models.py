"""Recurrent highway networks are served as the other language models are, on every engine."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from issrnn.artifact import load, save
from service.engines import create_engine
from service.engines.language_model import Chunk
from service.measure import main as measure
from service.settings import Settings
from tests.artifacts import WORDS, highway_architecture, make_artifact
from tests.service.running import running_service

TOLERANCES = {"rhn-dense": 1e-4, "rhn-torch": 1e-4, "rhn-int8": 0.5}
"""Of log-probabilities, by model: one network on every engine."""
LINES = ["the stock market fell", "mr. smith said it is n't", "", "they rose N N in the u.s."]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("highway-models")
    for name in TOLERANCES:
        make_artifact(folder / name, architecture=highway_architecture(8), seed=1)
    small = highway_architecture(5)
    iss = make_artifact(folder / "rhn-iss", architecture=small, variant="iss", seed=2)
    card = iss.card.model_copy(update={"dense_hidden_sizes": (8,)})
    save(folder / "rhn-iss", card, iss.weights, iss.vocabulary)
    make_artifact(folder / "lstm-dense", seed=3)
    return folder


@pytest.fixture(scope="module")
def client(folder: Path) -> Iterator[httpx.Client]:
    settings = Settings(
        models_dir=folder,
        port=0,
        pin_threads=False,
        chunk_steps=7,
        engines={"rhn-torch": "torch-fp32", "rhn-int8": "onnxruntime-int8"},
    )
    with running_service(settings) as client:
        yield client


def test_each_is_on_its_own_engine(client: httpx.Client) -> None:
    engines = {name: client.get(f"/models/{name}").json()["engine"] for name in TOLERANCES}
    assert engines == {
        "rhn-dense": "onnxruntime-fp32",
        "rhn-torch": "torch-fp32",
        "rhn-int8": "onnxruntime-int8",
    }


def score(client: httpx.Client, texts: list[str], **fields: Any) -> list[dict[str, Any]]:
    response = client.post("/score", json={"texts": texts, "pretokenized": True} | fields)
    assert response.status_code == 200, response.text
    scores: list[dict[str, Any]] = response.json()["scores"]
    return scores


@pytest.mark.parametrize("model", TOLERANCES)
def test_a_document_is_scored_as_in_one_piece(
    client: httpx.Client, folder: Path, model: str
) -> None:
    document = LINES * 3
    scores = score(client, document, model=model, carry_state=True, top_k=2)
    artifact = load(folder / model)
    words = ["<eos>", *(word for line in document for word in (*line.split(), "<eos>"))]
    ids = np.array(artifact.vocabulary.encode(words))
    whole = Chunk(ids[:-1], ids[1:], top_k=2)
    [expected] = create_engine("torch-fp32", artifact, 1).compute([whole])
    tokens = [token for text in scores for token in text["tokens"]]
    assert [token["text"] for token in tokens] == words[1:]
    log_probs = [token["log_prob"] for token in tokens]
    np.testing.assert_allclose(log_probs, expected.log_probs, atol=TOLERANCES[model], rtol=0)
    top = [[word["log_prob"] for word in token["top"]] for token in tokens]
    np.testing.assert_allclose(top, expected.top_log_probs, atol=TOLERANCES[model], rtol=0)


def test_dense_and_small_and_another_network_are_compared(client: httpx.Client) -> None:
    models = ["rhn-dense", "rhn-iss", "lstm-dense"]
    request = {"task": "score", "models": models, "request": {"texts": LINES}}
    body = client.post("/compare", json=request).json()
    assert [result["model"] for result in body["results"]] == models
    dense, iss, _ = body["results"]
    assert iss["multiply_adds"] < dense["multiply_adds"]
    assert iss["engine_bytes"] < dense["engine_bytes"]
    assert all(text["comparable"] for text in body["differences"])


def test_a_completion_is_the_likeliest_next_word(client: httpx.Client) -> None:
    prompt = "<eos> the stock market"
    request = {
        "model": "rhn-dense", "prompt": prompt, "max_tokens": 1, "logprobs": 1, "echo": True
    }  # fmt: skip
    [choice] = client.post("/v1/completions", json=request).json()["choices"]
    [text] = score(client, ["the stock market fell"], model="rhn-dense", top_k=1)
    [likeliest] = text["tokens"][3]["top"]
    assert choice["text"].split()[-1] == likeliest["text"]
    given = [token["log_prob"] for token in text["tokens"][:3]]
    assert choice["logprobs"]["token_logprobs"][1:4] == pytest.approx(given, abs=1e-4)


def test_a_card_says_what_the_network_is(client: httpx.Client) -> None:
    model = client.get("/models/rhn-iss").json()
    assert model["architecture"] == {
        "kind": "rhn",
        "vocabulary_size": len(WORDS),
        "hidden_sizes": [5],
        "depth": 3,
        "embedding_size": None,
    }
    assert (model["layer_names"], model["hidden_sizes"]) == (["highway"], [5])
    assert model["dense_hidden_sizes"] == [8]
    assert model["multiply_adds"] == 8 * 5 * 5 + len(WORDS) * 5


def test_its_perplexity_is_measured_and_recorded(
    client: httpx.Client, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = tmp_path / "test.txt"
    text.write_text("".join(f" {line} \n" for line in LINES))
    scores = score(client, LINES, model="rhn-dense", carry_state=True)
    tokens = sum(each["token_count"] for each in scores)
    perplexity = math.exp(-sum(each["log_prob"] for each in scores) / tokens)
    assert measure([str(folder / "rhn-dense"), str(text)]) == 0
    assert f"perplexity {perplexity:.3f} over {tokens} tokens" in capsys.readouterr().out
    artifact = make_artifact(tmp_path / "rhn", architecture=highway_architecture(8), seed=1)
    int8 = ["--engine", "onnxruntime-int8", "--record", "test_perplexity_int8"]
    assert measure([str(tmp_path / "rhn"), str(text), *int8]) == 0
    metrics = load(tmp_path / "rhn").card.metrics
    assert metrics["test_perplexity_int8"] == pytest.approx(perplexity, rel=0.1)
    assert metrics["test_perplexity"] == artifact.card.metrics["test_perplexity"]
