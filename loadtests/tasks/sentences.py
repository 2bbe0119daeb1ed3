"""The sentences that simulated users post."""

from __future__ import annotations

from pathlib import Path

__all__ = ["SENTENCES_FILE", "read_sentences"]

SENTENCES_FILE = Path(__file__).with_name("sentences.txt")
"""English sentences of 5 to 45 words, written for this project."""


def read_sentences(path: Path = SENTENCES_FILE) -> tuple[str, ...]:
    """Read one sentence a line; blank lines and lines that start with ``#`` are left out.

    Raises:
        ValueError: If the file cannot be read or holds no sentence.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"cannot read the sentences in {path}: {error}") from error
    sentences = tuple(line.strip() for line in lines if line.strip() and line[0] != "#")
    if not sentences:
        raise ValueError(f"{path} holds no sentence")
    return sentences
