"""Measuring perplexity, exact match and F1, or accuracy, and recording it in the card."""

from __future__ import annotations

import gzip
import json
import math
from pathlib import Path

import httpx
import pytest

from issrnn.artifact import load
from issrnn.reading.scores import exact_match, f1
from service.measure import main
from tests.artifacts import make_artifact, make_classifier, make_reader
from tests.training.classification.small_corpora import (
    make_tweets,
    reviews,
    write_imdb,
    write_imdb_archive,
    write_sanders,
)

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


def question(text: str, *answers: str) -> dict[str, object]:
    return {"question": text, "answers": [{"text": each, "answer_start": 0} for each in answers]}


@pytest.fixture
def squad(tmp_path: Path) -> Path:
    contexts = [
        "Mr. Smith said the stock market fell, but traders said it rose in the years.",
        "The company is the 13th of the market. " * 9,
    ]
    paragraphs = [
        {
            "context": context,
            "qas": [question("Who said it fell?", "Smith"), question("What fell?", "the market")],
        }
        for context in contexts
    ]
    path = tmp_path / "dev.json"
    path.write_text(json.dumps({"version": "1.1", "data": [{"paragraphs": paragraphs}]}))
    return path


def test_a_readers_figures_are_those_of_its_answers_over_http(
    reader_client: httpx.Client,
    readers_dir: Path,
    squad: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    scores = []
    for paragraph in json.loads(squad.read_text())["data"][0]["paragraphs"]:
        for each in paragraph["qas"]:
            request = {"question": each["question"], "context": paragraph["context"]}
            answer = reader_client.post("/answer", json=request).json()["answers"][0]["text"]
            truths = [truth["text"] for truth in each["answers"]]
            scores.append((exact_match(answer, truths), f1(answer, truths)))
    expected = [100 * sum(column) / len(scores) for column in zip(*scores, strict=True)]
    assert main([str(readers_dir / "reader-dense"), str(squad)]) == 0
    printed = capsys.readouterr().out
    assert f"exact_match {expected[0]:.3f}, f1 {expected[1]:.3f} over 4 questions" in printed
    zipped = squad.with_suffix(".json.gz")
    zipped.write_bytes(gzip.compress(squad.read_bytes()))
    assert main([str(readers_dir / "reader-dense"), str(zipped)]) == 0
    assert capsys.readouterr().out.split(" over ")[0] == printed.split(" over ")[0]


def test_a_readers_figures_are_recorded_under_names_that_hold_theirs(
    tmp_path: Path, squad: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = make_reader(tmp_path / "reader")
    arguments = [str(tmp_path / "reader"), str(squad), "--engine", "onnxruntime-int8", "--record"]
    assert main([*arguments, "f1_int8", "exact_match_int8"]) == 0
    after = load(tmp_path / "reader")
    assert set(after.card.metrics) == {"exact_match", "f1", "exact_match_int8", "f1_int8"}
    assert after.card.sha256 == before.card.sha256
    assert after.card.word_vectors == before.card.word_vectors
    assert main([*arguments, "accuracy"]) == 1
    assert "must have exact_match or f1 in it" in capsys.readouterr().err


def test_a_file_of_another_layout_is_named(
    readers_dir: Path, text: Path, squad: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    reader = str(readers_dir / "reader-dense")
    assert main([reader, str(text)]) == 1
    squad.write_text('{"data": [{"paragraphs": [{"context": "a"}]}]}')
    assert main([reader, str(squad)]) == 1
    squad.write_text('{"data": []}')
    assert main([reader, str(squad)]) == 1
    errors = capsys.readouterr().err.splitlines()
    assert len(errors) == 3
    assert "not in SQuAD's layout" in errors[0]
    assert "data.0.paragraphs.0.qas" in errors[1]
    assert "no questions" in errors[2]


def test_a_damaged_file_is_named(
    readers_dir: Path, squad: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cut = tmp_path / "cut.json.gz"
    cut.write_bytes(gzip.compress(squad.read_bytes())[:-20])
    assert main([str(readers_dir / "reader-dense"), str(cut)]) == 1
    assert capsys.readouterr().err.startswith(f"error: {cut} is damaged: ")


def test_a_classifiers_accuracy_is_that_of_its_labels_over_http(
    classifier_client: httpx.Client,
    classifiers_dir: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    tested = [
        (text, {"neg": "negative", "pos": "positive"}[label])
        for (split, label, _), text in reviews().items()
        if split == "test"
    ]
    request = {"texts": [text for text, _ in tested], "model": "mood-set"}
    results = classifier_client.post("/classify", json=request).json()["results"]
    right = [result["label"] == label for result, (_, label) in zip(results, tested, strict=True)]
    accuracy = 100 * sum(right) / len(right)
    assert 0 < accuracy < 100
    folder = write_imdb(tmp_path) / "imdb" / "aclImdb"
    archive = write_imdb_archive(tmp_path / "packed", "aclImdb.tar.xz") / "imdb/aclImdb.tar.xz"
    model = str(classifiers_dir / "mood-set")
    printed = set()
    for path in (folder, folder / "test", archive):
        assert main([model, str(path)]) == 0
        printed.add(capsys.readouterr().out.split(" texts, ")[0])
    [figures] = printed
    assert f"accuracy {accuracy:.3f}, macro_f1 " in figures
    assert figures.endswith(" over 48")


def test_tweets_with_labels_that_a_classifier_lacks_are_left_out(
    classifier_client: httpx.Client,
    classifiers_dir: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    tweets = [(label, text) for label, text in make_tweets() if label != "irrelevant"]
    request = {"texts": [text for _, text in tweets], "model": "mood-iss"}
    results = classifier_client.post("/classify", json=request).json()["results"]
    right = [result["label"] == label for result, (label, _) in zip(results, tweets, strict=True)]
    table = write_sanders(tmp_path) / "sanders" / "full-corpus.csv"
    assert main([str(classifiers_dir / "mood-iss"), str(table)]) == 0
    printed = capsys.readouterr().out
    assert f"accuracy {100 * sum(right) / 36:.3f}, " in printed
    assert " over 36 texts" in printed


def test_a_classifiers_figures_are_recorded(tmp_path: Path) -> None:
    before = make_classifier(tmp_path / "mood", density=0.3)
    table = str(write_sanders(tmp_path) / "sanders" / "full-corpus.csv")
    arguments = [str(tmp_path / "mood"), table, "--engine", "onnxruntime-int8", "--record"]
    assert main([*arguments, "test_accuracy_int8", "test_macro_f1_int8"]) == 0
    after = load(tmp_path / "mood")
    assert set(after.card.metrics) == {"test_accuracy", "test_accuracy_int8", "test_macro_f1_int8"}
    assert after.card.sha256 == before.card.sha256
    assert after.card.sparse_weights == before.card.sparse_weights


def test_texts_of_another_layout_are_named(
    classifiers_dir: Path, text: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tables = {"columns.csv": "text,label\na,b\n", "quotes.csv": '"TweetText,Sentiment\n'}
    tables["labels.csv"] = "TweetText,Sentiment\nit fell,sad\n"
    for name, content in tables.items():
        (tmp_path / name).write_text(content)
    (tmp_path / "empty").mkdir()
    for path in (*tables, text.name, "empty"):
        assert main([str(classifiers_dir / "mood-dense"), str(tmp_path / path)]) == 1
    errors = capsys.readouterr().err.splitlines()
    assert len(errors) == 5
    for error, said in zip(
        errors,
        ("no column Sentiment", "cannot read", "no text with one of", "cannot read", "no texts"),
        strict=True,
    ):
        assert said in error


def test_a_missing_file_is_one_line(
    models_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(models_dir / "tiny-dense"), str(tmp_path / "absent.txt")]) == 1
    assert main([str(tmp_path / "absent"), str(tmp_path / "absent.txt")]) == 1
    errors = capsys.readouterr().err.splitlines()
    assert len(errors) == 2
    assert all("absent" in error for error in errors)
