"""Preparation: done once, again when anything changes or is damaged."""

from pathlib import Path

import numpy as np
import pytest

from tests.training.question_answering.small_squad import TRAIN, write_squad, write_vectors
from training.errors import RunError
from training.question_answering import preparation
from training.question_answering.preparation import Prepared, prepare
from training.question_answering.questions import QuestionSet


def forbid_preparing(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: object) -> None:
        raise AssertionError("prepared again")

    monkeypatch.setattr(preparation, "make_questions", fail)


def assert_same(one: Prepared, other: Prepared) -> None:
    assert (one.words, one.sha256) == (other.words, other.sha256)
    assert one.word_vectors.words == other.word_vectors.words
    assert np.array_equal(one.word_vectors.vectors, other.word_vectors.vectors)
    for a, b in ((one.train, other.train), (one.dev, other.dev)):
        assert_same_questions(a, b)


def assert_same_questions(one: QuestionSet, other: QuestionSet) -> None:
    for name in ("off_border", "context_texts", "answers", "ids"):
        assert getattr(one, name) == getattr(other, name)
    for name in ("places", "context_of", "starts", "ends"):
        assert np.array_equal(getattr(one, name), getattr(other, name))
    for name in ("contexts", "questions"):
        assert np.array_equal(getattr(one, name).words, getattr(other, name).words)
        assert np.array_equal(getattr(one, name).borders, getattr(other, name).borders)


def test_a_second_call_reads_what_the_first_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, vectors = write_squad(tmp_path), write_vectors(tmp_path)
    made = prepare(data, tmp_path / "cache", vectors)
    assert sorted(made.sha256) == ["dev-v1.1.json", "glove.Tiny.3d.txt", "train-v1.1.json"]
    forbid_preparing(monkeypatch)
    assert_same(made, prepare(data, tmp_path / "cache", vectors))


def test_the_words_of_both_splits_keep_their_vectors(tmp_path: Path) -> None:
    made = prepare(write_squad(tmp_path), tmp_path / "cache", write_vectors(tmp_path), limit=1)
    assert {"mill", "oak", "did"} <= set(made.word_vectors.words)
    assert "zebra" not in made.word_vectors.words


@pytest.mark.parametrize("damage", ["cut", "flipped", "emptied"])
def test_a_damaged_cache_is_made_again(tmp_path: Path, damage: str) -> None:
    data, vectors = write_squad(tmp_path), write_vectors(tmp_path)
    made = prepare(data, tmp_path / "cache", vectors)
    (file,) = (tmp_path / "cache").iterdir()
    content = file.read_bytes()
    middle = len(content) // 2
    flipped = content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]
    file.write_bytes({"cut": content[:-5], "flipped": flipped, "emptied": b""}[damage])
    assert_same(made, prepare(data, tmp_path / "cache", vectors))
    assert file.read_bytes() == content


def test_other_data_vectors_and_limits_have_caches_of_their_own(tmp_path: Path) -> None:
    data, vectors = write_squad(tmp_path), write_vectors(tmp_path)
    prepare(data, tmp_path / "cache", vectors)
    prepare(data, tmp_path / "cache", vectors, limit=3)
    assert len(list((tmp_path / "cache").iterdir())) == 2
    vectors.write_text("the 1 2\n")
    assert prepare(data, tmp_path / "cache", vectors).word_vectors.size == 2
    write_squad(tmp_path, train=dict(list(TRAIN.items())[:1]))
    assert len(prepare(data, tmp_path / "cache", vectors).train) == 4
    assert len(list((tmp_path / "cache").iterdir())) == 4


def test_a_cache_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    data, vectors = write_squad(tmp_path), write_vectors(tmp_path)
    (tmp_path / "cache").write_text("a file is in the way")
    with pytest.raises(RunError, match=r"cannot write .*cache"):
        prepare(data, tmp_path / "cache", vectors)
