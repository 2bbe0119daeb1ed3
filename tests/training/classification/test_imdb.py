"""IMDB: read alike in every form it comes in, or refused with the place of the mistake."""

import hashlib
import io
import tarfile
from pathlib import Path

import pytest

from tests.training.classification.small_corpora import (
    reviews,
    write_imdb,
    write_imdb_archive,
)
from tests.training.downloads import fake_download
from training.classification import imdb
from training.classification.imdb import IMDB_URL, fetch_imdb, find_imdb, read_imdb
from training.errors import DataError


def test_reviews_are_read_with_their_labels_and_splits(tmp_path: Path) -> None:
    corpus = read_imdb(find_imdb(write_imdb(tmp_path)))
    expected = {
        (text, {"pos": "positive", "neg": "negative"}[label], split == "test")
        for (split, label, _), text in reviews().items()
    }
    assert {(t.text, t.label, t.is_test) for t in corpus.texts} == expected
    assert len(corpus.texts) == len(reviews())


@pytest.mark.parametrize("name", ["aclImdb_v1.tar.gz", "aclImdb.tar.gz", "aclImdb.tar.xz"])
def test_archives_and_the_folder_are_the_same(tmp_path: Path, name: str) -> None:
    packed = write_imdb_archive(tmp_path, name)
    from_archive = read_imdb(find_imdb(packed))
    assert from_archive == read_imdb(find_imdb(packed / "unpacked"))
    assert find_imdb(tmp_path / "imdb") == find_imdb(tmp_path) == tmp_path / "imdb" / name


def test_each_split_has_a_checksum_of_its_own(tmp_path: Path) -> None:
    texts = reviews()
    one = read_imdb(find_imdb(write_imdb(tmp_path / "one", texts))).sha256
    texts["test", "pos", "3_9.txt"] += "?"
    other = read_imdb(find_imdb(write_imdb(tmp_path / "other", texts))).sha256
    assert set(one) == {"aclImdb/train", "aclImdb/test"}
    assert one["aclImdb/train"] == other["aclImdb/train"]
    assert one["aclImdb/test"] != other["aclImdb/test"]


def test_missing_data_say_where_to_point(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no .*aclImdb_v1\.tar\.gz .*--data.*training fetch"):
        find_imdb(tmp_path)


def test_a_damaged_archive_is_named(tmp_path: Path) -> None:
    path = find_imdb(write_imdb_archive(tmp_path, "aclImdb.tar.xz"))
    content = path.read_bytes()
    for damaged in (content[: len(content) // 2], b"no archive", b""):
        path.write_bytes(damaged)
        with pytest.raises(DataError, match=r"cannot read .*aclImdb\.tar\.xz"):
            read_imdb(path)


def test_a_missing_part_is_named(tmp_path: Path) -> None:
    texts = {key: text for key, text in reviews().items() if key[:2] != ("test", "neg")}
    with pytest.raises(DataError, match=r"has no aclImdb/test/neg/ID_RATING\.txt"):
        read_imdb(find_imdb(write_imdb(tmp_path, texts)))


def test_a_folder_that_was_not_copied_whole_is_refused(tmp_path: Path) -> None:
    texts = reviews()
    del texts["test", "neg", "3_2.txt"]
    with pytest.raises(DataError, match=r"is not complete.* test/neg 23, test/pos 24, train/neg"):
        read_imdb(find_imdb(write_imdb(tmp_path, texts)))


def test_a_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    path = find_imdb(write_imdb(tmp_path))
    (path / "train" / "pos" / "1_9.txt").write_bytes(b"fine \xff")
    with pytest.raises(DataError, match=r"train/pos/1_9\.txt is not UTF-8 text: byte 5"):
        read_imdb(path)


def archive() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz"):
        pass
    return buffer.getvalue()


def test_fetching_verifies_and_keeps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = archive()
    asked = fake_download(monkeypatch, {IMDB_URL: content})
    with pytest.raises(DataError, match="nothing was written"):
        fetch_imdb(tmp_path)
    assert not list(tmp_path.rglob("*"))
    monkeypatch.setattr(imdb, "IMDB_SHA256", hashlib.sha256(content).hexdigest())
    assert fetch_imdb(tmp_path) == tmp_path / "imdb"
    assert (tmp_path / "imdb" / "aclImdb_v1.tar.gz").read_bytes() == content
    assert asked == [IMDB_URL, IMDB_URL]
    with pytest.raises(DataError, match="has no aclImdb/train/neg"):  # this one holds nothing
        fetch_imdb(tmp_path)
    write_imdb(tmp_path / "unpacked")
    fetch_imdb(tmp_path / "unpacked")
    assert len(asked) == 2
