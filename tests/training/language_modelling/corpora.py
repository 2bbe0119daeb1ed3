"""Corpora that are made up, in memory."""

import torch
from torch import Tensor

from issrnn.vocabulary import END, UNKNOWN, Vocabulary
from training.language_modelling.corpus import Corpus

__all__ = ["random_corpus"]


def random_corpus(*, train: int = 100, valid: int = 50, test: int = 20) -> Corpus:
    """Random words of a vocabulary of 15.

    Args:
        train: How many there are to train on.
        valid: To validate with.
        test: To test with.
    """
    vocabulary = Vocabulary((END, UNKNOWN, *(f"word{number}" for number in range(13))))
    generator = torch.Generator().manual_seed(0)

    def words(count: int) -> Tensor:
        return torch.randint(len(vocabulary), (count,), generator=generator)

    return Corpus(vocabulary, words(train), words(valid), words(test), sha256={})
