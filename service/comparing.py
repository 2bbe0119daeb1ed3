"""Request and response of ``/compare``, for every task."""

from __future__ import annotations

from typing import Any

from pydantic import (
    ConfigDict,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    field_validator,
)

from service.schemas import ModelCost, ResponseModel, Several, StrictModel, TaskName
from service.tasks import TASKS
from service.tasks.answer.schemas import AnswerRequest, AnswerResponse, ComparedAnswer
from service.tasks.classify.schemas import ClassifyRequest, ClassifyResponse, ComparedLabels
from service.tasks.score.schemas import ComparedText, ScoreRequest, ScoreResponse

__all__ = ["CompareRequest", "CompareResponse", "ComparedModel"]


TaskRequests = ScoreRequest | AnswerRequest | ClassifyRequest


class CompareRequest(StrictModel):
    """One request for several models of a task."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"task": "score", "request": {"texts": ["The company said it won't sell."]}},
                {
                    "task": "answer",
                    "request": {
                        "question": "When did the bridge open?",
                        "context": "The bridge opened on May 24, 1883.",
                    },
                },
                {"task": "classify", "request": {"texts": ["A warm and funny film."]}},
            ]
        }
    )

    task: TaskName
    models: Several[str] | None = None
    """Names; null: all that are ready. The first is the reference."""
    request: TaskRequests
    """What to post to each, as the task's own endpoint takes it; its ``model`` must be null."""

    @field_validator("request", mode="wrap")
    @classmethod
    def _of_its_task(
        cls, value: Any, _handler: ValidatorFunctionWrapHandler, info: ValidationInfo
    ) -> TaskRequests:
        """Validate as the task's request alone, so that errors name its fields and no others."""
        task = info.data.get("task")
        if task is None:  # the task's own error says what is wrong
            raise ValueError("cannot be understood without the task")
        request: TaskRequests = TASKS[task].request.model_validate(value)
        return request


class ComparedModel(ModelCost):
    """One model's answer and cost."""

    response: ScoreResponse | AnswerResponse | ClassifyResponse


class CompareResponse(ResponseModel):
    """All answers side by side."""

    task: TaskName
    reference: str
    results: list[ComparedModel]
    differences: list[ComparedText] | list[ComparedAnswer] | list[ComparedLabels]
    """By text for the tasks score and classify; by model, the reference left out, for answer."""
