"""Texts that cannot be classified are refused, and named; what nobody waits for is not read on."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from service.settings import Settings
from tests.service.conftest import Gate
from tests.service.problems import first_error
from tests.service.running import running_service


@pytest.mark.parametrize(
    ("body", "path", "message"),
    [
        ({"texts": ["a", "b", "c", ""]}, "texts[3]", "must not be empty"),
        ({"texts": [" \t\u3000\n"]}, "texts[0]", "white space alone"),
        ({"texts": ["a", "\u200b\ufeff"]}, "texts[1]", "has no words"),
        ({"texts": ["a", "<br /><BR>"]}, "texts[1]", "has no words, only line breaks"),
        ({"texts": ["a \ud800"]}, "texts[0]", "lone surrogate"),
        ({"texts": ["a", 3]}, "texts[1]", "string"),
        ({"texts": "a"}, "texts", "list"),
        ({"texts": []}, "texts", "at least 1 item"),
        ({}, "texts", "required"),
        ({"texts": ["a"], "top_k": 2}, "top_k", "not permitted"),
    ],
)
def test_a_wrong_field_is_named(
    classifier_client: httpx.Client, body: dict[str, Any], path: str, message: str
) -> None:
    headers = {"Content-Type": "application/json"}
    content = json.dumps(body)  # as ASCII: httpx would not encode a lone surrogate
    error = first_error(classifier_client.post("/classify", content=content, headers=headers), 422)
    assert error["path"] == path
    assert message in error["message"]


@pytest.fixture(scope="module")
def strict(classifiers_dir: Path) -> Iterator[httpx.Client]:
    limits = {"max_texts": 3, "max_text_chars": 20}
    settings = Settings.model_validate(
        {"models_dir": classifiers_dir, "port": 0, "pin_threads": False} | limits
    )
    with running_service(settings) as client:
        yield client


def test_too_many_and_too_long_texts_are_refused_with_the_limit(strict: httpx.Client) -> None:
    error = first_error(strict.post("/classify", json={"texts": ["a"] * 4}), 413)
    assert error == {"path": "texts", "message": "4 texts; at most 3 are allowed"}
    error = first_error(strict.post("/classify", json={"texts": ["a", "b" * 21]}), 413)
    assert error == {"path": "texts[1]", "message": "21 characters; at most 20 are allowed"}
    request = {"task": "classify", "request": {"texts": ["a", "b" * 21]}}
    assert first_error(strict.post("/compare", json=request), 413)["path"] == "request.texts[1]"


def test_a_large_text_fits_the_default_limits(classifier_client: httpx.Client) -> None:
    text = "The stock market fell and it rose in the years. " * 4000
    response = classifier_client.post("/classify", json={"texts": [text, "it fell"]})
    assert response.status_code == 200
    assert response.json()["results"][0]["word_count"] == 44_000


def test_a_long_text_of_a_client_that_went_away_is_not_read_on(
    settings_for: Callable[..., Settings], classifiers_dir: Path, gate: Gate
) -> None:
    changes = {"models_dir": classifiers_dir, "models": ["mood-dense"]}
    with running_service(settings_for(**changes)) as client:
        with pytest.raises(httpx.ReadTimeout):
            client.post("/classify", json={"texts": ["the " * 640]}, timeout=0.5)
        while 'status="499"' not in client.get("/metrics").text:
            pass
        client.get("/health/live")  # the loop takes the work back right after it has counted
        gate.open.set()
        answer = client.post("/classify", json={"texts": ["the market fell"]})
        assert answer.status_code == 200
    assert [sum(item.length for item in batch) for batch in gate.batches] == [64, 3]
