"""The OpenAI completions API, as evaluation clients use it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from service.settings import Settings
from tests.artifacts import WORDS
from tests.service.running import running_service
from tests.service.test_operations import sample

EOS = 0
SENTENCE = "the stock market fell <eos>"
IDS = [WORDS.index(word) for word in SENTENCE.split()]


def complete(client: httpx.Client, prompt: Any, **fields: Any) -> list[dict[str, Any]]:
    request = {
        "model": "tiny-dense", "prompt": prompt, "temperature": 0, "max_tokens": 1, "logprobs": 1,
        "seed": 1234, "echo": True,
    } | fields  # fmt: skip
    response = client.post("/v1/completions", json=request)
    assert response.status_code == 200, response.text
    body = response.json()
    assert body["object"] == "text_completion"
    assert [choice["index"] for choice in body["choices"]] == list(range(len(body["choices"])))
    choices: list[dict[str, Any]] = body["choices"]
    return choices


def test_echo_gives_one_entry_a_token_the_first_null(client: httpx.Client) -> None:
    [choice] = complete(client, [[EOS, *IDS]])
    log_probs = choice["logprobs"]
    assert len(log_probs["token_logprobs"]) == len(IDS) + 2
    assert log_probs["token_logprobs"][0] is None
    assert log_probs["top_logprobs"][0] is None
    assert log_probs["tokens"][:-1] == ["<eos>", *SENTENCE.split()]
    for word, offset in zip(log_probs["tokens"], log_probs["text_offset"], strict=True):
        assert choice["text"][offset:].startswith(word)


def test_the_likelihood_of_a_sentence_is_that_of_score(client: httpx.Client) -> None:
    request = {"texts": ["the stock market fell"], "model": "tiny-dense", "pretokenized": True}
    expected = client.post("/score", json=request).json()["scores"][0]["log_prob"]
    for prompt in ([[EOS, *IDS]], "<eos> " + SENTENCE):
        [choice] = complete(client, prompt)
        assert sum(choice["logprobs"]["token_logprobs"][1:-1]) == pytest.approx(expected, abs=1e-5)


def test_a_leading_eos_changes_nothing_and_is_not_read_twice(client: httpx.Client) -> None:
    with_eos, without = complete(client, [[EOS, *IDS], IDS])
    ours = with_eos["logprobs"]["token_logprobs"]
    theirs = without["logprobs"]["token_logprobs"]
    assert theirs[0] is None
    assert ours[2:] == pytest.approx(theirs[1:], abs=1e-4)


def test_the_likeliest_token_is_exactly_the_top_one(client: httpx.Client) -> None:
    [first] = complete(client, [[EOS]], echo=False)
    likeliest = first["logprobs"]["tokens"][0]
    [choice] = complete(client, [[EOS, WORDS.index(likeliest)]])
    log_prob = choice["logprobs"]["token_logprobs"][1]
    assert log_prob == max(choice["logprobs"]["top_logprobs"][1].values())


@pytest.mark.parametrize("prompt", ["the stock", ["the stock"], [5, 8], [[5, 8]]])
def test_all_kinds_of_prompt_are_accepted(client: httpx.Client, prompt: Any) -> None:
    assert WORDS[5] == "the"
    assert WORDS[8] == "stock"
    [choice] = complete(client, prompt)
    assert choice["logprobs"]["tokens"][:2] == ["the", "stock"]
    assert choice["text"].startswith("the stock ")


def test_without_echo_only_the_next_word_is_given(client: httpx.Client) -> None:
    [choice] = complete(client, "the stock", echo=False, logprobs=3)
    assert len(choice["text"].split()) == 1
    assert len(choice["logprobs"]["token_logprobs"]) == 1
    assert len(choice["logprobs"]["top_logprobs"][0]) == 3


def test_max_tokens_0_generates_nothing(client: httpx.Client) -> None:
    [choice] = complete(client, "the stock", max_tokens=0)
    assert choice["text"] == "the stock"
    assert len(choice["logprobs"]["token_logprobs"]) == 2


def test_without_logprobs_none_are_given(client: httpx.Client) -> None:
    assert complete(client, "the", logprobs=None)[0]["logprobs"] is None
    assert complete(client, "the", logprobs=0)[0]["logprobs"]["top_logprobs"] is None


def test_every_openai_field_is_accepted(client: httpx.Client) -> None:
    fields = {
        "best_of": 1, "frequency_penalty": 0, "logit_bias": None, "n": 1, "presence_penalty": 0,
        "stop": ["\n"], "stream": False, "stream_options": None, "suffix": None, "top_p": 1,
        "user": "someone", "echo": None, "max_tokens": None,
    }  # fmt: skip
    [choice] = complete(client, "the", **fields)
    assert len(choice["logprobs"]["tokens"]) == 1


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"max_tokens": 2}, "max_tokens"),
        ({"stream": True}, "stream"),
        ({"n": 2}, "n"),
        ({"prompt": []}, "prompt"),
        ({"prompt": ["a", 3]}, "prompt"),
        ({"prompt": [True]}, "prompt"),
        ({"prompt": [[0, 1], [5, 99]]}, "prompt[1][1]"),
        ({"prompt": [-1]}, "prompt[0]"),
        ({"prompt": "\ud800"}, "prompt"),
        ({"prompt": ["the", "\ud800"]}, "prompt"),
        ({"logprobs": 51}, "logprobs"),
    ],
)
def test_what_cannot_be_honoured_is_refused(
    client: httpx.Client, fields: dict[str, Any], path: str
) -> None:
    body = json.dumps({"prompt": "the"} | fields)  # httpx cannot send half a character
    headers = {"Content-Type": "application/json"}
    response = client.post("/v1/completions", content=body, headers=headers)
    assert response.status_code == 422
    assert [error["path"] for error in response.json()["errors"]] == [path]


def test_the_prompts_tokens_are_counted(settings_for: Callable[..., Settings]) -> None:
    with running_service(settings_for()) as client:
        [choice] = complete(client, "the stock nonsense", logprobs=0)
        labels = {"endpoint": "/v1/completions", "model": "tiny-dense"}
        assert sample(client, "issrnn_scored_tokens_total", **labels) == 3
        assert sample(client, "issrnn_unknown_tokens_total", **labels) == 1
        told = sample(client, "issrnn_negative_log_prob_total", **labels)
        # the first has none in this API, but the model was asked
        assert told > -sum(choice["logprobs"]["token_logprobs"][1:3])


def test_models_are_listed(client: httpx.Client) -> None:
    body = client.get("/v1/models").json()
    assert [model["id"] for model in body["data"]] == ["tiny-dense", "tiny-iss"]
