"""The OpenAI completions API as far as it scores: request, response, and what lies between.

Shapes: https://platform.openai.com/docs/api-reference/completions.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, PlainValidator

from issrnn.vocabulary import END, Vocabulary
from service.off_loop import work_of
from service.schemas import check_unicode
from service.tasks.score.job import ScoredSequence, TokenSequence
from service.tasks.score.ptb import split_words

__all__ = [
    "Choice",
    "CompletionRequest",
    "CompletionResponse",
    "Prompt",
    "TokenIdError",
    "Usage",
    "choice_of",
    "encode_prompts",
    "to_sequence",
    "work_of_prompts",
]

_TOKEN = 8
"""Characters that a token id is worth: about a word."""


class TokenIdError(ValueError):
    """A token id that the vocabulary does not have; its arguments are its path and a message."""


Prompts = str | list[str] | list[int] | list[list[int]]


def _is_prompt(value: Any) -> Prompts:
    """Refuse other shapes with one message; pydantic would make one for each token."""
    if isinstance(value, str):
        return check_unicode(value)
    kinds = {type(item) for item in value} if isinstance(value, list) else set()
    if kinds == {str}:
        for index, text in enumerate(value):
            try:
                check_unicode(text)
            except ValueError as error:
                raise ValueError(f"[{index}]: {error}") from None
        texts: list[str] = value
        return texts
    if kinds == {int} or (
        kinds == {list} and all(type(token) is int for prompt in value for token in prompt)
    ):
        prompts: Prompts = value
        return prompts
    raise ValueError("must be a string, strings, token ids, or lists of token ids; not empty")


class CompletionRequest(BaseModel):
    """Every OpenAI field is accepted; what asks for more than one word a prompt is refused.

    The next word is always the likeliest one: ``temperature``, ``top_p``, ``stop``, penalties and
    ``logit_bias`` change nothing.
    """

    model_config = ConfigDict(
        protected_namespaces=(),
        json_schema_extra={
            "examples": [
                {"prompt": "the company said", "max_tokens": 1, "logprobs": 3, "echo": True}
            ]
        },
    )

    prompt: Annotated[Prompts, PlainValidator(_is_prompt, json_schema_input_type=Prompts)]
    """Text in the model's own form, split on white space as its ``tokenizer.json`` does, or ids."""
    model: str | None = None
    max_tokens: Literal[0, 1] | None = 1
    echo: bool | None = False
    logprobs: Annotated[int, Field(ge=0)] | None = None
    """Give log-probabilities, and this many of the likeliest words."""
    n: Literal[1] | None = 1
    best_of: Literal[1] | None = 1
    stream: Literal[False] | None = False
    suffix: Literal[""] | None = None

    @property
    def generated(self) -> int:
        """Words to be generated for each prompt, 0 or 1."""
        return 1 if self.max_tokens is None else self.max_tokens


class LogProbs(BaseModel):
    """One entry a token of the text."""

    tokens: list[str]
    token_logprobs: list[float | None]
    """The prompt's first is null."""
    top_logprobs: list[dict[str, float] | None] | None
    text_offset: list[int]


class Choice(BaseModel):
    """One prompt's completion."""

    text: str
    index: int
    logprobs: LogProbs | None
    finish_reason: Literal["stop", "length"]


class Usage(BaseModel):
    """Token counts."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class CompletionResponse(BaseModel):
    """OpenAI's envelope."""

    id: str
    object: Literal["text_completion"] = "text_completion"
    created: int
    model: str
    choices: list[Choice]
    usage: Usage


@dataclass(frozen=True, eq=False)
class Prompt:
    """A prompt as the model reads it."""

    text: str
    ids: list[int]
    words: list[str]
    offsets: list[int]


def work_of_prompts(request: CompletionRequest) -> int:
    """How much work encoding is, in characters as `off_loop_if_large` counts."""
    prompt = request.prompt
    if isinstance(prompt, str):
        return len(prompt)
    if isinstance(prompt[0], int):
        return _TOKEN * len(prompt)
    return work_of(text for text in prompt if isinstance(text, str)) + sum(
        _TOKEN * (len(ids) + 1) for ids in prompt if isinstance(ids, list)
    )


def encode_prompts(request: CompletionRequest, vocabulary: Vocabulary) -> list[Prompt]:
    """All prompts of a request.

    Raises:
        TokenIdError: If an id is not in the vocabulary.
    """
    prompt = request.prompt
    if isinstance(prompt, str):
        return [_from_text(prompt, vocabulary)]
    ids = [token for token in prompt if isinstance(token, int)]
    if ids:  # the whole prompt, by _is_prompt
        return [_from_ids(ids, vocabulary, "prompt")]
    texts = [item for item in prompt if isinstance(item, str)]
    lists = [item for item in prompt if isinstance(item, list)]
    return [_from_text(text, vocabulary) for text in texts] + [
        _from_ids(item, vocabulary, f"prompt[{index}]") for index, item in enumerate(lists)
    ]


def to_sequence(prompt: Prompt, vocabulary: Vocabulary) -> TokenSequence:
    """What the model reads: a prompt starts after ``<eos>``, whether or not it says so itself.

    The last step predicts the word after the prompt; its target does not matter.
    """
    end = vocabulary.ids[END]
    inputs = prompt.ids if prompt.ids[:1] == [end] else [end, *prompt.ids]
    return TokenSequence(
        inputs=np.array(inputs, dtype=np.int64),
        targets=np.array([*inputs[1:], end], dtype=np.int64),
    )


def choice_of(
    index: int,
    prompt: Prompt,
    scored: ScoredSequence,
    request: CompletionRequest,
    vocabulary: Vocabulary,
) -> Choice:
    """Put a model's answer into OpenAI's words.

    Args:
        index: Of the prompt.
        prompt: As encoded.
        scored: The answer to its `to_sequence`, with at least one likeliest word if one is to be
            generated.
        request: What was asked.
        vocabulary: Of the model.
    """
    words: list[str] = []
    offsets: list[int] = []
    steps: list[int | None] = []
    last = len(scored.log_probs) - 1
    if request.echo:
        words, offsets = list(prompt.words), list(prompt.offsets)
        # the step before a token predicts it; the first one's has no place in this API
        steps = [None, *range(last + 1 - len(prompt.ids), last)][: len(prompt.ids)]
    log_probs = [None if step is None else float(scored.log_probs[step]) for step in steps]
    text = prompt.text if request.echo else ""
    finish_reason: Literal["stop", "length"] = "length"
    if request.generated:
        word = vocabulary.words[int(scored.top_ids[last, 0])]
        text += " " + word
        finish_reason = "stop" if word == END else "length"
        words.append(word)
        offsets.append(len(text) - len(word))
        steps.append(last)
        log_probs.append(float(scored.top_log_probs[last, 0]))
    tops = [
        None if step is None else _top(scored, step, request.logprobs or 0, vocabulary)
        for step in steps
    ]
    return Choice(
        text=text,
        index=index,
        logprobs=None
        if request.logprobs is None
        else LogProbs(
            tokens=words,
            token_logprobs=log_probs,
            top_logprobs=tops if request.logprobs else None,
            text_offset=offsets,
        ),
        finish_reason=finish_reason,
    )


def _from_text(text: str, vocabulary: Vocabulary) -> Prompt:
    words = split_words(text)
    ids = vocabulary.encode(word.text for word in words)
    return Prompt(text, ids, [vocabulary.words[i] for i in ids], [word.start for word in words])


def _from_ids(ids: list[int], vocabulary: Vocabulary, path: str) -> Prompt:
    for position, token in enumerate(ids):
        if not 0 <= token < len(vocabulary):
            message = f"{token} is no token id; they are 0 to {len(vocabulary) - 1}"
            raise TokenIdError(f"{path}[{position}]", message)
    words = [vocabulary.words[token] for token in ids]
    starts = itertools.accumulate((len(word) + 1 for word in words), initial=0)
    return Prompt(" ".join(words), ids, words, list(starts)[:-1])


def _top(scored: ScoredSequence, step: int, count: int, vocabulary: Vocabulary) -> dict[str, float]:
    ids = scored.top_ids[step, :count].tolist()
    values = scored.top_log_probs[step, :count].tolist()
    return {vocabulary.words[token]: value for token, value in zip(ids, values, strict=True)}
