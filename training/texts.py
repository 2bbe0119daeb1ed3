"""Many texts as word ids, in two arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

__all__ = ["Ids", "Texts"]

Ids = NDArray[np.int32]
"""Of words or texts."""


@dataclass(frozen=True, eq=False)
class Texts:
    """Word ids of n texts, one after the other."""

    words: Ids
    """(total,)."""
    borders: NDArray[np.int64]
    """(n + 1,): text i is ``words[borders[i] : borders[i + 1]]``."""

    def __len__(self) -> int:
        """How many there are."""
        return len(self.borders) - 1

    def __getitem__(self, index: int) -> Ids:
        """The word ids of one text."""
        return self.words[self.borders[index] : self.borders[index + 1]]

    @cached_property
    def lengths(self) -> NDArray[np.int64]:
        """(n,) words of each."""
        return np.diff(self.borders)

    @classmethod
    def join(cls, texts: Sequence[Sequence[int] | NDArray[np.int32]]) -> Texts:
        """Put texts one after the other."""
        borders = np.cumsum([0, *(len(text) for text in texts)], dtype=np.int64)
        none = np.empty(0, np.int32)
        words = np.concatenate([none, *(np.asarray(text, np.int32) for text in texts)])
        return cls(words, borders)
