"""Mini-batches of examples of about one length, so that little is computed on padding."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Batches", "Bucket", "Indices"]

Indices = NDArray[np.int64]
"""Numbers of examples."""


@dataclass(frozen=True, eq=False)
class Bucket:
    """Examples that are sorted together."""

    lengths: NDArray[np.int64]
    """(n,) of every example, by which they are sorted."""
    batches: int
    """How many mini-batches of examples: more leave less padding, and less to chance."""


@dataclass(frozen=True, eq=False)
class Batches:
    """The order in which n examples are trained on: a function of seed and epoch alone."""

    buckets: Sequence[Bucket]
    """At least one; each next one sorts smaller parts of those before by other lengths."""
    batch_size: int
    """The last batch to be filled may be smaller."""
    seed: int
    """Of the whole run."""

    def __len__(self) -> int:
        """Batches in an epoch."""
        return math.ceil(self._count / self.batch_size)

    def epoch(self, number: int) -> list[Indices]:
        """Every example once, as the numbers of the examples of each batch."""
        chance = np.random.default_rng((self.seed, number))
        parts: list[Indices] = [chance.permutation(self._count)]
        for bucket in self.buckets:
            size = bucket.batches * self.batch_size
            parts = [_sorted(cut, bucket.lengths) for part in parts for cut in _cut(part, size)]
        batches = [batch for part in parts for batch in _cut(part, self.batch_size)]
        return [batches[i] for i in chance.permutation(len(batches))]

    @property
    def _count(self) -> int:
        return len(self.buckets[0].lengths)


def _cut(indices: Indices, size: int) -> list[Indices]:
    return [indices[start : start + size] for start in range(0, len(indices), size)]


def _sorted(indices: Indices, lengths: NDArray[np.int64]) -> Indices:
    """By length; examples of one length stay in their order, which is random."""
    return indices[np.argsort(lengths[indices], kind="stable")]
