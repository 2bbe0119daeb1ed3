"""Encoding: known words have vectors, every word has characters."""

import numpy as np

from issrnn.reading import encode, tokenize
from issrnn.vocabulary import PADDING, UNKNOWN, Vocabulary
from issrnn.word_vectors import WordVectors

VECTORS = WordVectors("tiny", ("paris", "is"), np.array([[1, 2, 3], [4, 5, 6]], np.float16))
CHARACTERS = Vocabulary((PADDING, UNKNOWN, *"aiprsP"))


def test_words_become_vectors_and_characters() -> None:
    encoded = encode(tokenize("Paris is xi"), VECTORS, CHARACTERS, 4)
    assert encoded.vectors.dtype == np.float32
    assert encoded.vectors.tolist() == [[1, 2, 3], [4, 5, 6], [0, 0, 0]]
    assert encoded.characters.dtype == np.int64
    assert encoded.characters.tolist() == [[7, 2, 5, 3], [3, 6, 0, 0], [1, 3, 0, 0]]


def test_no_words_are_arrays_without_rows() -> None:
    encoded = encode([], VECTORS, CHARACTERS, 4)
    assert encoded.vectors.shape == (0, 3)
    assert encoded.characters.shape == (0, 4)
