"""Tiny artifacts with random weights for tests; needs no torch."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from issrnn.architecture import Cell, RecurrentLanguageModel
from issrnn.artifact import Artifact, Card, Provenance, load, save
from issrnn.vocabulary import END, UNKNOWN, Vocabulary

__all__ = ["WORDS", "make_artifact", "make_card"]

WORDS = (
    END, UNKNOWN, "N", "$", "&", "the", "a", "of", "stock", "market", "fell", "rose", "in", "u.s.",
    "mr.", "corp.", "corp", "inc.", "inc", "no.", "no", "p.m", "s&p", "'s", "'", "n't", "'re", "do",
    "ca", "wo", "can", "not", "said", "traders", "years", "30-year", "13th", "1980s", "#",
    "long-term", "they", "it", "is", "and", "but", "smith", "ill.", "ill", "company", "c$", "i",
)  # fmt: skip
"""A vocabulary with the Penn Treebank's conventions."""


def make_card(
    name: str,
    *,
    cell: Cell = "lstm",
    hidden_sizes: tuple[int, ...] = (8, 6),
    vocabulary_size: int = len(WORDS),
    variant: str = "dense",
    metrics: dict[str, float] | None = None,
) -> Card:
    """A card of a network with the given sizes."""
    return Card(
        name=name,
        task="score",
        variant=variant,
        architecture=RecurrentLanguageModel(
            cell=cell,
            vocabulary_size=vocabulary_size,
            embedding_size=7,
            hidden_sizes=hidden_sizes,
        ),
        metrics=metrics if metrics is not None else {"test_perplexity": 50.0},
        provenance=Provenance(
            preset="random",
            command="none",
            seed=0,
            commit="0" * 40,
            created="2026-01-01T00:00:00Z",
            machine="test",
            wall_time_seconds=0.0,
            training={},
            data_sha256={},
        ),
    )


def make_artifact(
    folder: Path,
    *,
    cell: Cell = "lstm",
    hidden_sizes: tuple[int, ...] = (8, 6),
    variant: str = "dense",
    seed: int = 0,
    words: tuple[str, ...] = WORDS,
    metrics: dict[str, float] | None = None,
) -> Artifact:
    """Write an artifact named after its folder, with lively random weights, and load it."""
    card = make_card(
        folder.name,
        cell=cell,
        hidden_sizes=hidden_sizes,
        vocabulary_size=len(words),
        variant=variant,
        metrics=metrics,
    )
    generator = np.random.default_rng(seed)
    weights = {
        name: generator.normal(0.0, 0.6, shape).astype(np.float32)
        for name, shape in card.architecture.shapes().items()
    }
    save(folder, card, weights, Vocabulary(words))
    return load(folder)
