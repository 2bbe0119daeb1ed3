"""``POST /compare``: answers side by side, and where they differ."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from service.settings import Settings
from tests.artifacts import WORDS, make_artifact, make_classifier
from tests.service.running import running_service

TEXTS = ["Mr. Smith said no.", "The stock market fell 3%."]


def test_each_model_answers_and_the_largest_differences_come_first(client: httpx.Client) -> None:
    body = client.post("/compare", json={"task": "score", "request": {"texts": TEXTS}}).json()
    assert body["reference"] == "tiny-dense"
    assert [result["model"] for result in body["results"]] == ["tiny-dense", "tiny-iss"]
    for result in body["results"]:
        alone = client.post("/score", json={"texts": TEXTS, "model": result["model"]}).json()
        for one, other in zip(result["response"]["scores"], alone["scores"], strict=True):
            assert one["log_prob"] == pytest.approx(other["log_prob"], abs=1e-4)
        assert result["latency_ms"] > 0
    dense, iss = body["results"]
    assert iss["parameters"] < dense["parameters"]
    assert iss["multiply_adds"] < dense["multiply_adds"]
    for index, text in enumerate(body["differences"]):
        assert text["comparable"]
        spreads = [token["spread"] for token in text["largest"]]
        assert spreads == sorted(spreads, reverse=True)
        for token in text["largest"]:
            values = [
                result["response"]["scores"][index]["tokens"][token["position"]]["log_prob"]
                for result in body["results"]
            ]
            assert list(token["log_probs"].values()) == pytest.approx(values)
            assert token["spread"] == pytest.approx(max(values) - min(values))


def test_the_models_and_their_order_can_be_chosen(client: httpx.Client) -> None:
    request = {"task": "score", "models": ["tiny-iss", "tiny-dense"], "request": {"texts": TEXTS}}
    response = client.post("/compare", json=request)
    assert response.json()["reference"] == "tiny-iss"
    assert response.headers["X-Model"] == "tiny-iss, tiny-dense"


@pytest.mark.parametrize(
    ("changes", "status", "path"),
    [
        ({"models": ["tiny-iss", "nope"]}, 404, "models[1]"),
        ({"models": ["tiny-iss", "tiny-iss"]}, 422, "models[1]"),
        ({"models": []}, 422, "models"),
        ({"request": {"texts": ["a"], "model": "tiny-iss"}}, 422, "request.model"),
        ({"request": {"texts": ["a", 1]}}, 422, "request.texts[1]"),
        ({"task": "sing"}, 422, "task"),
    ],
)
def test_wrong_requests_name_the_field(
    client: httpx.Client, changes: dict[str, Any], status: int, path: str
) -> None:
    request = {"task": "score", "request": {"texts": ["a"]}} | changes
    response = client.post("/compare", json=request)
    assert response.status_code == status
    assert response.json()["errors"][0]["path"] == path


QUESTION = {
    "question": "Who said the market fell?",
    "context": "Mr. Smith said the stock market fell, but traders said it rose in the years.",
}


def test_answers_are_compared_with_the_first_models(reader_client: httpx.Client) -> None:
    names = ["reader-iss", "reader-dense"]
    request = {"task": "answer", "models": names, "request": QUESTION | {"top_k": 2}}
    response = reader_client.post("/compare", json=request)
    assert response.headers["X-Model"] == "reader-iss, reader-dense"
    body = response.json()
    assert body["reference"] == "reader-iss"
    answers = []
    for name, result in zip(names, body["results"], strict=True):
        alone = reader_client.post("/answer", json=QUESTION | {"model": name, "top_k": 2}).json()
        assert result["model"] == result["response"]["model"] == name
        assert result["response"]["answers"] == alone["answers"]
        assert result["latency_ms"] > 0
        answers.append(alone["answers"][0])
    iss, dense = ({*range(each["start"], each["end"])} for each in answers)
    [difference] = body["differences"]
    assert difference == {
        "model": "reader-dense",
        "same": iss == dense,
        "overlap": pytest.approx(len(iss & dense) / len(iss | dense)),
        "score_change": pytest.approx(answers[1]["score"] - answers[0]["score"]),
    }


def test_a_model_agrees_with_itself_and_all_ready_ones_are_asked(
    reader_client: httpx.Client,
) -> None:
    body = reader_client.post("/compare", json={"task": "answer", "request": QUESTION}).json()
    assert [result["model"] for result in body["results"]] == ["reader-dense", "reader-iss"]
    request = {"task": "answer", "models": ["reader-iss"], "request": QUESTION}
    assert reader_client.post("/compare", json=request).json()["differences"] == []


@pytest.mark.parametrize(
    ("changes", "status", "path"),
    [
        ({"request": {"texts": ["a"]}}, 422, "request.question"),
        ({"request": QUESTION | {"context": " "}}, 422, "request.context"),
        ({"request": QUESTION | {"context": "\u200b"}}, 422, "request.context"),
        ({"request": QUESTION | {"top_k": 51}}, 422, "request.top_k"),
        ({"request": QUESTION | {"max_answer_words": 7}}, 422, "request.max_answer_words"),
        ({"request": QUESTION | {"model": "reader-iss"}}, 422, "request.model"),
        ({"models": ["tiny-dense"]}, 422, "models[0]"),
        ({"task": "score"}, 422, "request.texts"),
    ],
)
def test_the_request_is_checked_as_its_tasks_endpoint_does(
    reader_client: httpx.Client, changes: dict[str, Any], status: int, path: str
) -> None:
    request = {"task": "answer", "request": QUESTION} | changes
    response = reader_client.post("/compare", json=request)
    assert response.status_code == status, response.text
    assert response.json()["errors"][0]["path"] == path


def test_a_task_without_models_is_not_there(client: httpx.Client) -> None:
    request = {"task": "answer", "request": {"question": "Who?", "context": "Mr. Smith."}}
    response = client.post("/compare", json=request)
    assert response.status_code == 503


def test_texts_that_are_cut_differently_are_not_compared_word_by_word(
    settings_for: Callable[..., Settings], tmp_path: Path
) -> None:
    make_artifact(tmp_path / "full")
    make_artifact(tmp_path / "other", words=(*(w for w in WORDS if w != "can"), "cannot"))
    with running_service(settings_for(models_dir=tmp_path, models=None)) as client:
        request = {"task": "score", "request": {"texts": ["They cannot", "the stock"]}}
        first, second = client.post("/compare", json=request).json()["differences"]
        assert (first["comparable"], first["largest"]) == (False, [])
        assert second["comparable"]


def test_labels_are_compared_text_by_text(classifier_client: httpx.Client) -> None:
    names = ["mood-set", "mood-dense"]
    texts = {"texts": [*TEXTS, "it rose " * 90, "$", "inc.", "ill"]}
    request = {"task": "classify", "models": names, "request": texts}
    body = classifier_client.post("/compare", json=request).json()
    assert body["reference"] == "mood-set"
    by_model = []
    for name, result in zip(names, body["results"], strict=True):
        alone = classifier_client.post("/classify", json=texts | {"model": name})
        assert result["model"] == result["response"]["model"] == name
        assert result["response"]["results"] == alone.json()["results"]
        by_model.append(alone.json()["results"])
    for index, (difference, *found) in enumerate(zip(body["differences"], *by_model, strict=True)):
        labels = [each["label"] for each in found]
        assert difference["index"] == index
        assert difference["labels"] == dict(zip(names, labels, strict=True))
        assert difference["same"] == (len(set(labels)) == 1)
        for label, spread in difference["spreads"].items():
            scores = [each["scores"][label] for each in found]
            assert spread == pytest.approx(max(scores) - min(scores))
    assert {each["same"] for each in body["differences"]} == {True, False}


def test_only_labels_that_all_models_have_are_compared(
    settings_for: Callable[..., Settings], tmp_path: Path
) -> None:
    make_classifier(tmp_path / "moods", labels=("bad", "good"))
    make_classifier(tmp_path / "topics", labels=("good", "bonds", "shares"))
    with running_service(settings_for(models_dir=tmp_path, models=None)) as client:
        request = {"task": "classify", "request": {"texts": TEXTS}}
        differences = client.post("/compare", json=request).json()["differences"]
        assert [list(each["spreads"]) for each in differences] == [["good"], ["good"]]
        request["request"] = {"texts": ["it fell", " "]}
        response = client.post("/compare", json=request)
        assert response.status_code == 422
        assert response.json()["errors"][0]["path"] == "request.texts[1]"


def test_whichever_models_are_compared_their_metrics_have_one_label(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        make_artifact(tmp_path / name, seed=1)
    settings = Settings(models_dir=tmp_path, port=0, pin_threads=False)
    chosen = [["a", "b"], ["b", "a"], ["a", "c"], ["c", "b", "a"], ["b"]]
    with running_service(settings) as client:
        for models in chosen:
            request = {"task": "score", "models": models, "request": {"texts": ["the"]}}
            response = client.post("/compare", json=request)
            assert response.headers["X-Model"] == ", ".join(models)
        lines = client.get("/metrics").text.splitlines()
    counted = [line for line in lines if re.match('issrnn_requests_total{.*"/compare"', line)]
    labels = [re.findall('(?:model|variant)="([^"]*)"', line) for line in counted]
    assert sorted(labels) == [["b", "dense"], ["several", "several"]]
