"""Hugging Face's clients get what they expect, and are told what is not supported."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

URL = "/hf/question-answering"
INPUTS = {
    "question": "Who said the market fell?",
    "context": "Mr. Smith said the stock market fell, but traders said it rose in the years.",
}


def post(client: httpx.Client, **body: Any) -> httpx.Response:
    return client.post(URL, json={"inputs": INPUTS} | body)


def test_the_answers_are_those_of_answer(reader_client: httpx.Client) -> None:
    expected = reader_client.post("/answer", json=INPUTS | {"top_k": 3}).json()["answers"]
    response = post(reader_client, parameters={"top_k": 3})
    assert response.headers["X-Model"] == "reader-dense"
    elements = [
        {"answer": each["text"], **{name: each[name] for name in ("score", "start", "end")}}
        for each in expected
    ]
    assert response.json() == elements
    assert post(reader_client).json() == elements[0]
    assert post(reader_client, parameters={}).json() == elements[0]
    assert post(reader_client, parameters={"top_k": 1}).json() == elements[0]


def test_the_model_can_stand_in_the_address(reader_client: httpx.Client) -> None:
    response = reader_client.post(f"{URL}?model=reader-iss", json={"inputs": INPUTS})
    assert response.headers["X-Model"] == "reader-iss"
    response = reader_client.post(f"{URL}?model=nope", json={"inputs": INPUTS})
    assert response.status_code == 404


def test_what_is_done_anyway_may_be_asked_for(reader_client: httpx.Client) -> None:
    parameters = {
        "align_to_words": True, "handle_impossible_answer": False, "max_answer_len": 6,
        "doc_stride": None, "max_seq_len": None, "max_question_len": None, "top_k": None,
    }  # fmt: skip
    options = {"use_cache": False, "wait_for_model": True}
    response = post(reader_client, parameters=parameters, options=options)
    assert response.json() == post(reader_client).json()


def test_the_longest_answer_is_honoured(reader_client: httpx.Client) -> None:
    found = post(reader_client, parameters={"max_answer_len": 1, "top_k": 5}).json()
    assert all(" " not in each["answer"] for each in found)


@pytest.mark.parametrize(
    ("parameters", "path", "message"),
    [
        ({"doc_stride": 64}, "parameters.doc_stride", "windows are fixed"),
        ({"max_seq_len": 384}, "parameters.max_seq_len", "windows are fixed"),
        ({"max_question_len": 20}, "parameters.max_question_len", "no question is cut"),
        ({"align_to_words": False}, "parameters.align_to_words", "begin and end at words"),
        ({"handle_impossible_answer": True}, "parameters.handle_impossible_answer", "always"),
        ({"max_answer_len": 7}, "parameters.max_answer_len", "6 words at most"),
        ({"top_k": 0}, "parameters.top_k", "greater than 0"),
        ({"top_k": 51}, "parameters.top_k", "at most 50"),
        ({"lang": "en"}, "parameters.lang", "not permitted"),
    ],
)
def test_what_is_not_supported_is_refused(
    reader_client: httpx.Client, parameters: dict[str, Any], path: str, message: str
) -> None:
    response = post(reader_client, parameters=parameters)
    assert response.status_code == 422
    [error] = response.json()["errors"]
    assert error["path"] == path
    assert message in error["message"]


@pytest.mark.parametrize("name", ["question", "context"])
def test_wrong_inputs_are_named(reader_client: httpx.Client, name: str) -> None:
    for text in (" ", "\u200b"):
        response = reader_client.post(URL, json={"inputs": INPUTS | {name: text}})
        assert response.status_code == 422
        assert response.json()["errors"][0]["path"] == f"inputs.{name}"
    response = reader_client.post(URL, json={"inputs": INPUTS | {"question": "a " * 101}})
    assert response.status_code == 413
    assert response.json()["errors"][0]["path"] == "inputs.question"


def test_hugging_faces_own_client_works(reader_client: httpx.Client) -> None:
    hub = pytest.importorskip("huggingface_hub")
    address = str(reader_client.base_url).rstrip("/") + URL
    client = hub.InferenceClient(model=address, timeout=20)
    best = client.question_answering(**INPUTS)
    assert best.answer == INPUTS["context"][best.start : best.end]
    several = client.question_answering(**INPUTS, top_k=3, max_answer_len=2, align_to_words=True)
    assert [type(each) for each in several] == [type(best)] * 3
    assert several[0].score >= several[1].score
    with pytest.raises(hub.errors.HfHubHTTPError, match="422"):
        client.question_answering(**INPUTS, doc_stride=64)
