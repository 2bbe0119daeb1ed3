import json
from typing import Any

import pytest

from loadtests.answers import read_answer
from tests.loadtests.fake_service import score_body


def answer_to(body: dict[str, Any], **changes: Any) -> Any:
    given: dict[str, Any] = {
        "status": 200,
        "model_header": "iss",
        "variant": "iss",
        "texts": 1,
    } | changes
    return read_answer(body=json.dumps(body).encode(), **given)


def test_a_right_answer_gives_its_tokens_and_times() -> None:
    answer = answer_to(score_body("iss", 2), texts=2)
    assert (answer.outcome, answer.problem, answer.tokens) == ("ok", "", 10)
    assert (answer.queue_ms, answer.compute_ms) == (0.25, 1.5)


@pytest.mark.parametrize("status", [429, 503, 504])
def test_a_service_that_protects_itself_refuses(status: int) -> None:
    answer = answer_to({}, status=status)
    assert (answer.outcome, answer.problem) == ("refused", f"HTTP {status}")


@pytest.mark.parametrize("status", [0, 404, 422, 500])
def test_other_statuses_are_failures(status: int) -> None:
    assert answer_to({}, status=status).outcome == "failed"


def test_an_answer_of_another_model_is_a_failure() -> None:
    answer = answer_to(score_body("dense"), model_header="dense")
    assert answer.outcome == "failed"
    assert answer.problem == "asked for iss, X-Model is dense"
    assert answer_to(score_body("dense"), model_header="dense", variant=None).outcome == "ok"


@pytest.mark.parametrize(
    "changes",
    [
        {"scores": []},
        {"scores": None},
        {"scores": [{"token_count": 3}]},
        {"scores": [{"token_count": 3, "log_prob": float("nan")}]},
        {"timing_ms": {}},
    ],
)
def test_an_answer_that_breaks_the_contract_is_a_failure(changes: dict[str, Any]) -> None:
    answer = answer_to(score_body("iss") | changes)
    assert answer.outcome == "failed"
    assert answer.problem


@pytest.mark.parametrize("body", [None, b"", b"<html>", b"[]"])
def test_a_body_that_is_no_json_object_is_a_failure(body: bytes | None) -> None:
    assert read_answer(200, "iss", body, "iss", 1).outcome == "failed"
