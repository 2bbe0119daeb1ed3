from pathlib import Path

import pytest

from loadtests.tasks.sentences import SENTENCES_FILE, read_sentences


def test_there_are_enough_different_sentences_of_all_lengths() -> None:
    sentences = read_sentences()
    lengths = [len(sentence.split()) for sentence in sentences]

    assert 150 <= len(sentences) == len(set(sentences))
    assert min(lengths) == 5
    assert 35 < max(lengths) <= 45


def test_the_file_states_its_origin() -> None:
    assert "# Origin:" in SENTENCES_FILE.read_text()


def test_comments_and_blank_lines_are_left_out(tmp_path: Path) -> None:
    file = tmp_path / "own.txt"
    file.write_text("# mine\n\nOne sentence.\n  \nAnother one.\n")
    assert read_sentences(file) == ("One sentence.", "Another one.")


@pytest.mark.parametrize("content", [None, "# nothing\n"])
def test_a_missing_or_empty_file_is_named(tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "own.txt"
    if content is not None:
        file.write_text(content)
    with pytest.raises(ValueError, match=r"own\.txt"):
        read_sentences(file)
