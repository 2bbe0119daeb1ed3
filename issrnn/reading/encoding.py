"""Tokens as the arrays a reader's network takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from issrnn.reading.tokens import Token
from issrnn.vocabulary import PADDING, Vocabulary
from issrnn.word_vectors import WordVectors

__all__ = ["Encoded", "encode", "encode_characters"]


@dataclass(frozen=True, eq=False)
class Encoded:
    """The n words of a text."""

    vectors: NDArray[np.float32]
    """(n, W) word vectors; zeros for a word without one, which its characters still tell."""
    characters: NDArray[np.int64]
    """(n, C) ids of each word's characters, padded with ``<pad>``."""


def encode(
    tokens: Sequence[Token], word_vectors: WordVectors, characters: Vocabulary, word_length: int
) -> Encoded:
    """Look up the words of a text and their characters.

    Args:
        tokens: n words.
        word_vectors: Of size W.
        characters: Single characters, and ``<pad>`` and ``<unk>``.
        word_length: C; the rest of a longer word is not read.
    """
    words = [token.text for token in tokens]
    return Encoded(
        vectors=word_vectors.look_up(words),
        characters=encode_characters(words, characters, word_length),
    )


def encode_characters(
    words: Sequence[str], characters: Vocabulary, word_length: int
) -> NDArray[np.int64]:
    """(n, word_length) ids of the first characters of n words, padded with ``<pad>``."""
    ids = np.full((len(words), word_length), characters.ids[PADDING], np.int64)
    for row, word in zip(ids, words, strict=True):
        spelled = characters.encode(word[:word_length])
        row[: len(spelled)] = spelled
    return ids
