"""What requests and responses of the HTTP contract have in common, and the models' own."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    ValidationError,
    model_validator,
)

__all__ = [
    "ModelCost",
    "ModelInfo",
    "ModelList",
    "NonBlankText",
    "ResponseModel",
    "Several",
    "StrictModel",
    "TaskName",
    "TaskRequest",
    "Text",
    "Timing",
    "check_unicode",
]

TaskName = Literal["score", "answer", "classify"]


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


def _not_blank(text: str) -> str:
    if not text or text.isspace():
        raise ValueError("must not be empty or white space alone")
    return text


Text = Annotated[str, AfterValidator(check_unicode)]
"""Any text that can be encoded."""

NonBlankText = Annotated[Text, AfterValidator(_not_blank)]
"""Text with something in it."""


ItemT = TypeVar("ItemT")

Several = Annotated[list[ItemT], Field(min_length=1, fail_fast=True)]
"""At least one; of many wrong items the first alone is reported."""

_MOST_ERRORS = 20


class StrictModel(BaseModel):
    """A part of a request: a misspelt field is an error, not a default silently kept.

    Errors are few, however many a body holds: to list them takes far longer than to read it.
    """

    model_config = ConfigDict(extra="forbid", protected_namespaces=())

    @model_validator(mode="wrap")
    @classmethod
    def _with_few_errors(cls, value: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        try:
            return handler(value)
        except ValidationError as error:
            if error.error_count() <= _MOST_ERRORS:
                raise
            count = error.error_count()
        raise ValueError(f"{count} fields are wrong or unknown")


class TaskRequest(StrictModel):
    """A request to a model of some task."""

    model: str | None = None
    """Model name; without it the traffic split chooses."""


class ResponseModel(BaseModel):
    """A part of a response."""

    model_config = ConfigDict(protected_namespaces=())


class Timing(ResponseModel):
    """Where the time went, in milliseconds."""

    queue: float
    """Waiting for the model, before and between chunks."""
    compute: float
    """In batches that held a part of this request."""
    total: float
    """From the parsed request to the response."""


class ModelInfo(ResponseModel):
    """A model as it is served."""

    name: str
    task: TaskName | None = None
    variant: str | None = None
    """Such as ``dense`` or ``iss``."""
    state: Literal["loading", "ready", "failed"]
    error: str | None = None
    """Why it failed, or why its last reload was refused."""
    engine: str | None = None
    architecture: dict[str, Any] | None = None
    hidden_sizes: list[int] | None = None
    """ISS sizes: hidden units of each layer (and direction)."""
    layer_names: list[str] | None = None
    """Which layer (and direction) each of these is."""
    dense_hidden_sizes: list[int] | None = None
    """The same before shrinking; null if it was not shrunk."""
    labels: list[str] | None = None
    """For the task classify: the labels it tells apart."""
    reading: dict[str, int] | None = None
    """For the task answer: words of a window, of an overlap, and of the longest answer."""
    word_vectors: str | None = None
    """The file of frozen vectors it reads words as; they are none of its parameters."""
    parameters: int | None = None
    multiply_adds: int | None = None
    """For one token; of sparse matrices as many as of dense ones, but on an engine with ``csr``."""
    bytes: int | None = None
    """Of the weights on disk."""
    engine_bytes: int | None = None
    """Of the weights in the engine's precision."""
    metrics: dict[str, float] | None = None
    """Measured with this engine's precision; keys ending in ``_fp32`` were measured in fp32."""
    provenance: dict[str, Any] | None = None
    """How it was made; only for a single model."""


class ModelList(ResponseModel):
    """All models."""

    models: list[ModelInfo]


class ModelCost(ResponseModel):
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
