"""What every corpus of labelled texts is read into."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from training.errors import DataError, reason

__all__ = ["LabelledText", "RawCorpus", "fingerprint"]


@dataclass(frozen=True)
class LabelledText:
    """A text as it was published, and what people said of it."""

    text: str
    label: str
    is_test: bool = False
    """Whether it belongs to an official test split."""


@dataclass(frozen=True)
class RawCorpus:
    """All texts of a corpus, in an order that depends on nothing but the data."""

    texts: tuple[LabelledText, ...]
    sha256: dict[str, str]
    """Checksums of its parts, by name."""


def fingerprint(path: Path) -> str:
    """Changes with a file's content, or with the files of a folder; quick to compute.

    Raises:
        DataError: If it cannot be read.
    """
    try:
        if path.is_file():
            with path.open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest()
        digest = hashlib.sha256()
        for inner in sorted(path.rglob("*")):
            status = inner.stat()
            digest.update(f"{inner} {status.st_size} {status.st_mtime_ns}\n".encode())
        return digest.hexdigest()
    except OSError as error:
        raise DataError(f"cannot read {path}: {reason(error)}") from error
