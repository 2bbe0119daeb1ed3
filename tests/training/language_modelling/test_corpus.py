"""Corpora: whole, verified, or refused with the file's name."""

import hashlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from issrnn.vocabulary import END, UNKNOWN
from tests.training.conftest import write_corpus
from tests.training.downloads import fake_download
from training.errors import DataError
from training.language_modelling import corpus
from training.language_modelling.corpus import (
    PTB_URL,
    build_vocabulary,
    fetch_ptb,
    load_corpus,
)


def test_words_are_ordered_by_frequency_then_alphabet(data: Path) -> None:
    loaded = load_corpus(data, "tiny")
    words = (data / "tiny" / "tiny.train.txt").read_text().split()
    lines = (data / "tiny" / "tiny.train.txt").read_text().count("\n")
    counts = [lines if w == "<eos>" else words.count(w) for w in loaded.vocabulary.words]
    keys = [(-n, w) for n, w in zip(counts, loaded.vocabulary.words, strict=True)]
    assert keys == sorted(keys)
    assert len(loaded.train) == len(words) + lines


def test_every_line_ends_in_eos(data: Path) -> None:
    loaded = load_corpus(data, "tiny")
    text = (data / "tiny" / "tiny.valid.txt").read_text()
    expected = [word for line in text.splitlines() for word in (*line.split(), "<eos>")]
    assert [loaded.vocabulary.words[i] for i in loaded.valid.tolist()] == expected


def test_the_flat_layout_is_read_too(tmp_path: Path) -> None:
    write_corpus(tmp_path)
    assert len(load_corpus(tmp_path / "tiny", "tiny").sha256) == 3


def test_only_a_new_line_ends_a_sentence(tmp_path: Path) -> None:
    """Nor does a byte order mark, as Windows writes it, begin a word."""
    for split in ("train", "valid", "test"):
        text = "\ufeffthe stock\u2028rose\r\nthe market\x0bfell\r\n"
        (tmp_path / f"mine.{split}.txt").write_bytes(text.encode())
    loaded = load_corpus(tmp_path, "mine")
    words = [loaded.vocabulary.words[number] for number in loaded.train.tolist()]
    assert words == ["the", "stock", "rose", END, "the", "market", "fell", END]


def test_rare_words_become_unknown(data: Path) -> None:
    loaded = load_corpus(data, "tiny", vocabulary_limit=6)
    assert len(loaded.vocabulary) == 6  # <eos> and <unk> among them, whatever their ranks
    assert int(loaded.train.max()) < len(loaded.vocabulary)


@given(
    words=st.lists(st.sampled_from([*"abcdef", END, UNKNOWN])),
    limit=st.integers(2, 9),
)
def test_a_limit_holds_and_the_most_frequent_words_stay(words: list[str], limit: int) -> None:
    everything = build_vocabulary(words).words
    kept = build_vocabulary(words, limit).words
    assert {END, UNKNOWN} <= set(kept)
    assert len(kept) == min(limit, len(everything))
    others = [word for word in everything if word not in (END, UNKNOWN)]
    assert [word for word in kept if word not in (END, UNKNOWN)] == others[: limit - 2]
    if {END, UNKNOWN} <= set(everything[:limit]):
        assert kept == everything[:limit]


def test_a_limit_has_place_for_what_must_be_there() -> None:
    with pytest.raises(ValueError, match="no place for <eos> and <unk>"):
        build_vocabulary(["a"], 1)


def test_a_missing_file_says_where_to_point(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"tiny\.train\.txt: point --data"):
        load_corpus(tmp_path, "tiny")
    with pytest.raises(DataError, match="training fetch"):
        load_corpus(tmp_path, "ptb")


@pytest.mark.parametrize(
    ("content", "message"), [(b"", "holds no words"), (b"the \xff cat\n", "not UTF-8")]
)
def test_a_damaged_file_is_named(tmp_path: Path, content: bytes, message: str) -> None:
    write_corpus(tmp_path)
    (tmp_path / "tiny" / "tiny.valid.txt").write_bytes(content)
    with pytest.raises(DataError, match=rf"tiny\.valid\.txt {message}|{message}"):
        load_corpus(tmp_path, "tiny")


def test_another_text_is_not_taken_for_the_penn_treebank(tmp_path: Path) -> None:
    write_corpus(tmp_path, "ptb")
    with pytest.raises(DataError, match=r"ptb\.train\.txt is damaged"):
        load_corpus(tmp_path, "ptb")


def test_fetching_verifies_keeps_and_completes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    contents = {split: f"the {split} <unk>\n".encode() for split in ("train", "valid", "test")}
    sums = {split: hashlib.sha256(content).hexdigest() for split, content in contents.items()}
    monkeypatch.setattr(corpus, "PTB_SHA256", sums)
    files = {f"{PTB_URL}/ptb.{split}.txt": content for split, content in contents.items()}
    asked = fake_download(monkeypatch, {k: v for k, v in files.items() if "test" not in k})
    with pytest.raises(DataError, match=r"cannot fetch .*ptb\.test\.txt: .*no route"):
        fetch_ptb(tmp_path)
    assert sorted(f.name for f in (tmp_path / "ptb").iterdir()) == [
        "ptb.train.txt",
        "ptb.valid.txt",
    ]
    asked = fake_download(monkeypatch, files)
    fetch_ptb(tmp_path)
    assert asked == [f"{PTB_URL}/ptb.test.txt"]
    assert len(load_corpus(tmp_path, "ptb").train) == 4


def test_a_wrong_download_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_download(monkeypatch, {f"{PTB_URL}/ptb.train.txt": b"<html>moved</html>"})
    with pytest.raises(DataError, match="nothing was written"):
        fetch_ptb(tmp_path)
    assert not list(tmp_path.rglob("*"))
