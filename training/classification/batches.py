"""Batches of texts of about one length, so that little is computed on padding."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from training.classification.examples import Examples

__all__ = ["Batches", "collate", "evaluation_batches"]

Indices = NDArray[np.int64]

_POOL = 50
"""Batches whose texts are sorted together: more leave less padding, and less to chance."""


@dataclass(frozen=True)
class Batches:
    """The order in which texts are trained on: a function of seed and epoch alone."""

    examples: Examples
    batch_size: int
    """The last batch to be filled may be smaller."""
    seed: int
    """Of the whole run."""

    def __len__(self) -> int:
        """Batches in an epoch."""
        return math.ceil(len(self.examples) / self.batch_size)

    def epoch(self, number: int) -> list[Indices]:
        """Every text once, as the numbers of the texts of each batch."""
        chance = np.random.default_rng((self.seed, number))
        shuffled = chance.permutation(len(self.examples))
        batches: list[Indices] = []
        for pool in _cut(shuffled, _POOL * self.batch_size):
            lengths = self.examples.lengths[pool]
            by_length = pool[np.argsort(lengths, kind="stable")]
            batches += _cut(by_length, self.batch_size)
        return [batches[i] for i in chance.permutation(len(batches))]


def collate(examples: Examples, indices: Indices) -> tuple[Tensor, Tensor, Tensor]:
    """A batch.

    Args:
        examples: Of which to take some.
        indices: (B,) their numbers.

    Returns:
        Word ids (T, B) int64, padded with 0; lengths (B,) int64; and labels (B,) int64.
    """
    lengths = examples.lengths[indices]
    tokens = np.zeros((int(lengths.max()), len(indices)), np.int64)
    for column, index in enumerate(indices):
        tokens[: lengths[column], column] = examples.words(int(index))
    labels = examples.labels[examples.chosen[indices]]
    return torch.from_numpy(tokens), torch.from_numpy(lengths), torch.from_numpy(labels)


def evaluation_batches(examples: Examples, words: int) -> Iterator[Indices]:
    """Every text once, long ones with long ones, the longest first.

    Args:
        examples: The texts.
        words: Of a batch at most, padding included; a longer text is a batch of its own.
    """
    order = np.argsort(-examples.lengths, kind="stable")
    start = 0
    while start < len(order):
        size = max(1, words // int(examples.lengths[order[start]]))
        yield order[start : start + size]
        start += size


def _cut(indices: Indices, size: int) -> list[Indices]:
    return [indices[start : start + size] for start in range(0, len(indices), size)]
