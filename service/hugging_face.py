"""Hugging Face's question answering API: request, response, and what lies between.

Shapes: https://huggingface.co/docs/inference-providers/tasks/question-answering. Its clients post
to an endpoint's address as it is (``InferenceClient(model="http://...")``,
``HfInference.endpoint("http://...")``).
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, ConfigDict, PositiveInt

from service.schemas import NonBlankText, ResponseModel, StrictModel
from service.tasks.answer.reply import AnswerReply
from service.tasks.answer.schemas import AnswerRequest

__all__ = ["QuestionAnsweringElement", "QuestionAnsweringRequest", "field_of", "to_elements"]

_FIELDS = {
    "question": "inputs.question",
    "context": "inputs.context",
    "top_k": "parameters.top_k",
    "max_answer_words": "parameters.max_answer_len",
}


def _refuse(why: str) -> AfterValidator:
    def check(value: object) -> None:
        if value is not None:
            raise ValueError(f"cannot be set: {why}")

    return AfterValidator(check)


def _must_not_be(value: bool, why: str) -> AfterValidator:
    def check(given: bool | None) -> bool | None:
        if given is value:
            raise ValueError(f"cannot be {str(value).lower()}: {why}")
        return given

    return AfterValidator(check)


_Windows = Annotated[Any, _refuse("the model's windows are fixed; GET /models says which")]


class QuestionAnsweringInputs(StrictModel):
    """The question, and the text in which its answer stands."""

    question: NonBlankText
    context: NonBlankText


class QuestionAnsweringParameters(StrictModel):
    """What is not supported is refused unless it is null or what is done anyway."""

    top_k: PositiveInt | None = None
    """How many answers to give; they do not overlap."""
    max_answer_len: PositiveInt | None = None
    """Words of the longest answer; not more than the model's own."""
    align_to_words: Annotated[
        bool | None, _must_not_be(False, "answers begin and end at words")
    ] = None
    handle_impossible_answer: Annotated[
        bool | None, _must_not_be(True, "the models always answer with a part of the context")
    ] = None
    doc_stride: _Windows = None
    max_seq_len: _Windows = None
    max_question_len: Annotated[Any, _refuse("no question is cut; one too long is refused")] = None


class Options(StrictModel):
    """Of Hugging Face's older clients; they change nothing here."""

    use_cache: bool = True
    """No answer is kept."""
    wait_for_model: bool = False
    """Models are loaded before anything listens."""


class QuestionAnsweringRequest(StrictModel):
    """What Hugging Face's clients post."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "inputs": {
                        "question": "When did the bridge open?",
                        "context": "The bridge opened on May 24, 1883.",
                    },
                    "parameters": {"top_k": 2},
                }
            ]
        }
    )

    inputs: QuestionAnsweringInputs
    parameters: QuestionAnsweringParameters = QuestionAnsweringParameters()
    options: Options = Options()

    def to_answer_request(self, model: str | None) -> AnswerRequest:
        """The same request as ``/answer`` takes it."""
        return AnswerRequest(
            question=self.inputs.question,
            context=self.inputs.context,
            model=model,
            top_k=self.parameters.top_k or 1,
            max_answer_words=self.parameters.max_answer_len,
        )


class QuestionAnsweringElement(ResponseModel):
    """One answer."""

    answer: str
    """``context[start:end]``."""
    score: float
    start: int
    end: int


def field_of(path: str) -> str:
    """Where a field of `AnswerRequest` stands in a `QuestionAnsweringRequest`."""
    return _FIELDS.get(path, path)


def to_elements(reply: AnswerReply) -> list[QuestionAnsweringElement]:
    """A model's answers in Hugging Face's words, best first."""
    return [
        QuestionAnsweringElement(
            answer=answer.text, score=answer.score, start=answer.start, end=answer.end
        )
        for answer in reply.answers
    ]
