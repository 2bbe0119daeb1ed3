"""``/v1``: the OpenAI completions API, for clients that measure language models with it."""

from __future__ import annotations

import time
import uuid
from datetime import datetime
from typing import Literal

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel

from issrnn.vocabulary import UNKNOWN
from service.api_keys import KeyedRoute
from service.choosing import SESSION_HEADER, labels_of, with_choice
from service.context import Context, RequestContext
from service.jobs import JobResult
from service.off_loop import off_loop_if_large, work_of
from service.openai import (
    CompletionRequest,
    CompletionResponse,
    Prompt,
    TokenIdError,
    Usage,
    choice_of,
    encode_prompts,
    to_sequence,
    work_of_prompts,
)
from service.problems import REFUSALS, FieldProblemError
from service.replying import DEADLINE_HEADER, compute, deadline_of
from service.settings import Settings
from service.tasks.base import check_length, check_top_k
from service.tasks.score.job import ScoredSequence, ScoreJob
from service.tasks.score.reply import count_scored
from service.variants import Variant

__all__ = ["router"]

router = APIRouter(route_class=KeyedRoute, prefix="/v1", tags=["OpenAI"])

Result = JobResult[tuple[ScoredSequence, ...]]


class OpenAiModel(BaseModel):
    """A model in OpenAI's words."""

    id: str
    object: Literal["model"] = "model"
    created: int
    owned_by: str = "issrnn"


class OpenAiModels(BaseModel):
    """All language models."""

    object: Literal["list"] = "list"
    data: list[OpenAiModel]


@router.get("/models")
async def list_models(context: RequestContext) -> OpenAiModels:
    """The models that `/v1/completions` can use."""
    variants = context.models.ready("score")
    return OpenAiModels(
        data=[OpenAiModel(id=variant.name, created=_created(variant)) for variant in variants]
    )


@router.post(
    "/completions",
    response_model=CompletionResponse,
    responses=REFUSALS,
    openapi_extra={"parameters": [SESSION_HEADER, DEADLINE_HEADER]},
)
async def complete(request: CompletionRequest, http: Request, context: RequestContext) -> Response:
    """Score prompts, and give the likeliest next word.

    With `echo` and `logprobs`, the log-probability of each word of the prompt given those before
    it. The model reads `<eos>` first, as it does before a sentence; a prompt may start with it
    itself, which changes nothing. The prompt's first token has no log-probability.
    """
    _check(request, context.settings)
    deadline = deadline_of(http, context.settings)

    async def answer_with(variant: Variant) -> tuple[Variant, list[Prompt], Result]:
        return variant, *await _compute(context, http, variant, request, deadline)

    variant, prompts, result = await with_choice(context, http, "score", request.model, answer_with)
    work = work_of(prompt.text for prompt in prompts) * (1 + (request.logprobs or 0))
    body = await off_loop_if_large(work, _render, request, variant, prompts, result)
    return Response(body, media_type="application/json")


def _check(request: CompletionRequest, settings: Settings) -> None:
    one = isinstance(request.prompt, str) or isinstance(request.prompt[0], int)
    if not one and len(request.prompt) > settings.max_texts:
        message = f"{len(request.prompt)} prompts; at most {settings.max_texts} are allowed"
        raise FieldProblemError(413, "prompt", message)
    prompts: dict[str, object] = {"prompt": request.prompt}
    if not one:
        prompts = {f"prompt[{index}]": prompt for index, prompt in enumerate(request.prompt)}
    for path, prompt in prompts.items():
        if isinstance(prompt, str):
            check_length(prompt, path, settings.max_text_chars)
    check_top_k(request.logprobs or 0, "logprobs", settings)


async def _compute(
    context: Context,
    http: Request,
    variant: Variant,
    request: CompletionRequest,
    deadline: float,
) -> tuple[list[Prompt], Result]:
    prompts, job = await off_loop_if_large(
        work_of_prompts(request), _prepare, request, variant, context.settings, deadline
    )
    result = await compute(context, http, variant, job)
    # not the step after each prompt, whose target was made up
    log_probs = [sequence.log_probs[:-1] for sequence in result.value]
    unknown = variant.vocabulary.ids[UNKNOWN]
    count_scored(
        context.metrics,
        (*labels_of(http, variant), "live"),
        log_probs,
        sum(prompt.ids.count(unknown) for prompt in prompts),
    )
    return prompts, result


def _prepare(
    request: CompletionRequest, variant: Variant, settings: Settings, deadline: float
) -> tuple[list[Prompt], ScoreJob]:
    try:
        prompts = encode_prompts(request, variant.vocabulary)
    except TokenIdError as error:
        raise FieldProblemError(422, *error.args) from error
    job = ScoreJob(
        [to_sequence(prompt, variant.vocabulary) for prompt in prompts],
        chunk_steps=settings.chunk_steps,
        top_k=min(max(request.logprobs or 0, request.generated), len(variant.vocabulary)),
        deadline=deadline,
    )
    return prompts, job


def _render(
    request: CompletionRequest, variant: Variant, prompts: list[Prompt], result: Result
) -> str:
    choices = [
        choice_of(index, prompt, scored, request, variant.vocabulary)
        for index, (prompt, scored) in enumerate(zip(prompts, result.value, strict=True))
    ]
    prompt_tokens = sum(len(prompt.ids) for prompt in prompts)
    completion_tokens = request.generated * len(prompts)
    return CompletionResponse(
        id=f"cmpl-{uuid.uuid4().hex}",
        created=int(time.time()),
        model=variant.name,
        choices=choices,
        usage=Usage(
            prompt_tokens=prompt_tokens,
            completion_tokens=completion_tokens,
            total_tokens=prompt_tokens + completion_tokens,
        ),
    ).model_dump_json()


def _created(variant: Variant) -> int:
    try:
        return int(datetime.fromisoformat(variant.card.provenance.created).timestamp())
    except ValueError:
        return 0
