"""Questions on texts as numbers: words by their ids, answers by their first and last word."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from issrnn.reading.spans import Span
from issrnn.reading.tokens import Token, tokenize
from training.errors import DataError
from training.progress import progress_bar
from training.question_answering.squad import Paragraph
from training.texts import Ids, Texts

__all__ = ["QuestionSet", "WordIds", "make_questions"]


class WordIds:
    """Gives each distinct word an id, in order of appearance."""

    def __init__(self) -> None:
        """Start without words."""
        self.ids: dict[str, int] = {}

    def of(self, tokens: Iterable[Token]) -> list[int]:
        """The id of each token's text."""
        return [self.ids.setdefault(token.text, len(self.ids)) for token in tokens]


@dataclass(frozen=True, eq=False)
class QuestionSet:
    """The n questions of a split, and the P texts they are on."""

    contexts: Texts
    """Of P texts."""
    places: NDArray[np.int32]
    """(total, 2): the first character of each context word in its text, and the one after it."""
    questions: Texts
    """Of n questions."""
    context_of: Ids
    """(n,): the text a question is on."""
    starts: Ids
    """(n,): first word of the first true answer, in its context."""
    ends: Ids
    """(n,): last word of the first true answer, inclusive."""
    off_border: int
    """Questions whose first answer does not begin and end with a word; the words it lies in stand
    for it."""
    context_texts: tuple[str, ...]
    """The P texts themselves."""
    answers: tuple[tuple[str, ...], ...]
    """Of each question, what people answered."""
    ids: tuple[str, ...]
    """Name of each question."""

    def __len__(self) -> int:
        """How many questions there are."""
        return len(self.questions)

    def answer_text(self, index: int, span: Span) -> str:
        """The characters of a question's context that a span stands for."""
        context = int(self.context_of[index])
        before = self.contexts.borders[context]
        start, end = self.places[before + span.first, 0], self.places[before + span.last, 1]
        return self.context_texts[context][int(start) : int(end)]


def make_questions(paragraphs: Sequence[Paragraph], words: WordIds, name: str) -> QuestionSet:
    """Split texts and questions into words and find the answers among them.

    Args:
        paragraphs: Whole texts.
        words: Gets the words that it does not have yet.
        name: Of the split, for the progress bar.

    Raises:
        DataError: If there are questions on a text without words.
    """
    paragraphs = [paragraph for paragraph in paragraphs if paragraph.qas]
    contexts: list[list[int]] = []
    questions: list[list[int]] = []
    context_of: list[int] = []
    places: list[tuple[int, int]] = []
    spans: list[tuple[int, int]] = []
    off_border = 0
    with progress_bar(f"{name} words", len(paragraphs), "text") as bar:
        for index, paragraph in enumerate(paragraphs):
            tokens = tokenize(paragraph.context)
            if not tokens:
                raise DataError(
                    f"{name}: question {paragraph.qas[0].id} is on a text without words"
                )
            contexts.append(words.of(tokens))
            places.extend((token.start, token.end) for token in tokens)
            starts, ends = np.array([(token.start, token.end) for token in tokens]).T
            for question in paragraph.qas:
                answer = question.answers[0]
                first, last, on_border = _find(starts, ends, answer.text, answer.answer_start)
                spans.append((first, last))
                off_border += not on_border
                context_of.append(index)
                questions.append(words.of(tokenize(question.question)))
            bar.update()
    asked = [question for paragraph in paragraphs for question in paragraph.qas]
    first_words, last_words = np.array(spans, np.int32).reshape(-1, 2).T.copy()
    return QuestionSet(
        contexts=Texts.join(contexts),
        places=np.array(places, np.int32).reshape(-1, 2),
        questions=Texts.join(questions),
        context_of=np.array(context_of, np.int32),
        starts=first_words,
        ends=last_words,
        off_border=off_border,
        context_texts=tuple(paragraph.context for paragraph in paragraphs),
        answers=tuple(tuple(answer.text for answer in question.answers) for question in asked),
        ids=tuple(question.id for question in asked),
    )


def _find(
    starts: NDArray[np.int64], ends: NDArray[np.int64], answer: str, answer_start: int
) -> tuple[int, int, bool]:
    """First and last word that an answer lies in, and whether it begins and ends with them."""
    begin = answer_start + len(answer) - len(answer.lstrip())
    end = answer_start + len(answer.rstrip())
    last_word = len(starts) - 1
    first = min(int(np.searchsorted(ends, begin, side="right")), last_word)
    last = max(int(np.searchsorted(starts, end, side="left")) - 1, first)
    return first, last, bool(starts[first] == begin and ends[last] == end)
