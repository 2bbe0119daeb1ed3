"""Requests and responses of the task answer."""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field, PositiveInt

from service.schemas import NonBlankText, ResponseModel, TaskRequest, Timing

__all__ = ["Answer", "AnswerRequest", "AnswerResponse", "ComparedAnswer"]


class AnswerRequest(TaskRequest):
    """A question, and the text in which its answer stands."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "question": "When did the bridge open?",
                    "context": "The bridge was begun in 1869. It opened on May 24, 1883, and was "
                    "then the longest of its kind.",
                    "top_k": 3,
                }
            ]
        }
    )

    question: NonBlankText
    context: NonBlankText
    """However long: it is read in overlapping windows."""
    top_k: PositiveInt = 1
    """Give this many answers at most; they do not overlap."""
    max_answer_words: PositiveInt | None = None
    """Longest answer; null: the model's own longest, which cannot be exceeded."""


class Answer(ResponseModel):
    """A part of the context that may be the answer."""

    text: str
    """``context[start:end]``."""
    start: int
    """First character in the context, in Unicode code points."""
    end: int
    """One past the last."""
    score: Annotated[float, Field(ge=0.0, le=1.0)]
    """Probability among all parts of the context that may be answers."""


class AnswerResponse(ResponseModel):
    """Answers, best first; fewer than asked for if the context has no more."""

    model: str
    answers: list[Answer]
    windows: int
    """In how many windows the context was read."""
    timing_ms: Timing


class ComparedAnswer(ResponseModel):
    """How a model's best answer differs from the reference's."""

    model: str
    same: bool
    """Whether it is the same part of the context."""
    overlap: Annotated[float, Field(ge=0.0, le=1.0)]
    """Characters in both best answers, over those in either."""
    score_change: float
    """The score of this model's best answer, less that of the reference's."""
