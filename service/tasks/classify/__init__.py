"""The task classify: what kind of text it is."""

from __future__ import annotations

from service.engines.base import Floats
from service.jobs import JobResult
from service.off_loop import work_of
from service.settings import Settings
from service.tasks.base import Prepared, Task, check_texts
from service.tasks.classify.comparison import compare_labels
from service.tasks.classify.job import ClassifyJob
from service.tasks.classify.reply import ClassifyReply
from service.tasks.classify.schemas import ClassifyRequest
from service.tasks.classify.texts import read_texts, to_label
from service.variants import Variant

__all__ = ["CLASSIFY"]


def _check(request: ClassifyRequest, settings: Settings) -> None:
    check_texts(request.texts, settings)


def _work(request: ClassifyRequest) -> int:
    return work_of(request.texts)


def _prepare(
    request: ClassifyRequest, variant: Variant, settings: Settings, deadline: float
) -> Prepared[ClassifyReply]:
    texts = read_texts(request.texts, variant.vocabulary)
    job = ClassifyJob(
        [text.words for text in texts], chunk_steps=settings.chunk_steps, deadline=deadline
    )
    labels = variant.card.labels or ()

    def finish(result: JobResult[tuple[Floats, ...]]) -> ClassifyReply:
        results = [
            to_label(text, logits, labels) for text, logits in zip(texts, result.value, strict=True)
        ]
        return ClassifyReply(variant, request, results, result)

    return Prepared(job, finish)


CLASSIFY = Task(
    name="classify",
    request=ClassifyRequest,
    check=_check,
    work=_work,
    prepare=_prepare,
    compare=compare_labels,
)
