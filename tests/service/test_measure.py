"""Measuring a perplexity, and recording it in the card."""

from __future__ import annotations

import math
from pathlib import Path

import httpx
import pytest

from issrnn.artifact import load
from service.measure import main
from tests.artifacts import make_artifact

LINES = ["the stock market fell", "mr. smith said it is n't", "they rose N N"] * 30


@pytest.fixture
def text(tmp_path: Path) -> Path:
    path = tmp_path / "test.txt"
    path.write_text("".join(f" {line} \n" for line in LINES))
    return path


def test_it_is_what_the_service_gives_line_by_line(
    client: httpx.Client, models_dir: Path, text: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(models_dir / "tiny-dense"), str(text)]) == 0
    printed = capsys.readouterr().out
    request = {"texts": LINES, "pretokenized": True, "carry_state": True}
    scores = client.post("/score", json=request).json()["scores"]
    tokens = sum(score["token_count"] for score in scores)
    perplexity = math.exp(-sum(score["log_prob"] for score in scores) / tokens)
    assert f"perplexity {perplexity:.3f} over {tokens} tokens" in printed


def test_it_can_be_recorded_without_changing_anything_else(tmp_path: Path, text: Path) -> None:
    before = make_artifact(tmp_path / "model")
    arguments = [str(tmp_path / "model"), str(text), "--engine", "onnxruntime-int8"]
    assert main([*arguments, "--record", "test_perplexity_int8"]) == 0
    after = load(tmp_path / "model")
    assert after.card.metrics["test_perplexity"] == before.card.metrics["test_perplexity"]
    assert after.card.metrics["test_perplexity_int8"] > 1
    assert after.card.sha256 == before.card.sha256
    assert after.card.provenance == before.card.provenance


def test_a_missing_file_is_one_line(
    models_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(models_dir / "tiny-dense"), str(tmp_path / "absent.txt")]) == 1
    assert main([str(tmp_path / "absent"), str(tmp_path / "absent.txt")]) == 1
    errors = capsys.readouterr().err.splitlines()
    assert len(errors) == 2
    assert all("absent" in error for error in errors)
