"""``POST /answer`` over HTTP, against the reference engine and against itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import service.variants
from issrnn.artifact import load
from issrnn.reading.encoding import Encoded, encode
from issrnn.reading.tokens import tokenize
from issrnn.word_vectors import WordVectors
from service.engines import EngineName, create_engine
from service.engines.bidaf import Passage, SpanLogits
from service.settings import Settings
from service.visible import shows_something
from tests.service.conftest import Gate
from tests.service.running import running_service

QUESTION = "Who said the market fell?"
CONTEXT = "Mr. Smith said the stock market fell, but traders said it rose in the years of the $."
LONG = " ".join(f"{CONTEXT} The company is {number}th of the market." for number in range(12))


def answer(client: httpx.Client, **fields: Any) -> dict[str, Any]:
    response = client.post("/answer", json={"question": QUESTION, "context": CONTEXT} | fields)
    assert response.status_code == 200, response.text
    body: dict[str, Any] = response.json()
    return body


def log_odds(models_dir: Path, name: str, context: str) -> dict[tuple[int, int], float]:
    """Start logit + end logit of every allowed span of a short context, by torch."""
    artifact = load(models_dir / name)
    assert artifact.word_vectors is not None
    assert artifact.card.reading is not None

    def read(text: str) -> Encoded:
        assert artifact.word_vectors is not None
        return encode(tokenize(text), artifact.word_vectors, artifact.vocabulary, 8)

    engine = create_engine("torch-fp32", artifact, 1)
    [logits] = engine.compute([Passage(read(context), read(QUESTION))])
    count, longest = len(logits.starts), artifact.card.reading.answer_words
    assert count <= artifact.card.reading.window_words
    return {
        (first, last): float(logits.starts[first] + logits.ends[last])
        for first in range(count)
        for last in range(first, min(first + longest, count))
    }


def test_the_best_span_and_its_probability_are_the_networks(
    reader_client: httpx.Client, readers_dir: Path
) -> None:
    spans = log_odds(readers_dir, "reader-dense", CONTEXT)
    (first, last), best = max(spans.items(), key=lambda item: item[1])
    tokens = tokenize(CONTEXT)
    body = answer(reader_client)
    [found] = body["answers"]
    assert body["model"] == "reader-dense"
    assert body["windows"] == 1
    assert (found["start"], found["end"]) == (tokens[first].start, tokens[last].end)
    assert found["text"] == CONTEXT[found["start"] : found["end"]]
    total = np.exp(np.array(list(spans.values())) - best).sum()
    assert found["score"] == pytest.approx(1 / total, rel=1e-3)


def test_several_answers_do_not_overlap_and_come_best_first(reader_client: httpx.Client) -> None:
    answers = answer(reader_client, top_k=4)["answers"]
    assert len(answers) == 4
    scores = [each["score"] for each in answers]
    assert scores == sorted(scores, reverse=True)
    assert 0 < sum(scores) <= 1
    for one, other in pairwise(sorted(answers, key=lambda each: each["start"])):
        assert one["end"] <= other["start"]
    assert answers[0] == answer(reader_client)["answers"][0]


def test_fewer_answers_than_asked_for_if_the_context_has_no_more(
    reader_client: httpx.Client,
) -> None:
    answers = answer(reader_client, context="the market", top_k=5)["answers"]
    assert 1 <= len(answers) <= 2


def test_the_longest_answer_can_be_lowered_but_not_raised(reader_client: httpx.Client) -> None:
    for each in answer(reader_client, top_k=5, max_answer_words=1)["answers"]:
        assert len(tokenize(each["text"])) == 1
    fields = {"question": QUESTION, "context": CONTEXT, "max_answer_words": 7}
    response = reader_client.post("/answer", json=fields)
    assert response.status_code == 422
    assert response.json()["errors"] == [
        {"path": "max_answer_words", "message": "7; this model's answers have 6 words at most"}
    ]


def test_a_long_context_is_read_in_windows_that_share_one_batch(
    settings_for: Callable[..., Settings], readers_dir: Path, gate: Gate
) -> None:
    gate.open.set()
    with running_service(settings_for(models_dir=readers_dir, models=["reader-dense"])) as client:
        body = answer(client, context=LONG, top_k=3)
    assert body["windows"] == len(gate.batches[0]) == 12
    assert len(gate.batches) == 1
    for each in body["answers"]:
        assert each["text"] == LONG[each["start"] : each["end"]]


class FindsSmith:
    """Gives high logits to one word, whatever stands around it."""

    name: EngineName = "onnxruntime-fp32"
    weight_bytes = 0

    def __init__(self, word_vectors: WordVectors) -> None:
        self._smith = word_vectors.look_up(["smith"])

    def compute(self, items: Sequence[Passage]) -> list[SpanLogits]:
        found = [(item.context.vectors == self._smith).all(axis=1) for item in items]
        logits = [np.where(each, np.float32(9), np.float32(0)) for each in found]
        return [SpanLogits(each, each) for each in logits]


def test_an_answer_is_found_wherever_the_windows_fall(
    settings_for: Callable[..., Settings], readers_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    word_vectors = load(readers_dir / "reader-dense").word_vectors
    assert word_vectors is not None
    monkeypatch.setattr(service.variants, "create_engine", lambda *_: FindsSmith(word_vectors))
    with running_service(settings_for(models_dir=readers_dir, models=["reader-dense"])) as client:
        scores = []
        for before in range(100):
            context = "the " * before + "Smith" + " the" * (99 - before)
            [found] = answer(client, context=context)["answers"]
            assert (found["text"], found["start"]) == ("Smith", 4 * before)
            scores.append(found["score"])
    middle = scores[10:-10]
    assert max(middle) == pytest.approx(min(middle))


@given(
    context=st.text(min_size=1).filter(tokenize).filter(shows_something),
    question=st.text(min_size=1, max_size=100).filter(tokenize).filter(shows_something),
)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_unicode_is_answered_with_a_part_of_it(
    reader_client: httpx.Client, context: str, question: str
) -> None:
    for each in answer(reader_client, context=context, question=question, top_k=3)["answers"]:
        assert each["text"] == context[each["start"] : each["end"]]
        assert each["text"].strip()


def test_places_are_counted_in_code_points(reader_client: httpx.Client) -> None:
    context = "\U0001f600\U0001f468\u200d\U0001f469 caf\u00e9 cafe\u0301 \u4e2d\u6587 na\u00efve"
    answers = answer(reader_client, context=context, top_k=10, max_answer_words=1)["answers"]
    texts = {each["text"] for each in answers}
    assert {"caf\u00e9", "cafe\u0301", "na\u00efve"} <= texts
    for each in answers:
        assert each["text"] == context[each["start"] : each["end"]]


def test_engines_agree(
    settings_for: Callable[..., Settings], readers_dir: Path, reader_client: httpx.Client
) -> None:
    expected = answer(reader_client, context=LONG, top_k=5)["answers"]
    engines = {"reader-dense": "torch-fp32"}
    changes = {"models_dir": readers_dir, "models": ["reader-dense"], "engines": engines}
    changes |= {"threads": 1}  # torch's threads wait for each other, which a busy machine delays
    with running_service(settings_for(**changes)) as client:
        assert client.get("/models/reader-dense").json()["engine"] == "torch-fp32"
        found = answer(client, context=LONG, top_k=5)["answers"]
    for one, other in zip(found, expected, strict=True):
        assert one["text"] == other["text"]
        assert one["score"] == pytest.approx(other["score"], rel=1e-3)


def test_the_model_is_named_chosen_and_kept_for_a_session(
    settings_for: Callable[..., Settings], readers_dir: Path
) -> None:
    split = {"answer": {"reader-dense": 0.5, "reader-iss": 0.5}}
    with running_service(settings_for(models_dir=readers_dir, models=None, split=split)) as client:
        request = {"question": QUESTION, "context": CONTEXT}
        response = client.post("/answer", json=request | {"model": "reader-iss"})
        assert response.headers["X-Model"] == response.json()["model"] == "reader-iss"

        def model_of(session: int) -> str:
            headers = {"X-Session-ID": f"s{session}"}
            return client.post("/answer", json=request, headers=headers).headers["X-Model"]

        first = [model_of(session) for session in range(20)]
        assert first == [model_of(session) for session in range(20)]
        assert set(first) == {"reader-dense", "reader-iss"}
        timing = response.json()["timing_ms"]
        assert 0 < timing["compute"] <= timing["total"]


def test_readers_and_language_models_are_served_side_by_side(reader_client: httpx.Client) -> None:
    texts = {"texts": ["the stock market fell"]}
    assert reader_client.post("/score", json=texts).headers["X-Model"] == "tiny-dense"
    response = reader_client.post("/score", json=texts | {"model": "reader-dense"})
    assert response.status_code == 422
    assert "'answer'" in response.json()["errors"][0]["message"]
    asked = {"question": QUESTION, "context": CONTEXT, "model": "tiny-dense"}
    response = reader_client.post("/answer", json=asked)
    assert response.status_code == 422
    assert response.json()["errors"][0]["path"] == "model"
    v1 = [model["id"] for model in reader_client.get("/v1/models").json()["data"]]
    assert v1 == ["tiny-dense"]


def test_a_reader_says_how_it_reads(reader_client: httpx.Client) -> None:
    info = reader_client.get("/models/reader-iss").json()
    assert (info["task"], info["variant"]) == ("answer", "iss")
    assert info["hidden_sizes"] == [5, 4, 2, 3, 2, 4, 1, 3]
    assert info["reading"] == {"window_words": 40, "overlap_words": 12, "answer_words": 6}
    assert info["word_vectors"] == "tiny-vectors.safetensors"
    assert info["metrics"] == {"exact_match": 60.0, "f1": 70.0}
