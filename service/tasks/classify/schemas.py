"""Requests and responses of the task classify."""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field

from service.schemas import NonBlankText, ResponseModel, Several, TaskRequest, Timing

__all__ = ["ClassifyRequest", "ClassifyResponse", "ComparedLabels", "TextLabel"]

Probability = Annotated[float, Field(ge=0.0, le=1.0)]


class ClassifyRequest(TaskRequest):
    """Texts to label."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "texts": [
                        "A warm and funny film, beautifully acted throughout.",
                        "Two hours of my life that I will never get back.",
                    ]
                }
            ]
        }
    )

    texts: Several[NonBlankText]
    """Each however long: it is read in full."""


class TextLabel(ResponseModel):
    """What kind of text it is."""

    label: str
    """The likeliest."""
    score: Probability
    """Its probability."""
    scores: dict[str, Probability]
    """Of every label of the model; together 1."""
    word_count: int
    """Words of the text; all are read."""
    unknown_count: int
    """How many of them are not in the vocabulary."""


class ClassifyResponse(ResponseModel):
    """Labels in the order of the texts."""

    model: str
    results: list[TextLabel]
    timing_ms: Timing


class ComparedLabels(ResponseModel):
    """Where the models differ in one text."""

    index: int
    labels: dict[str, str]
    """By model."""
    same: bool
    """Whether all are the same."""
    spreads: dict[str, float]
    """By label that all models have: its largest score minus its smallest."""
