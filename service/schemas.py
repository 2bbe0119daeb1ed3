"""Requests and responses of the HTTP contract."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

__all__ = [
    "CompareRequest",
    "CompareResponse",
    "ComparedModel",
    "ComparedText",
    "Difference",
    "ModelCost",
    "ModelInfo",
    "ModelList",
    "ScoreRequest",
    "ScoreResponse",
    "Text",
    "TextScore",
    "Timing",
    "TokenScore",
    "TopWord",
    "check_unicode",
]

Task = Literal["score", "answer", "classify"]


def check_unicode(text: str) -> str:
    """Give the text back; JSON can name half a character, which no answer could repeat.

    Raises:
        ValueError: If there is a lone surrogate.
    """
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise ValueError(f"character {error.start} is a lone surrogate") from None
    return text


Text = Annotated[str, AfterValidator(check_unicode)]
"""Any text that can be encoded."""


class _Request(BaseModel):
    """A misspelt field is an error, not a default silently kept."""

    model_config = ConfigDict(extra="forbid", protected_namespaces=())


class _Response(BaseModel):
    model_config = ConfigDict(protected_namespaces=())


class ScoreRequest(_Request):
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

    texts: Annotated[list[Text], Field(min_length=1)]
    """Sentences, or with ``carry_state`` the consecutive lines of one document."""
    model: str | None = None
    """Model name; without it the traffic split chooses."""
    pretokenized: bool = False
    """The texts are in the model's own form already and are split on white space."""
    carry_state: bool = False
    """The texts are consecutive lines of one document."""
    tokens: bool = True
    """Give every token's log-probability."""
    top_k: Annotated[int, Field(ge=0)] = 0
    """With ``tokens``: give this many of the likeliest words at each."""


class TopWord(_Response):
    """A likely word."""

    text: str
    log_prob: float


class TokenScore(_Response):
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


class TextScore(_Response):
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


class Timing(_Response):
    """Where the time went, in milliseconds."""

    queue: float
    """Waiting for the model, before and between chunks."""
    compute: float
    """In batches that held a part of this request."""
    total: float
    """From the parsed request to the response."""


class ScoreResponse(_Response):
    """Scores in the order of the texts."""

    model: str
    scores: list[TextScore]
    timing_ms: Timing


class ModelInfo(_Response):
    """A model as it is served."""

    name: str
    task: Task | None = None
    variant: str | None = None
    """Such as ``dense`` or ``iss``."""
    state: Literal["loading", "ready", "failed"]
    error: str | None = None
    """Why it failed, or why its last reload was refused."""
    engine: str | None = None
    architecture: dict[str, Any] | None = None
    hidden_sizes: list[int] | None = None
    """ISS sizes: hidden units of each layer."""
    dense_hidden_sizes: list[int] | None = None
    """The same before shrinking; null if it was not shrunk."""
    parameters: int | None = None
    multiply_adds: int | None = None
    """For one token."""
    bytes: int | None = None
    """Of the weights on disk."""
    engine_bytes: int | None = None
    """Of the weights in the engine's precision."""
    metrics: dict[str, float] | None = None
    """Measured with this engine's precision; keys ending in ``_fp32`` were measured in fp32."""
    provenance: dict[str, Any] | None = None
    """How it was made; only for a single model."""


class ModelList(_Response):
    """All models."""

    models: list[ModelInfo]


class CompareRequest(_Request):
    """One request for several models of a task."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"task": "score", "request": {"texts": ["The company said it won't sell."]}}
            ]
        }
    )

    task: Task
    models: Annotated[list[str], Field(min_length=1)] | None = None
    """Names; null: all that are ready. The first is the reference."""
    request: ScoreRequest
    """What to post to each; its ``model`` must be null."""


class ModelCost(_Response):
    """What one model's answer took."""

    model: str
    variant: str
    engine: str
    latency_ms: float
    """From this model's turn to its answer; models are asked one after the other."""
    parameters: int
    bytes: int
    engine_bytes: int
    multiply_adds: int


class ComparedModel(ModelCost):
    """One model's answer and cost."""

    response: ScoreResponse


class Difference(_Response):
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


class ComparedText(_Response):
    """Where the models differ in one text."""

    index: int
    log_probs: dict[str, float]
    perplexities: dict[str, float]
    comparable: bool
    """False if the models' vocabularies cut the text into different tokens."""
    largest: list[Difference]
    """Tokens with the largest spread, largest first."""


class CompareResponse(_Response):
    """All answers side by side."""

    task: Task
    reference: str
    results: list[ComparedModel]
    differences: list[ComparedText]
