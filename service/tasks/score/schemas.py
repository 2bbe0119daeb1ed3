"""Requests and responses of the task score."""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field

from service.schemas import ResponseModel, Several, TaskRequest, Text, Timing

__all__ = [
    "ComparedText",
    "Difference",
    "ScoreRequest",
    "ScoreResponse",
    "TextScore",
    "TokenScore",
    "TopWord",
]


class ScoreRequest(TaskRequest):
    """Texts to score."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"texts": ["The company said it won't sell its stake."], "top_k": 3},
                {
                    "texts": ["the company said", "it rose N N"],
                    "model": "ptb-lstm-small-iss",
                    "pretokenized": True,
                    "carry_state": True,
                    "tokens": False,
                },
            ]
        }
    )

    texts: Several[Text]
    """Sentences, or with ``carry_state`` the consecutive lines of one document."""
    pretokenized: bool = False
    """The texts are in the model's own form already and are split on white space."""
    carry_state: bool = False
    """The texts are consecutive lines of one document."""
    tokens: bool = True
    """Give every token's log-probability."""
    top_k: Annotated[int, Field(ge=0)] = 0
    """With ``tokens``: give this many of the likeliest words at each."""


class TopWord(ResponseModel):
    """A likely word."""

    text: str
    log_prob: float


class TokenScore(ResponseModel):
    """A predicted token; the final ``<eos>`` has start = end = length of the text."""

    text: str
    """The vocabulary's word: ``<unk>`` for a word it lacks."""
    start: int
    """First character in the text as posted."""
    end: int
    """One past the last."""
    log_prob: float
    """Natural logarithm of its probability."""
    top: list[TopWord]
    """The ``top_k`` likeliest words here, best first."""


class TextScore(ResponseModel):
    """One text's score."""

    log_prob: float
    """Natural logarithm of the text's probability."""
    perplexity: float
    """exp(-log_prob / token_count)."""
    token_count: int
    """Predicted tokens, the final ``<eos>`` included."""
    unknown_count: int
    """How many of them are not in the vocabulary."""
    tokens: list[TokenScore]
    """Empty unless asked for."""


class ScoreResponse(ResponseModel):
    """Scores in the order of the texts."""

    model: str
    scores: list[TextScore]
    timing_ms: Timing


class Difference(ResponseModel):
    """A token that the models find differently likely."""

    position: int
    """Index among the text's tokens."""
    text: str
    """The word as it was read, also if it is not in the vocabulary."""
    start: int
    end: int
    log_probs: dict[str, float]
    """By model."""
    spread: float
    """Largest minus smallest."""


class ComparedText(ResponseModel):
    """Where the models differ in one text."""

    index: int
    log_probs: dict[str, float]
    perplexities: dict[str, float]
    comparable: bool
    """False if the models' vocabularies cut the text into different tokens."""
    largest: list[Difference]
    """Tokens with the largest spread, largest first."""
