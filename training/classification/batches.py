"""Batches of texts of about one length, so that little is computed on padding."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from training.bucketing import Batches, Bucket, Indices
from training.classification.examples import Examples

__all__ = ["collate", "evaluation_batches", "training_batches"]

_POOL = 50
"""Batches whose texts are sorted together: more leave less padding, and less to chance."""


def training_batches(examples: Examples, batch_size: int, seed: int) -> Batches:
    """Batches of about one length.

    Args:
        examples: All that are trained on.
        batch_size: Texts of a batch.
        seed: Of the whole run.
    """
    return Batches((Bucket(examples.lengths, _POOL),), batch_size, seed)


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
