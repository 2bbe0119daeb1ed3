"""SQuAD 1.1, from its official files or its public address.

Rajpurkar et al. (2016), https://arxiv.org/abs/1606.05250.
"""

from __future__ import annotations

import gzip
import hashlib
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, get_args

from pydantic import Field, TypeAdapter, ValidationError

from issrnn.invalid import first_problem
from training.download import download
from training.errors import DataError, reason

__all__ = [
    "SPLITS",
    "SQUAD_SHA256",
    "SQUAD_URL",
    "Answer",
    "Paragraph",
    "Question",
    "Split",
    "Squad",
    "fetch_squad",
    "load_squad",
]

Split = Literal["train", "dev"]
SPLITS: tuple[Split, ...] = get_args(Split)

SQUAD_URL = "https://rajpurkar.github.io/SQuAD-explorer/dataset"

SQUAD_SHA256: dict[Split, str] = {
    "train": "3527663986b8295af4f7fcdff1ba1ff3f72d07d61a20f487cb238a6ef92fd955",
    "dev": "95aa6a52d5d6a735563366753ca50492a658031da74f301ac5238b03966972c9",
}
"""Checksums of the official files (md5: 981b2940..., 3e85deb5...)."""


@dataclass(frozen=True)
class Answer:
    """A true answer: ``context[answer_start : answer_start + len(text)]``."""

    text: Annotated[str, Field(min_length=1)]
    answer_start: Annotated[int, Field(ge=0)]
    """Character of the context."""


@dataclass(frozen=True)
class Question:
    """A question and what people answered, one answer each."""

    id: str
    question: str
    answers: Annotated[tuple[Answer, ...], Field(min_length=1)]


@dataclass(frozen=True)
class Paragraph:
    """A text and the questions on it."""

    context: str
    qas: tuple[Question, ...]


@dataclass(frozen=True)
class _Article:
    paragraphs: tuple[Paragraph, ...]


@dataclass(frozen=True)
class _Document:
    data: Annotated[tuple[_Article, ...], Field(min_length=1)]


_DOCUMENT = TypeAdapter(_Document)


@dataclass(frozen=True)
class Squad:
    """One split."""

    paragraphs: tuple[Paragraph, ...]
    sha256: str
    """Checksum of the JSON, whether it is stored compressed or not."""


def load_squad(directory: Path, split: Split) -> Squad:
    """Read ``DIRECTORY/squad/SPLIT-v1.1.json`` or ``.json.gz`` (or the file in DIRECTORY itself).

    Raises:
        DataError: If it is missing, damaged or in another layout, naming the file and the field.
    """
    path = _find(directory, split)
    content = _read(path)
    try:
        document = _DOCUMENT.validate_json(content)
    except ValidationError as error:
        raise DataError(
            f"{path}: not in the layout of SQuAD 1.1: {first_problem(error)}"
        ) from error
    paragraphs = tuple(p for article in document.data for p in article.paragraphs)
    for question, answer, context in _answers(paragraphs):
        end = answer.answer_start + len(answer.text)
        if context[answer.answer_start : end] != answer.text:
            raise DataError(
                f"{path}: question {question.id}: the answer {answer.text!r} does not stand at "
                f"answer_start {answer.answer_start} of its context"
            )
    return Squad(paragraphs, hashlib.sha256(content).hexdigest())


def fetch_squad(directory: Path) -> Path:
    """Download SQuAD 1.1 into ``DIRECTORY/squad``; what is there already is kept.

    Returns:
        The folder.

    Raises:
        DataError: If a download fails or does not have the known checksum; a file is either
            complete or not there.
    """
    folder = directory / "squad"
    for split in SPLITS:
        target = folder / f"{split}-v1.1.json"
        if target.exists() or target.with_name(f"{target.name}.gz").exists():
            load_squad(directory, split)
            continue
        download(f"{SQUAD_URL}/{target.name}", target, SQUAD_SHA256[split])
    return folder


def _answers(paragraphs: tuple[Paragraph, ...]) -> Iterator[tuple[Question, Answer, str]]:
    for paragraph in paragraphs:
        for question in paragraph.qas:
            for answer in question.answers:
                yield question, answer, paragraph.context


def _find(directory: Path, split: Split) -> Path:
    name = f"{split}-v1.1.json"
    for folder in (directory / "squad", directory):
        for path in (folder / name, folder / f"{name}.gz"):
            if path.is_file():
                return path
    raise DataError(
        f"no {directory / 'squad' / name} (or .json.gz): point --data at the folder that holds it; "
        "`python -m training fetch` downloads it"
    )


def _read(path: Path) -> bytes:
    try:
        content = path.read_bytes()
        return gzip.decompress(content) if path.suffix == ".gz" else content
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DataError(f"{path} is damaged: {reason(error)}") from error
    except OSError as error:
        raise DataError(f"cannot read {path}: {reason(error)}") from error
