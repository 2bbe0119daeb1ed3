"""Questions that cannot be read are refused, and named."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from service.settings import Settings
from tests.service.problems import first_error
from tests.service.running import running_service

REQUEST = {"question": "Who fell?", "context": "The market fell."}


@pytest.mark.parametrize(
    ("changes", "path", "message"),
    [
        ({"question": ""}, "question", "must not be empty"),
        ({"question": " \t\u3000\n"}, "question", "white space alone"),
        ({"context": ""}, "context", "must not be empty"),
        ({"context": "\u2003\x1f"}, "context", "white space alone"),
        ({"context": "\u200b\ufeff"}, "context", "has no words"),
        ({"question": "\u200b"}, "question", "has no words"),
        ({"context": "a \ud800"}, "context", "lone surrogate"),
        ({"question": "a \udfff"}, "question", "lone surrogate"),
        ({"context": ["a"]}, "context", "string"),
        ({"context": None}, "context", "string"),
        ({"top_k": 0}, "top_k", "greater than 0"),
        ({"top_k": 51}, "top_k", "at most 50"),
        ({"max_answer_words": 0}, "max_answer_words", "greater than 0"),
        ({"topk": 1}, "topk", "not permitted"),
    ],
)
def test_a_wrong_field_is_named(
    reader_client: httpx.Client, changes: dict[str, Any], path: str, message: str
) -> None:
    headers = {"Content-Type": "application/json"}
    body = json.dumps(REQUEST | changes)  # as ASCII: httpx would not encode a lone surrogate
    error = first_error(reader_client.post("/answer", content=body, headers=headers), 422)
    assert error["path"] == path
    assert message in error["message"]


@pytest.mark.parametrize("missing", ["question", "context"])
def test_a_missing_field_is_named(reader_client: httpx.Client, missing: str) -> None:
    request = {name: text for name, text in REQUEST.items() if name != missing}
    assert first_error(reader_client.post("/answer", json=request), 422)["path"] == missing


@pytest.fixture(scope="module")
def strict(readers_dir: Path) -> Iterator[httpx.Client]:
    limits = {
        "max_question_chars": 60,
        "max_question_words": 8,
        "max_context_chars": 100,
        "max_context_words": 30,
    }
    settings = Settings.model_validate(
        {"models_dir": readers_dir, "port": 0, "pin_threads": False} | limits
    )
    with running_service(settings) as client:
        yield client


def test_too_long_texts_are_refused_with_the_limit(strict: httpx.Client) -> None:
    error = first_error(strict.post("/answer", json=REQUEST | {"context": "a" * 101}), 413)
    assert error == {"path": "context", "message": "101 characters; at most 100 are allowed"}
    error = first_error(strict.post("/answer", json=REQUEST | {"question": "a" * 61}), 413)
    assert error["path"] == "question"
    nine_words = REQUEST | {"question": "a b c d e f g h ?"}
    error = first_error(strict.post("/answer", json=nine_words), 413)
    assert error["message"] == "9 words; at most 8 are allowed (setting MAX_QUESTION_WORDS)"
    error = first_error(strict.post("/answer", json=REQUEST | {"context": "." + "!?" * 30}), 413)
    assert error["message"] == "61 words; at most 30 are allowed (setting MAX_CONTEXT_WORDS)"
    request = {"task": "answer", "request": nine_words}
    error = first_error(strict.post("/compare", json=request), 413)
    assert error["path"] == "request.question"


def test_a_large_context_fits_the_default_limits(reader_client: httpx.Client) -> None:
    context = "The stock market fell and it rose in the years. " * 4000
    response = reader_client.post("/answer", json=REQUEST | {"context": context})
    assert response.status_code == 200
    assert response.json()["windows"] > 1000
    [answer] = response.json()["answers"]
    assert answer["text"] == context[answer["start"] : answer["end"]]
