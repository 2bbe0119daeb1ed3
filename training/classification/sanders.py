"""The Sanders corpus: tweets on four companies, labelled by hand, in one CSV file.

It has no split and no address that it can be fetched from, since tweets may not be passed on.
"""

from __future__ import annotations

import csv
import hashlib
import io
from pathlib import Path

from training.classification.corpus import LabelledText, RawCorpus
from training.errors import DataError, reason

__all__ = ["SANDERS_LABELS", "find_sanders", "read_sanders"]

SANDERS_LABELS = ("positive", "negative", "neutral", "irrelevant")

_FILE = "full-corpus.csv"
_COLUMNS = ("Topic", "Sentiment", "TweetId", "TweetDate", "TweetText")


def find_sanders(directory: Path) -> Path:
    """``DIRECTORY/sanders/full-corpus.csv`` (or the file in DIRECTORY itself).

    Raises:
        DataError: If it is not there.
    """
    for path in (directory / "sanders" / _FILE, directory / _FILE):
        if path.is_file():
            return path
    raise DataError(
        f"no {directory / 'sanders' / _FILE}: point --data at the folder that holds it; it cannot "
        "be downloaded, its tweets have to be collected by their ids"
    )


def read_sanders(path: Path) -> RawCorpus:
    """Read all tweets, in the order of the file.

    Raises:
        DataError: If the file is damaged or in another layout, naming the line.
    """
    try:
        content = path.read_bytes()
        rows = csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline=""), strict=True)
        if tuple(rows.fieldnames or ()) != _COLUMNS:
            raise DataError(f"{path}: the columns must be {', '.join(_COLUMNS)}")
        texts = [_parse(row, path, rows.line_num) for row in rows]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"cannot read {path}: {reason(error)}") from error
    if not texts:
        raise DataError(f"{path} holds no tweets")
    return RawCorpus(tuple(texts), {_FILE: hashlib.sha256(content).hexdigest()})


def _parse(row: dict[str, str], path: Path, line: int) -> LabelledText:
    label, text = row["Sentiment"], row["TweetText"]
    if label not in SANDERS_LABELS or text is None:
        raise DataError(
            f"{path}, line {line}: the sentiment must be one of {', '.join(SANDERS_LABELS)}, "
            f"with a text; got {label!r}"
        )
    return LabelledText(text, label)
