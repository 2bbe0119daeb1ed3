"""Word vectors that were learned beforehand, and their file; needs no torch."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import safetensors
import safetensors.numpy
from numpy.typing import NDArray

from issrnn.durable import write_file

__all__ = ["WordVectors"]

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]*")


@dataclass(frozen=True, eq=False)
class WordVectors:
    """Words and the vector of each.

    Raises:
        ValueError: If there is not one finite 16-bit vector for each word, a word occurs twice or
            is empty or holds a line break, or the name cannot be that of a file.
    """

    name: str
    """Such as ``glove-6b-50d``."""
    words: tuple[str, ...]
    vectors: NDArray[np.float16]
    """(N, D); row i is of ``words[i]``."""
    rows: dict[str, int] = field(init=False, repr=False)
    """The row of each word."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "rows", {word: row for row, word in enumerate(self.words)})
        if not _NAME.fullmatch(self.name):
            raise ValueError(
                f"word vectors cannot be named {self.name!r}: only a-z, 0-9, '.', '_' and '-'"
            )
        if self.vectors.dtype != np.float16 or self.vectors.ndim != 2 or self.vectors.size == 0:
            raise ValueError(
                f"word vectors must be a float16 array of shape (words, size), got "
                f"{self.vectors.dtype} {self.vectors.shape}"
            )
        if len(self.words) != len(self.vectors):
            raise ValueError(f"{len(self.words)} words, but {len(self.vectors)} vectors")
        if len(self.rows) != len(self.words):
            twice = next(word for row, word in enumerate(self.words) if self.rows[word] != row)
            raise ValueError(f"the word {twice!r} has two vectors")
        for word in self.words:
            if not word or "\n" in word:
                raise ValueError(f"{word!r} cannot be a word: it is empty or holds a line break")
        if not np.isfinite(self.vectors).all():
            wrong = int(np.flatnonzero(~np.isfinite(self.vectors).all(axis=1))[0])
            raise ValueError(f"the vector of {self.words[wrong]!r} is not finite")

    @property
    def size(self) -> int:
        """D, the length of a vector."""
        return int(self.vectors.shape[1])

    def find_rows(self, words: Sequence[str]) -> NDArray[np.int64]:
        """The row of each of n words, (n,): as it is written, else in lower case, else -1."""
        rows = self.rows
        found = (rows.get(word, -2) for word in words)
        lowered = (
            row if row >= 0 else rows.get(word.lower(), -1)
            for word, row in zip(words, found, strict=True)
        )
        return np.fromiter(lowered, np.int64, len(words))

    def look_up(self, words: Sequence[str]) -> NDArray[np.float32]:
        """The vectors of n words, (n, D): as written, else in lower case, else zeros."""
        rows = self.find_rows(words)
        vectors = self.vectors[rows].astype(np.float32)
        vectors[rows < 0] = 0.0
        return vectors

    def save(self, path: Path) -> None:
        """Write them to one file, at once: ``path`` is the old file or the new one.

        Raises:
            OSError: If it cannot be written.
        """
        write_file(path, self.to_bytes())

    def to_bytes(self) -> bytes:
        """The content of a safetensors file that holds them."""
        words = np.frombuffer("\n".join(self.words).encode(), np.uint8)
        return bytes(
            safetensors.numpy.save(
                {"vectors": np.ascontiguousarray(self.vectors), "words": words},
                metadata={"name": self.name},
            )
        )

    @classmethod
    def read(cls, path: Path) -> WordVectors:
        """Read what `save` wrote.

        Raises:
            ValueError: If the file is missing, damaged or something else; the message names it.
        """
        try:
            content = path.read_bytes()
        except OSError as error:
            raise ValueError(f"cannot read the word vectors {path}: {error}") from error
        return cls.from_bytes(content, path)

    @classmethod
    def from_bytes(cls, content: bytes, path: Path) -> WordVectors:
        """What `to_bytes` made bytes of.

        Args:
            content: Of a file.
            path: Of this file, named in the error.

        Raises:
            ValueError: If they are damaged or something else.
        """
        try:
            arrays = safetensors.numpy.load(content)
            header_length = int.from_bytes(content[:8], "little")
            header = json.loads(content[8 : 8 + header_length])
            name = header.get("__metadata__", {})["name"]
            vectors, joined = arrays["vectors"], arrays["words"]
            words = tuple(bytes(joined.astype(np.uint8, casting="no")).decode().split("\n"))
            return cls(name, words, vectors)
        except KeyError as error:
            raise ValueError(f"{path} holds no word vectors: it has no {error}") from error
        except (safetensors.SafetensorError, TypeError, ValueError) as error:
            raise ValueError(f"{path} holds no word vectors: {error}") from error
