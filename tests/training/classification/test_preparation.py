"""Preparation: done once, again when anything changes or is damaged."""

from pathlib import Path

import numpy as np
import pytest

from tests.training.classification.small_corpora import (
    reviews,
    write_imdb,
    write_imdb_archive,
    write_sanders,
)
from training.classification import preparation
from training.classification.preparation import Prepared, prepare
from training.errors import RunError


def assert_same(one: Prepared, other: Prepared) -> None:
    for name in ("words", "label_names", "sha256"):
        assert getattr(one, name) == getattr(other, name)
    for left, right in (
        (one.texts.words, other.texts.words),
        (one.texts.borders, other.texts.borders),
        (one.labels, other.labels),
        (one.is_test, other.is_test),
    ):
        assert left.dtype == right.dtype
        assert np.array_equal(left, right)


def text(prepared: Prepared, index: int) -> list[str]:
    return [prepared.words[word] for word in prepared.texts[index]]


def test_texts_become_words_and_labels(tmp_path: Path) -> None:
    made = prepare("sanders", write_sanders(tmp_path), tmp_path / "cache")
    first = text(made, 0)
    assert first[:2] == ["@", "company"]
    assert first[3:] == ['"', "phone", '"', ",", "see", "http"]
    assert made.label_names[made.labels[0]] == "positive"
    assert made.label_names == ("irrelevant", "negative", "neutral", "positive")
    assert len(made.texts) == len(made.labels) == 48


def test_official_test_texts_are_marked(tmp_path: Path) -> None:
    made = prepare("imdb", write_imdb(tmp_path), tmp_path / "cache")
    assert made.label_names == ("negative", "positive")
    assert made.is_test.sum() == (~made.is_test).sum() == 48
    assert "br" not in made.words
    assert "unlabelled" not in made.words


def test_an_empty_text_is_an_unknown_word(tmp_path: Path) -> None:
    tweets = [("positive", "good"), ("negative", " \n")]
    made = prepare("sanders", write_sanders(tmp_path, tweets), tmp_path / "cache")
    assert text(made, 1) == ["<unk>"]


@pytest.mark.parametrize("name", ["folder", "aclImdb.tar.gz"])
def test_a_second_call_reads_what_the_first_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    data = write_imdb(tmp_path) if name == "folder" else write_imdb_archive(tmp_path, name)
    made = prepare("imdb", data, tmp_path / "cache")

    def fail(*arguments: object) -> None:
        raise AssertionError("prepared again")

    monkeypatch.setattr(preparation, "_split_into_words", fail)
    assert_same(made, prepare("imdb", data, tmp_path / "cache"))


@pytest.mark.parametrize("damage", ["cut", "flipped", "emptied"])
def test_a_damaged_cache_is_made_again(tmp_path: Path, damage: str) -> None:
    data = write_sanders(tmp_path)
    made = prepare("sanders", data, tmp_path / "cache")
    (file,) = (tmp_path / "cache").iterdir()
    content = file.read_bytes()
    middle = len(content) // 2
    flipped = content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]
    file.write_bytes({"cut": content[:-5], "flipped": flipped, "emptied": b""}[damage])
    assert_same(made, prepare("sanders", data, tmp_path / "cache"))
    assert file.read_bytes() == content


def test_other_data_have_caches_of_their_own(tmp_path: Path) -> None:
    data = write_imdb(tmp_path)
    first = prepare("imdb", data, tmp_path / "cache")
    texts = reviews()
    texts["train", "pos", "0_9.txt"] = "a new review"
    second = prepare("imdb", write_imdb(tmp_path, texts), tmp_path / "cache")
    assert first.sha256["aclImdb/train"] != second.sha256["aclImdb/train"]
    assert len(list((tmp_path / "cache").iterdir())) == 2


def test_a_cache_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    data = write_sanders(tmp_path)
    (tmp_path / "cache").write_text("a file is in the way")
    with pytest.raises(RunError, match=r"cannot write .*cache"):
        prepare("sanders", data, tmp_path / "cache")
