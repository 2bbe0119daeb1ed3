"""Labelled texts in the layouts in which they are published."""

from __future__ import annotations

import csv
import io
import lzma
import re
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

__all__ = ["LabelledText", "read_labelled_texts"]

_REVIEW = re.compile(r"(?:.*/)?test/(?P<label>neg|pos)/[^/]+\.txt")
_LABELS = {"neg": "negative", "pos": "positive"}
_TEXT, _LABEL = "TweetText", "Sentiment"
_DAMAGE = (tarfile.TarError, EOFError, lzma.LZMAError, zlib.error, csv.Error, UnicodeDecodeError)


class LabelledText(NamedTuple):
    """A text, and what people said of it."""

    text: str
    label: str


def read_labelled_texts(path: Path) -> list[LabelledText]:
    """Read texts and their labels, in the order of their files' names or of the file.

    Args:
        path: A table with columns as the Sanders corpus has them (``.csv``; the columns
            ``TweetText`` and ``Sentiment`` are read), or the Large Movie Review Dataset, unpacked
            or as an archive, of which the test split is read.

    Raises:
        OSError, ValueError: If it cannot be read, is of another layout, or has no texts.
    """
    try:
        texts = _read_table(path) if path.suffix == ".csv" else _read_reviews(path)
    except _DAMAGE as error:
        reason = str(error).partition("\n")[0].rstrip(":")  # tarfile tells of every kind it tried
        raise ValueError(f"cannot read {path}: {reason}") from error
    if not texts:
        raise ValueError(f"{path} has no texts: no test/pos/ID_RATING.txt, or an empty table")
    return texts


def _read_table(path: Path) -> list[LabelledText]:
    content = path.read_text(encoding="utf-8-sig")
    rows = csv.DictReader(io.StringIO(content, newline=""), strict=True)
    if missing := {_TEXT, _LABEL} - set(rows.fieldnames or ()):
        raise ValueError(f"{path} has no column {min(missing)}")
    return [LabelledText(row[_TEXT] or "", row[_LABEL] or "") for row in rows]


def _read_reviews(path: Path) -> list[LabelledText]:
    reviews = {}
    for name, content in _files(path):
        match = _REVIEW.fullmatch(name)
        if match:
            reviews[name] = LabelledText(content.decode("utf-8"), _LABELS[match["label"]])
    return [reviews[name] for name in sorted(reviews)]


def _files(path: Path) -> Iterator[tuple[str, bytes]]:
    """Name and content of every text file."""
    if path.is_dir():
        for file_path in path.rglob("*.txt"):
            yield file_path.relative_to(path.parent).as_posix(), file_path.read_bytes()
        return
    with tarfile.open(path) as archive:
        for member in archive:
            file = archive.extractfile(member) if member.isfile() else None
            if file is not None:
                yield member.name, file.read()
