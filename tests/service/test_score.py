"""``POST /score`` over HTTP, against the reference engine and against itself."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from issrnn.artifact import load
from service.engines import create_engine
from service.engines.language_model import Chunk
from service.settings import Settings
from tests.service.running import running_service

LINES = ["the stock market fell", "mr. smith said it is n't", "", "they rose N N in the u.s."]


def score(client: httpx.Client, texts: list[str], **fields: Any) -> dict[str, Any]:
    response = client.post("/score", json={"texts": texts, "pretokenized": True} | fields)
    assert response.status_code == 200, response.text
    body: dict[str, Any] = response.json()
    return body


def reference(models_dir: Path, words: list[str]) -> np.ndarray[Any, Any]:
    """Log-probability of each word after the last and <eos>, by torch, in one piece."""
    artifact = load(models_dir / "tiny-dense")
    ids = np.array(artifact.vocabulary.encode(["<eos>", *words]))
    [scored] = create_engine("torch-fp32", artifact, 1).compute([Chunk(ids[:-1], ids[1:])])
    log_probs: np.ndarray[Any, Any] = scored.log_probs
    return log_probs


def test_a_text_is_one_sentence_from_eos_to_eos(client: httpx.Client, models_dir: Path) -> None:
    body = score(client, [LINES[0]])
    [result] = body["scores"]
    assert body["model"] == "tiny-dense"
    assert [token["text"] for token in result["tokens"]] == [*LINES[0].split(), "<eos>"]
    log_probs = [token["log_prob"] for token in result["tokens"]]
    expected = reference(models_dir, [*LINES[0].split(), "<eos>"])
    np.testing.assert_allclose(log_probs, expected, atol=1e-4, rtol=0)
    assert result["log_prob"] == pytest.approx(sum(log_probs))
    assert result["token_count"] == 5
    assert result["perplexity"] == pytest.approx(math.exp(-result["log_prob"] / 5))


def test_texts_of_one_request_do_not_influence_each_other(client: httpx.Client) -> None:
    together = score(client, LINES)["scores"]
    alone = [score(client, [line])["scores"][0] for line in LINES]
    for one, other in zip(together, alone, strict=True):
        assert one["log_prob"] == pytest.approx(other["log_prob"], abs=1e-4)


def test_carry_state_scores_lines_as_one_document(client: httpx.Client, models_dir: Path) -> None:
    document = LINES * 40  # several chunks
    scores = score(client, document, carry_state=True)["scores"]
    words = [word for line in document for word in (*line.split(), "<eos>")]
    expected = reference(models_dir, words)
    log_probs = [token["log_prob"] for result in scores for token in result["tokens"]]
    np.testing.assert_allclose(log_probs, expected, atol=1e-4, rtol=0)
    tokens = sum(result["token_count"] for result in scores)
    total = sum(result["log_prob"] for result in scores)
    assert math.exp(-total / tokens) == pytest.approx(math.exp(-expected.mean()), rel=1e-5)


def test_raw_english_points_back_into_the_text(client: httpx.Client) -> None:
    text = "Mr. Smith won't say \u201cno\u201d in 1989."
    [result] = score(client, [text], pretokenized=False)["scores"]
    tokens = [(token["text"], text[token["start"] : token["end"]]) for token in result["tokens"]]
    assert tokens == [
        ("mr.", "Mr."), ("smith", "Smith"), ("wo", "wo"), ("n't", "n't"), ("<unk>", "say"),
        ("no", "no"), ("in", "in"), ("N", "1989"), ("<eos>", ""),
    ]  # fmt: skip
    assert result["unknown_count"] == 1
    assert result["tokens"][-1]["start"] == len(text)


def test_top_words_are_the_likeliest_best_first(client: httpx.Client) -> None:
    [result] = score(client, [LINES[0]], top_k=4)["scores"]
    for token in result["tokens"]:
        values = [word["log_prob"] for word in token["top"]]
        assert len(values) == 4
        assert values == sorted(values, reverse=True)
        assert values[0] >= token["log_prob"]
        assert token["log_prob"] in values or token["log_prob"] < values[-1]


def test_more_top_words_than_the_vocabulary_has_gives_all(
    settings_for: Callable[..., Settings],
) -> None:
    with running_service(settings_for(max_top_k=1000)) as client:
        [result] = score(client, ["the"], top_k=1000)["scores"]
        probabilities = [math.exp(word["log_prob"]) for word in result["tokens"][0]["top"]]
        assert sum(probabilities) == pytest.approx(1.0, abs=1e-5)


def test_tokens_can_be_left_out(client: httpx.Client) -> None:
    for top_k in (0, 3):
        assert score(client, [LINES[0]], tokens=False, top_k=top_k)["scores"][0]["tokens"] == []


def test_every_response_names_its_model_and_request(client: httpx.Client) -> None:
    response = client.post(
        "/score", json={"texts": ["the"], "model": "tiny-iss"}, headers={"X-Request-ID": "mine-1"}
    )
    assert response.headers["X-Model"] == response.json()["model"] == "tiny-iss"
    assert response.headers["X-Request-ID"] == "mine-1"
    made = client.get("/health/live", headers={"X-Request-ID": "not sane \x7f"})
    assert made.headers["X-Request-ID"] not in ("", "not sane \x7f")


def test_timing_adds_up(client: httpx.Client) -> None:
    timing = score(client, LINES)["timing_ms"]
    assert 0 < timing["compute"] <= timing["total"]
    assert 0 <= timing["queue"] <= timing["total"]


def test_a_large_document_fits_the_default_limits(client: httpx.Client) -> None:
    line = "the stock market fell and it rose in the u.s. but they said no to " + "smith " * 24
    texts = [line] * 5000
    assert sum(map(len, texts)) > 1024 * 1024
    body = score(client, texts, carry_state=True, tokens=False, top_k=0)
    assert len(body["scores"]) == 5000


def test_a_long_text_has_all_its_tokens_in_order(client: httpx.Client) -> None:
    text = "the stock fell " * 500
    [scored] = score(client, [text], top_k=3)["scores"]
    starts = [token["start"] for token in scored["tokens"]]
    assert starts == [match.start() for match in re.finditer(r"\S+", text)] + [len(text)]
    assert {len(token["top"]) for token in scored["tokens"]} == {3}
    assert scored["log_prob"] == pytest.approx(sum(token["log_prob"] for token in scored["tokens"]))


def test_a_session_keeps_its_variant_and_traffic_is_split(
    settings_for: Callable[..., Settings],
) -> None:
    split = {"score": {"tiny-dense": 0.7, "tiny-iss": 0.3}}
    with running_service(settings_for(models=None, split=split)) as client:

        def model_of(session: int) -> str:
            headers = {"X-Session-ID": f"s{session}"}
            return client.post("/score", json={"texts": ["the"]}, headers=headers).headers[
                "X-Model"
            ]

        first = [model_of(session) for session in range(60)]
        assert first == [model_of(session) for session in range(60)]
        assert 5 < first.count("tiny-iss") < 35
        anonymous = {
            client.post("/score", json={"texts": ["the"]}).headers["X-Model"] for _ in range(40)
        }
        assert anonymous == {"tiny-dense", "tiny-iss"}


@pytest.mark.parametrize("engine", ["torch-fp32", "onnxruntime-int8"])
def test_the_engine_is_chosen_per_variant(
    settings_for: Callable[..., Settings], client: httpx.Client, engine: str
) -> None:
    with running_service(settings_for(engines={"tiny-dense": engine})) as other:
        assert other.get("/models/tiny-dense").json()["engine"] == engine
        one = score(other, LINES)["scores"]
        for mine, default in zip(one, score(client, LINES)["scores"], strict=True):
            tolerance = 1e-4 if engine == "torch-fp32" else 2.0
            assert mine["log_prob"] == pytest.approx(default["log_prob"], abs=tolerance)
