"""Batches of questions with texts of about one length, so that little is computed on padding."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from issrnn.networks.bidaf import Text
from issrnn.reading.rules import Reading
from issrnn.reading.windows import Window, split
from training.bucketing import Batches, Bucket, Indices
from training.question_answering.examples import Examples, WordTable
from training.texts import Ids

__all__ = ["Piece", "collate", "collate_pieces", "evaluation_batches", "training_batches"]

_POOL = 400
"""Batches whose examples are sorted together: more leave less padding, and less to chance."""
_SLAB = 8
"""Batches of nearly one context length, within which examples are sorted by question."""


def training_batches(examples: Examples, batch_size: int, seed: int) -> Batches:
    """Batches of about one context length, and within these of about one question length.

    Args:
        examples: All that are trained on.
        batch_size: Examples of a batch.
        seed: Of the whole run.
    """
    buckets = (
        Bucket(examples.context_lengths, _POOL),
        Bucket(examples.question_lengths, _SLAB),
    )
    return Batches(buckets, batch_size, seed)


def collate(examples: Examples, indices: Indices) -> tuple[Text, Text, Tensor, Tensor]:
    """A batch for training.

    Args:
        examples: Of which to take some.
        indices: (B,) their numbers.

    Returns:
        Contexts of up to T words and questions; and the true first and last word of each answer,
        (B,) int64.
    """
    chosen = examples.chosen[indices]
    return (
        _pad([examples.context(i) for i in indices], examples.table),
        _pad([examples.question(i) for i in indices], examples.table),
        torch.from_numpy(examples.questions.starts[chosen].astype(np.int64)),
        torch.from_numpy(examples.questions.ends[chosen].astype(np.int64)),
    )


@dataclass(frozen=True)
class Piece:
    """A window of an example's context."""

    example: int
    window: Window


def evaluation_batches(examples: Examples, reading: Reading, batch_size: int) -> list[list[Piece]]:
    """Every window of every example once, long ones with long ones, the longest first."""
    pieces = [
        Piece(example, window)
        for example, words in enumerate(examples.context_lengths)
        for window in split(int(words), reading)
    ]
    pieces.sort(key=lambda p: (len(p.window), examples.question_lengths[p.example]), reverse=True)
    return [pieces[start : start + batch_size] for start in range(0, len(pieces), batch_size)]


def collate_pieces(examples: Examples, pieces: Sequence[Piece]) -> tuple[Text, Text]:
    """Windows of contexts, and the question on each."""
    contexts = [examples.context(p.example)[p.window.start : p.window.stop] for p in pieces]
    questions = [examples.question(p.example) for p in pieces]
    return _pad(contexts, examples.table), _pad(questions, examples.table)


def _pad(texts: Sequence[Ids], table: WordTable) -> Text:
    """An empty text becomes one word of padding, since a network cannot read nothing."""
    lengths = np.maximum([len(text) for text in texts], 1)
    words = np.full((int(lengths.max()), len(texts)), table.padding)  # (T, B)
    for column, text in enumerate(texts):
        words[: len(text), column] = text
    return Text(
        vectors=torch.from_numpy(table.vectors[words]),
        characters=torch.from_numpy(table.characters[words]),
        lengths=torch.from_numpy(lengths),
    )
