from random import Random
from typing import Any

import pytest

from loadtests.tasks import ContractError
from loadtests.tasks.deck import Deck
from loadtests.tasks.score import ScoreTask
from tests.loadtests.fake_service import score_body

TASK = ScoreTask(Deck(("One.", "Two.")), texts_per_request=3, token_details=True)


def test_a_request_holds_sentences() -> None:
    call = TASK.draw(Random(1))
    assert call.path == "/score"
    assert call.body["tokens"] is True
    assert len(call.body["texts"]) == 3
    assert set(call.body["texts"]) == {"One.", "Two."}


def test_the_scored_tokens_are_counted() -> None:
    assert TASK.draw(Random(1)).read(score_body("iss", 3)).tokens == 15


@pytest.mark.parametrize(
    ("scores", "problem"),
    [
        ([], "0 scores for 3 texts"),
        ([{"token_count": 3, "log_prob": float("nan")}] * 3, "a log_prob is not finite"),
    ],
)
def test_wrong_values_break_the_contract(scores: list[Any], problem: str) -> None:
    with pytest.raises(ContractError, match=problem):
        TASK.draw(Random(1)).read({"scores": scores})


def test_missing_fields_are_noticed() -> None:
    with pytest.raises(KeyError, match="log_prob"):
        TASK.draw(Random(1)).read({"scores": [{"token_count": 3}]})
