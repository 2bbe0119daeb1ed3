"""The task answer: the part of a context that answers a question."""

from __future__ import annotations

from service.engines.bidaf import SpanLogits
from service.jobs import JobResult
from service.settings import Settings
from service.tasks.answer.comparison import compare_answers
from service.tasks.answer.job import AnswerJob
from service.tasks.answer.reading import Reader, find_answers, read
from service.tasks.answer.reply import AnswerReply
from service.tasks.answer.schemas import AnswerRequest
from service.tasks.base import Prepared, Task, check_length, check_top_k
from service.variants import Variant

__all__ = ["ANSWER"]


def _check(request: AnswerRequest, settings: Settings) -> None:
    """Check what depends on the settings.

    Raises:
        FieldProblemError: 413 if a text is too long, 422 if ``top_k`` is too large.
    """
    check_length(request.question, "question", settings.max_question_chars)
    check_length(request.context, "context", settings.max_context_chars)
    check_top_k(request.top_k, "top_k", settings)


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
