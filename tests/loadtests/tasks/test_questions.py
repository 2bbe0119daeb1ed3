import json
from pathlib import Path
from typing import Any

import pytest

from issrnn.reading.tokens import tokenize
from loadtests.tasks import RequestOptions, build_tasks
from loadtests.tasks.questions import QUESTIONS_FILE, Question, read_questions, within

QUESTIONS = read_questions()


def test_there_are_enough_passages_of_all_lengths() -> None:
    lengths = {question.context: question.context_words for question in QUESTIONS}
    short = [words for words in lengths.values() if words < 60]
    medium = [words for words in lengths.values() if 80 <= words <= 250]
    long = [words for words in lengths.values() if words >= 600]
    assert len(medium) >= 18
    assert len(short) >= 3
    assert len(long) >= 3
    assert len(short) + len(medium) + len(long) == len(lengths)


def test_each_passage_has_its_questions_and_each_question_its_answers() -> None:
    for context in {question.context for question in QUESTIONS}:
        asked = [question for question in QUESTIONS if question.context == context]
        assert 3 <= len(asked) <= 7
        assert len({question.text for question in asked}) == len(asked)
    for question in QUESTIONS:
        assert question.text.endswith("?")
        assert question.answers
        assert all(a in question.context and a == a.strip() for a in question.answers)
        assert all(len(answer.split()) <= 30 for answer in question.answers)


def test_each_passage_states_its_source() -> None:
    document = json.loads(QUESTIONS_FILE.read_text(encoding="utf-8"))
    assert "public domain" in document["origin"]
    sources = {article["source"] for article in document["data"]}
    assert "Written for this project" in sources
    assert all("public domain" in s or s == "Written for this project" for s in sources)


def test_every_question_can_be_answered_with_whole_tokens() -> None:
    for question in QUESTIONS:
        tokens = tokenize(question.context)
        starts, ends = {token.start for token in tokens}, {token.end for token in tokens}
        for answer in question.answers:
            start = question.context.index(answer)
            assert start in starts, answer
            assert start + len(answer) in ends, answer


def squad(context: str, *qas: dict[str, Any]) -> dict[str, Any]:
    return {"data": [{"title": "t", "paragraphs": [{"context": context, "qas": list(qas)}]}]}


def test_squad_files_are_read(tmp_path: Path) -> None:
    file = tmp_path / "own.json"
    answers = [{"text": "an ox", "answer_start": 6}, {"text": "ox", "answer_start": 9}]
    file.write_text(json.dumps(squad("It is an ox.", {"question": "What?", "answers": answers})))
    assert read_questions(file) == (Question("What?", "It is an ox.", ("an ox", "ox")),)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "cannot read the questions"),
        ("[]", "cannot read the questions"),
        ('{"data": [{"title": "t"}]}', "paragraphs"),
        (json.dumps(squad("It is an ox.")), "holds no question"),
        (
            json.dumps(
                squad(
                    "It is an ox.",
                    {"question": "What?", "answers": [{"text": "ox", "answer_start": 5}]},
                )
            ),
            "the answer 'ox' is not at 5",
        ),
    ],
)
def test_a_wrong_file_is_named(tmp_path: Path, content: str | None, said: str) -> None:
    file = tmp_path / "own.json"
    if content is not None:
        file.write_text(content)
    with pytest.raises(ValueError, match=said) as caught:
        read_questions(file)
    assert "own.json" in str(caught.value)


def test_passages_are_chosen_by_length() -> None:
    assert within(QUESTIONS, None) == QUESTIONS
    assert {question.context_words > 600 for question in within(QUESTIONS, (600, 999))} == {True}
    with pytest.raises(ValueError, match="--context-words 1 9: no passage has so many words"):
        within(QUESTIONS, (1, 9))


def test_tasks_are_built_with_their_options() -> None:
    tasks = build_tasks(("score", "answer"), RequestOptions(context_words=(80, 250)))
    assert list(tasks) == ["score", "answer"]
    with pytest.raises(ValueError, match="--context-words"):
        build_tasks(("answer",), RequestOptions(context_words=(1, 9)))
