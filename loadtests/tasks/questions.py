"""The questions that simulated users ask, each with its passage."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["QUESTIONS_FILE", "Question", "read_questions", "within"]

QUESTIONS_FILE = Path(__file__).with_name("questions.json")
"""Passages and questions in the layout of SQuAD 1.1; the file says where they are from."""


@dataclass(frozen=True)
class Question:
    """A question and the passage that answers it."""

    text: str
    context: str
    answers: tuple[str, ...]
    """Spans of the context, any of which is right."""

    @property
    def context_words(self) -> int:
        """Words of the passage, by white space."""
        return len(self.context.split())

    @property
    def words(self) -> int:
        """Words of question and passage, by white space."""
        return self.context_words + len(self.text.split())


def read_questions(path: Path = QUESTIONS_FILE) -> tuple[Question, ...]:
    """Read a file in the layout of SQuAD 1.1 (https://arxiv.org/abs/1606.05250).

    Raises:
        ValueError: If the file cannot be read, has another layout, holds no question, or an
            answer that is not in its passage.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        questions = tuple(
            Question(qa["question"], paragraph["context"], _answers(paragraph["context"], qa))
            for article in document["data"]
            for paragraph in article["paragraphs"]
            for qa in paragraph["qas"]
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(f"cannot read the questions in {path}: {error!r}") from error
    if not questions:
        raise ValueError(f"{path} holds no question")
    return questions


def within(
    questions: Sequence[Question], context_words: tuple[int, int] | None
) -> tuple[Question, ...]:
    """Those whose passage has at least and at most so many words; None: all.

    Raises:
        ValueError: If none is left.
    """
    if context_words is None:
        return tuple(questions)
    least, most = context_words
    left = tuple(q for q in questions if least <= q.context_words <= most)
    if not left:
        known = sorted({question.context_words for question in questions})
        raise ValueError(
            f"--context-words {least} {most}: no passage has so many words; "
            f"they have {', '.join(map(str, known))}"
        )
    return left


def _answers(context: str, qa: dict[str, Any]) -> tuple[str, ...]:
    """The texts of the answers, each checked to stand where it is said to."""
    for answer in qa["answers"]:
        if not context.startswith(answer["text"], answer["answer_start"]):
            raise ValueError(f"the answer {answer['text']!r} is not at {answer['answer_start']}")
    return tuple(answer["text"] for answer in qa["answers"])
