"""Word vectors: what is saved is what is read, and what cannot be is refused."""

import errno
import os
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy

from issrnn.word_vectors import WordVectors

WORDS = ("the", "Paris", "paris", "naïve", "\u2028", "漢")


def make(words: tuple[str, ...] = WORDS, name: str = "tiny-3d") -> WordVectors:
    vectors = np.random.default_rng(0).normal(size=(len(words), 3)).astype(np.float16)
    return WordVectors(name, words, vectors)


def test_a_file_gives_back_what_was_saved(tmp_path: Path) -> None:
    vectors = make()
    vectors.save(tmp_path / "folder" / "tiny-3d.safetensors")
    read = WordVectors.read(tmp_path / "folder" / "tiny-3d.safetensors")
    assert (read.name, read.words, read.size) == ("tiny-3d", WORDS, 3)
    assert np.array_equal(read.vectors, vectors.vectors)
    assert [file.name for file in (tmp_path / "folder").iterdir()] == ["tiny-3d.safetensors"]


def test_everyone_may_read_the_file(tmp_path: Path) -> None:
    make().save(tmp_path / "v.safetensors")
    assert (tmp_path / "v.safetensors").stat().st_mode & 0o444 == 0o444


def test_words_are_found_as_written_else_in_lower_case() -> None:
    vectors = make()
    assert vectors.find_rows(["Paris", "PARIS", "The", "London", ""]).tolist() == [1, 2, 0, -1, -1]
    found = vectors.look_up(["Paris", "London", "THE"])
    assert found.dtype == np.float32
    assert found.tolist() == [vectors.vectors[1].tolist(), [0, 0, 0], vectors.vectors[0].tolist()]
    assert vectors.look_up([]).shape == (0, 3)


@pytest.mark.parametrize(
    ("words", "vectors", "name", "message"),
    [
        (("a", "a"), np.zeros((2, 3), np.float16), "x", "'a' has two vectors"),
        (("a", "b\n"), np.zeros((2, 3), np.float16), "x", "line break"),
        (("a", ""), np.zeros((2, 3), np.float16), "x", "empty"),
        (("a",), np.zeros((2, 3), np.float16), "x", "1 words, but 2 vectors"),
        (("a",), np.zeros((1, 3), np.float32), "x", "float16"),
        ((), np.zeros((0, 3), np.float16), "x", r"shape \(words, size\)"),
        (("a", "b"), np.array([[1], [np.inf]], np.float16), "x", "vector of 'b' is not finite"),
        (("a",), np.zeros((1, 3), np.float16), "../x", "named '../x'"),
    ],
)
def test_what_are_no_word_vectors_is_refused(
    words: tuple[str, ...], vectors: np.ndarray, name: str, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        WordVectors(name, words, vectors)


def test_a_missing_or_damaged_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "v.safetensors"
    with pytest.raises(ValueError, match=r"cannot read the word vectors .*v\.safetensors"):
        WordVectors.read(path)
    make().save(path)
    whole = path.read_bytes()
    for content in (b"", whole[:-1], b"\xff" * 100, whole.replace("漢".encode(), b"\xff\xff\xff")):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"v\.safetensors holds no word vectors"):
            WordVectors.read(path)


@pytest.mark.parametrize("lacking", ["vectors", "words", "name"])
def test_another_safetensors_file_is_refused(tmp_path: Path, lacking: str) -> None:
    tensors: dict[str, np.ndarray] = {
        "vectors": np.zeros((1, 2), np.float16),
        "words": np.array([97], np.uint8),
    }
    tensors.pop(lacking, None)
    metadata = {} if lacking == "name" else {"name": "x"}
    safetensors.numpy.save_file(tensors, tmp_path / "v.safetensors", metadata)
    with pytest.raises(ValueError, match=rf"v\.safetensors holds no word vectors.*{lacking}"):
        WordVectors.read(tmp_path / "v.safetensors")


def test_a_full_disk_leaves_the_former_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    path = tmp_path / "v.safetensors"
    make().save(path)
    before = path.read_bytes()
    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="No space left"):
        make(tuple("abcdefghij")).save(path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
