import json
from random import Random
from typing import Any

import pytest

from loadtests.replies import Reply, read_reply
from loadtests.tasks.deck import Deck
from loadtests.tasks.score import ScoreTask
from tests.loadtests.fake_service import score_body

TASK = ScoreTask(Deck(("One.", "Two.")), texts_per_request=2, token_details=False)
CALL = TASK.draw(Random(1))


def reply_to(body: dict[str, Any], **changes: Any) -> Reply:
    given: dict[str, Any] = {"status": 200, "model_header": "iss", "model": "iss"} | changes
    return read_reply(body=json.dumps(body).encode(), call=CALL, **given)


def test_a_right_answer_gives_its_tokens_and_times() -> None:
    reply = reply_to(score_body("iss", 2))
    assert (reply.outcome, reply.problem, reply.tokens, reply.right) == ("ok", "", 10, None)
    assert (reply.queue_ms, reply.compute_ms) == (0.25, 1.5)


@pytest.mark.parametrize("status", [429, 503, 504])
def test_a_service_that_protects_itself_refuses(status: int) -> None:
    reply = reply_to({}, status=status)
    assert (reply.outcome, reply.problem) == ("refused", f"HTTP {status}")


@pytest.mark.parametrize("status", [0, 404, 422, 500])
def test_other_statuses_are_failures(status: int) -> None:
    assert reply_to({}, status=status).outcome == "failed"


def test_an_answer_of_another_model_is_a_failure() -> None:
    reply = reply_to(score_body("dense", 2), model_header="dense")
    assert reply.outcome == "failed"
    assert reply.problem == "asked for iss, X-Model is dense"
    assert reply_to(score_body("dense", 2), model_header="dense", model=None).outcome == "ok"


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"scores": None}, "not the contract's answer: TypeError"),
        ({"timing_ms": {}}, "not the contract's answer: KeyError queue"),
        ({"scores": []}, "0 scores for 2 texts"),
    ],
)
def test_an_answer_that_breaks_the_contract_is_a_failure(
    changes: dict[str, Any], problem: str
) -> None:
    reply = reply_to(score_body("iss", 2) | changes)
    assert reply.outcome == "failed"
    assert reply.problem.startswith(problem)


@pytest.mark.parametrize("body", [None, b"", b"<html>", b"[]", b"3"])
def test_a_body_that_is_no_json_object_is_a_failure(body: bytes | None) -> None:
    assert read_reply(200, "iss", body, "iss", CALL).outcome == "failed"
