import itertools
from random import Random
from typing import Any

import pytest

from issrnn.reading.scores import exact_match
from loadtests.tasks import ContractError
from loadtests.tasks.answer import AnswerTask, normalise
from loadtests.tasks.deck import Deck
from loadtests.tasks.questions import Question, read_questions
from tests.loadtests.fake_service import answer_body

CONTEXT = "𐤀 means an ox. The ox became A in Rome."
QUESTION = Question("Where did it become A?", CONTEXT, ("Rome", "in Rome"))
TASK = AnswerTask(Deck((QUESTION,)), top_k=2)


def span(words: str, score: float, **changes: Any) -> dict[str, Any]:
    start = CONTEXT.index(words)
    return {"text": words, "start": start, "end": start + len(words), "score": score} | changes


def read(*answers: dict[str, Any]) -> Any:
    return TASK.draw(Random(1)).read({"answers": list(answers)})


def test_a_request_is_a_question_on_its_passage() -> None:
    call = TASK.draw(Random(1))
    assert call.path == "/answer"
    assert call.body == {"question": QUESTION.text, "context": CONTEXT, "top_k": 2}


def test_a_right_answer_is_told_from_a_wrong_one() -> None:
    assert read(span("in Rome", 0.5), span("an ox", 0.2)).right is True
    assert read(span("an ox", 0.5), span("in Rome", 0.2)).right is False
    assert read(span("Rome.", 0.5)).right is True


def test_the_words_of_question_and_passage_are_counted() -> None:
    assert read(span("Rome", 1.0)).tokens == 10 + 5


def test_what_the_stand_in_says_keeps_the_contract() -> None:
    read(*answer_body("m", CONTEXT, 2)["answers"])


@pytest.mark.parametrize(
    ("answers", "problem"),
    [
        ([], "0 answers for top_k 2"),
        ([span("an", 0.3), span("ox", 0.2), span("Rome", 0.1)], "3 answers for top_k 2"),
        ([span("Rome", 0.5, text="Roma")], r"text is not context\[start:end\]"),
        ([span("means", 0.5, start=3, end=8)], r"text is not context\[start:end\]"),
        ([span("Rome", 0.5, start=-5, end=-1)], "no span of the context"),
        ([span("Rome", 0.5, text="", end=35, start=35)], "no span of the context"),
        ([span("Rome.", 0.5, end=len(CONTEXT) + 1)], "no span of the context"),
        ([span("Rome", 1.5)], "a score is no probability"),
        ([span("Rome", float("nan"))], "a score is no probability"),
        ([span("Rome", -3.2)], "a score is no probability"),
        ([span("Rome", 0.7), span("ox", 0.6)], "the scores add to more than 1"),
        ([span("Rome", 0.2), span("ox", 0.6)], "the scores are not best first"),
        ([span("in Rome", 0.6), span("Rome", 0.2)], "answers overlap"),
    ],
)
def test_wrong_values_break_the_contract(answers: list[dict[str, Any]], problem: str) -> None:
    with pytest.raises(ContractError, match=problem):
        read(*answers)


def test_missing_and_mistyped_fields_are_noticed() -> None:
    with pytest.raises(KeyError, match="score"):
        read({"text": "𐤀", "start": 0, "end": 1})
    with pytest.raises(TypeError):
        read(span("Rome", 0.5, start="34"))


def test_answers_are_compared_as_in_squad() -> None:
    assert normalise("The  Delta-Works!") == normalise("deltaworks") == "deltaworks"
    assert normalise("a cake") == "cake"
    assert normalise("Theatre, and another") == "theatre and another"


def test_a_right_answer_is_an_exact_match_to_those_who_train() -> None:
    texts = [text for question in read_questions() for text in question.answers]
    texts += ["", "!", "The", "a-n", "An  ox.", "\u201can ox\u201d", "ﬁve", "İ", "4,000", "the\nox"]
    for first, second in itertools.pairwise([*texts, *map(str.upper, texts)]):
        for truth in (first, second, f"the {first}!"):
            assert exact_match(first, [truth]) == (normalise(first) == normalise(truth))
