from random import Random
from typing import Any

import pytest

from loadtests.tasks import ContractError, RequestOptions, build_tasks
from loadtests.tasks.classify import ClassifyTask
from loadtests.tasks.deck import Deck
from loadtests.tasks.reviews import Review
from tests.loadtests.fake_service import classify_body

REVIEW = Review("What a wonderful film!", "positive")
TASK = ClassifyTask(Deck((REVIEW,)), texts_per_request=2)


def result(label: str, **scores: float) -> dict[str, Any]:
    return {"label": label, "score": scores[label], "scores": scores}


GOOD = result("positive", negative=0.25, positive=0.75)
BAD = result("negative", negative=0.75, positive=0.25)


def read(*results: dict[str, Any]) -> Any:
    return TASK.draw(Random(1)).read({"results": list(results)})


def test_a_request_holds_reviews() -> None:
    call = TASK.draw(Random(1))
    assert call.path == "/classify"
    assert call.body == {"texts": [REVIEW.text] * 2}
    options = RequestOptions(texts_per_request=3)
    built = build_tasks(["classify"], options)["classify"].draw(Random(1))
    assert len(built.body["texts"]) == 3


def test_an_answer_is_right_if_all_its_labels_are() -> None:
    assert read(GOOD, GOOD).right is True
    assert read(GOOD, BAD).right is False
    other = result("shares", shares=0.9, bonds=0.1)
    assert read(other, other).right is None


def test_the_words_of_all_reviews_are_counted() -> None:
    assert read(GOOD, BAD).tokens == 4 + 4


def test_what_the_stand_in_says_keeps_the_contract() -> None:
    assert read(*classify_body("m", 2)["results"]).right is True


@pytest.mark.parametrize(
    ("results", "problem"),
    [
        ([GOOD], "1 results for 2 texts"),
        ([GOOD, result("positive", positive=1.5, negative=-0.5)], "a score is no probability"),
        ([GOOD, result("positive", positive=float("nan"))], "a score is no probability"),
        ([GOOD, result("positive", positive=0.7, negative=0.2)], "the scores do not add to 1"),
        ([GOOD, GOOD | {"label": "negative"}], "label and score are not the likeliest"),
        ([GOOD, result("negative", negative=0.25, positive=0.75)], "not the likeliest"),
        ([GOOD, GOOD | {"score": 0.5}], "label and score are not the likeliest"),
    ],
)
def test_wrong_values_break_the_contract(results: list[dict[str, Any]], problem: str) -> None:
    with pytest.raises(ContractError, match=problem):
        read(*results)


def test_missing_and_mistyped_fields_are_noticed() -> None:
    with pytest.raises(KeyError, match="scores"):
        read(GOOD, {"label": "positive", "score": 0.75})
    with pytest.raises(KeyError, match="joyful"):
        read(GOOD, GOOD | {"label": "joyful"})
    with pytest.raises(TypeError):
        read(GOOD, GOOD | {"scores": {"positive": "0.75"}})
