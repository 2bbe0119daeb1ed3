"""The task score: the log-probability of every word of a text."""

from __future__ import annotations

from functools import partial

from service.off_loop import work_of
from service.settings import Settings
from service.tasks.base import Prepared, Task, check_texts, check_top_k
from service.tasks.score.comparison import compare_texts
from service.tasks.score.job import ScoreJob
from service.tasks.score.reply import ScoreReply
from service.tasks.score.schemas import ScoreRequest
from service.tasks.score.texts import encode_texts, to_sequences
from service.variants import Variant

__all__ = ["SCORE"]


def _check(request: ScoreRequest, settings: Settings) -> None:
    """Check what depends on the settings.

    Raises:
        FieldProblemError: 413 if there are too many or too long texts, 422 if ``top_k`` is too
            large.
    """
    check_texts(request.texts, settings)
    check_top_k(request.top_k, "top_k", settings)


def _work(request: ScoreRequest) -> int:
    return work_of(request.texts)


def _prepare(
    request: ScoreRequest, variant: Variant, settings: Settings, deadline: float
) -> Prepared[ScoreReply]:
    texts = encode_texts(request, variant.vocabulary)
    top_k = request.top_k if request.tokens else 0  # they are given token by token
    job = ScoreJob(
        to_sequences(texts, variant.vocabulary, carry_state=request.carry_state),
        chunk_steps=settings.chunk_steps,
        top_k=min(top_k, len(variant.vocabulary)),
        deadline=deadline,
    )
    return Prepared(job, partial(ScoreReply, variant, request, texts))


SCORE = Task(
    name="score",
    request=ScoreRequest,
    check=_check,
    work=_work,
    prepare=_prepare,
    compare=compare_texts,
)
