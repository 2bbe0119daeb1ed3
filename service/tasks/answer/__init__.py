"""The task answer: the part of a context that answers a question."""

from __future__ import annotations

from service.engines.bidaf import SpanLogits
from service.jobs import JobResult
from service.problems import FieldProblemError
from service.settings import Settings
from service.tasks.answer.comparison import compare_answers
from service.tasks.answer.job import AnswerJob
from service.tasks.answer.reading import Reader, find_answers, read
from service.tasks.answer.reply import AnswerReply
from service.tasks.answer.schemas import AnswerRequest
from service.tasks.base import Prepared, Task
from service.variants import Variant

__all__ = ["ANSWER"]


def _check(request: AnswerRequest, settings: Settings) -> None:
    """Check what depends on the settings.

    Raises:
        FieldProblemError: 413 if a text is too long, 422 if ``top_k`` is too large.
    """
    limits = {"question": settings.max_question_chars, "context": settings.max_context_chars}
    for path, text in (("question", request.question), ("context", request.context)):
        if len(text) > limits[path]:
            message = f"{len(text)} characters; at most {limits[path]} are allowed"
            raise FieldProblemError(413, path, message)
    if request.top_k > settings.max_top_k:
        message = f"{request.top_k}; at most {settings.max_top_k} is allowed"
        raise FieldProblemError(422, "top_k", message)


def _work(request: AnswerRequest) -> int:
    return len(request.question) + len(request.context)


def _prepare(
    request: AnswerRequest, variant: Variant, settings: Settings, deadline: float
) -> Prepared[AnswerReply]:
    reader = Reader.of(variant.card, variant.vocabulary, variant.word_vectors)
    context = read(request, reader, settings)

    def finish(result: JobResult[tuple[SpanLogits, ...]]) -> AnswerReply:
        answers = find_answers(request, context, reader.rules, result.value)
        return AnswerReply(variant, request, answers, len(context.windows), result)

    return Prepared(AnswerJob(context.passages, deadline=deadline), finish)


ANSWER = Task(
    name="answer",
    request=AnswerRequest,
    check=_check,
    work=_work,
    prepare=_prepare,
    compare=compare_answers,
)
