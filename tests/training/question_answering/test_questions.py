"""Questions: every answer is found again as words of its text."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from issrnn.reading import Span, tokenize
from tests.training.question_answering.small_squad import write_squad
from training.errors import DataError
from training.question_answering.questions import QuestionSet, WordIds, make_questions
from training.question_answering.squad import Answer, Paragraph, Question, load_squad


@pytest.fixture
def train(tmp_path: Path) -> tuple[QuestionSet, list[str]]:
    words = WordIds()
    squad = load_squad(write_squad(tmp_path), "train")
    return make_questions(squad.paragraphs, words, "train"), list(words.ids)


def target(questions: QuestionSet, index: int) -> str:
    first, last = int(questions.starts[index]), int(questions.ends[index])
    return questions.answer_text(index, Span(first, last, 1.0))


def test_the_first_answer_of_each_question_is_the_target(
    train: tuple[QuestionSet, list[str]],
) -> None:
    questions, _ = train
    targets = [target(questions, index) for index in range(len(questions))]
    assert targets == ["1851-52", "Brown", "1860", "1860", "Bees", "5 p.m.", "noon"]
    assert questions.off_border == 1  # "186" is no word
    assert questions.answers[2] == ("1860", "in 1860")


def test_texts_are_kept_once_as_word_ids(train: tuple[QuestionSet, list[str]]) -> None:
    questions, words = train
    assert questions.context_of.tolist() == [0, 0, 0, 0, 1, 1, 1]
    assert [len(questions.contexts), len(questions.questions)] == [2, 7]
    for index, context in enumerate(questions.context_texts):
        expected = [token.text for token in tokenize(context)]
        assert [words[i] for i in questions.contexts[index]] == expected
    assert [words[i] for i in questions.questions[4]] == ["Who", "dances", "?"]
    assert len(set(words)) == len(words)


@given(st.text("ab1 .-'é\u0301", min_size=1, max_size=30), st.data())
def test_the_target_is_the_fewest_words_that_hold_the_answer(
    text: str, data: st.DataObject
) -> None:
    begin = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(begin + 1, len(text)))
    if not text[begin:end].strip():
        return
    answer = Answer(text[begin:end], begin)
    paragraph = Paragraph(text, (Question("q", "?", (answer,)),))
    questions = make_questions([paragraph], WordIds(), "train")
    covering = [t for t in tokenize(text) if t.end > begin and t.start < end]
    found = target(questions, 0)
    assert found == text[covering[0].start : covering[-1].end]
    assert questions.off_border == (found != answer.text.strip())


def test_a_text_without_words_is_refused() -> None:
    paragraph = Paragraph(" \n", (Question("q7", "?", (Answer(" ", 0),)),))
    with pytest.raises(DataError, match="dev: question q7 is on a text without words"):
        make_questions([paragraph], WordIds(), "dev")
