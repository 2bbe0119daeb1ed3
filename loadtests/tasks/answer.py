"""``POST /answer``: the span of a passage that answers a question."""

from __future__ import annotations

import re
import string
from dataclasses import dataclass
from itertools import pairwise
from random import Random
from typing import Any

from loadtests.tasks.call import Call, Content, ContractError
from loadtests.tasks.deck import Deck
from loadtests.tasks.questions import Question

__all__ = ["AnswerTask", "normalise"]

_ROUNDING = 1e-5
"""By how much the sum of probabilities computed in float32 may exceed 1."""


@dataclass(frozen=True)
class AnswerTask:
    """Posts questions with their passages."""

    questions: Deck[Question]
    top_k: int
    """Spans asked for."""

    def draw(self, random: Random) -> Call:
        """A question."""
        asked = self.questions.deal(random)
        body = {"question": asked.text, "context": asked.context, "top_k": self.top_k}
        return Call("answer", body, lambda document: self._read(document, asked))

    def _read(self, document: Any, asked: Question) -> Content:
        answers = document["answers"]
        if not 1 <= len(answers) <= self.top_k:
            raise ContractError(f"{len(answers)} answers for top_k {self.top_k}")
        for answer in answers:
            start, end = answer["start"], answer["end"]
            if not 0 <= start < end <= len(asked.context):
                raise ContractError("start and end are no span of the context")
            if answer["text"] != asked.context[start:end]:
                raise ContractError("text is not context[start:end]")
            if not 0.0 <= answer["score"] <= 1.0:
                raise ContractError("a score is no probability")
        scores = [answer["score"] for answer in answers]
        if sum(scores) > 1.0 + _ROUNDING:
            raise ContractError("the scores add to more than 1")
        if scores != sorted(scores, reverse=True):
            raise ContractError("the scores are not best first")
        spans = sorted((answer["start"], answer["end"]) for answer in answers)
        if any(first[1] > second[0] for first, second in pairwise(spans)):
            raise ContractError("answers overlap")
        right = normalise(answers[0]["text"]) in map(normalise, asked.answers)
        return Content(tokens=asked.words, right=right)


def normalise(text: str) -> str:
    """An answer without case, punctuation, articles and spare space, for exact match.

    As in SQuAD 1.1's official evaluation (https://github.com/rajpurkar/SQuAD-explorer,
    evaluate-v1.1.py).
    """
    bare = text.lower().translate(str.maketrans("", "", string.punctuation))
    return " ".join(re.sub(r"\b(a|an|the)\b", " ", bare).split())
