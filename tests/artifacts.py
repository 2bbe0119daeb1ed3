"""Tiny artifacts with random weights for tests; needs no torch."""

from __future__ import annotations

import string
from pathlib import Path

import numpy as np

from issrnn.architecture import (
    BiDAFArchitecture,
    Cell,
    ClassifierArchitecture,
    LanguageModelArchitecture,
    Pooling,
    RecurrentHighwayLanguageModel,
    RecurrentLanguageModel,
)
from issrnn.artifact import Artifact, Card, Provenance, load, save
from issrnn.reading.rules import Reading
from issrnn.vocabulary import END, PADDING, UNKNOWN, Vocabulary
from issrnn.word_vectors import WordVectors

__all__ = [
    "CHARACTERS",
    "LABELS",
    "PROVENANCE",
    "WORDS",
    "highway_architecture",
    "make_artifact",
    "make_card",
    "make_classifier",
    "make_reader",
    "make_word_vectors",
]

WORDS = (
    END, UNKNOWN, "N", "$", "&", "the", "a", "of", "stock", "market", "fell", "rose", "in", "u.s.",
    "mr.", "corp.", "corp", "inc.", "inc", "no.", "no", "p.m", "s&p", "'s", "'", "n't", "'re", "do",
    "ca", "wo", "can", "not", "said", "traders", "years", "30-year", "13th", "1980s", "#",
    "long-term", "they", "it", "is", "and", "but", "smith", "ill.", "ill", "company", "c$", "i",
)  # fmt: skip
"""A vocabulary with the Penn Treebank's conventions."""


CHARACTERS = (PADDING, UNKNOWN, *string.ascii_letters, *string.digits, *".,?")

LABELS = ("negative", "neutral", "positive")

PROVENANCE = Provenance(
    preset="random",
    command="none",
    seed=0,
    commit="0" * 40,
    created="2026-01-01T00:00:00Z",
    machine="test",
    wall_time_seconds=0.0,
    training={},
    data_sha256={},
)


def highway_architecture(
    width: int = 8, *, depth: int = 3, embedding_size: int | None = None
) -> RecurrentHighwayLanguageModel:
    """A recurrent highway network over `WORDS`."""
    return RecurrentHighwayLanguageModel(
        vocabulary_size=len(WORDS),
        hidden_sizes=(width,),
        depth=depth,
        embedding_size=embedding_size,
    )


def make_card(
    name: str,
    *,
    architecture: LanguageModelArchitecture | None = None,
    cell: Cell = "lstm",
    hidden_sizes: tuple[int, ...] = (8, 6),
    vocabulary_size: int = len(WORDS),
    variant: str = "dense",
    metrics: dict[str, float] | None = None,
) -> Card:
    """A card of a network with the given architecture, or of stacked layers of the given sizes."""
    return Card(
        name=name,
        task="score",
        variant=variant,
        architecture=architecture
        or RecurrentLanguageModel(
            cell=cell,
            vocabulary_size=vocabulary_size,
            embedding_size=7,
            hidden_sizes=hidden_sizes,
        ),
        metrics=metrics if metrics is not None else {"test_perplexity": 50.0},
        provenance=PROVENANCE,
    )


def make_artifact(
    folder: Path,
    *,
    architecture: LanguageModelArchitecture | None = None,
    cell: Cell = "lstm",
    hidden_sizes: tuple[int, ...] = (8, 6),
    variant: str = "dense",
    seed: int = 0,
    spread: float = 0.6,
    words: tuple[str, ...] = WORDS,
    metrics: dict[str, float] | None = None,
) -> Artifact:
    """Write an artifact named after its folder, with random weights, and load it.

    They are lively unless their ``spread``, the standard deviation, is a small one.
    """
    card = make_card(
        folder.name,
        architecture=architecture,
        cell=cell,
        hidden_sizes=hidden_sizes,
        vocabulary_size=len(words),
        variant=variant,
        metrics=metrics,
    )
    generator = np.random.default_rng(seed)
    weights = {
        name: generator.normal(0.0, spread, shape).astype(np.float32)
        for name, shape in card.architecture.shapes().items()
    }
    save(folder, card, weights, Vocabulary(words))
    return load(folder)


def make_word_vectors(size: int = 6) -> WordVectors:
    """Random vectors of the words of `WORDS`."""
    words = tuple(word for word in WORDS if word not in (END, UNKNOWN))
    vectors = np.random.default_rng(1).normal(0.0, 1.0, (len(words), size))
    return WordVectors("tiny-vectors", words, vectors.astype(np.float16))


def make_reader(
    folder: Path,
    *,
    hidden_sizes: tuple[int, ...] = (5, 4, 6, 3, 2, 7, 4, 5),
    variant: str = "dense",
    seed: int = 0,
    reading: Reading | None = None,
    metrics: dict[str, float] | None = None,
) -> Artifact:
    """Write a question answering artifact named after its folder, with lively random weights."""
    word_vectors = make_word_vectors()
    architecture = BiDAFArchitecture(
        word_vector_size=word_vectors.size,
        character_count=len(CHARACTERS),
        character_size=3,
        filters=5,
        word_length=8,
        hidden_sizes=hidden_sizes,
    )
    card = Card(
        name=folder.name,
        task="answer",
        variant=variant,
        architecture=architecture,
        reading=reading or Reading(window_words=40, overlap_words=12, answer_words=6),
        metrics=metrics if metrics is not None else {"exact_match": 60.0, "f1": 70.0},
        provenance=PROVENANCE,
    )
    generator = np.random.default_rng(seed)
    weights = {
        name: generator.normal(0.0, 0.6, shape).astype(np.float32)
        for name, shape in architecture.shapes().items()
    }
    save(folder, card, weights, Vocabulary(CHARACTERS), word_vectors)
    return load(folder)


def make_classifier(
    folder: Path,
    *,
    hidden_sizes: tuple[int, ...] = (8,),
    pooling: Pooling = "max",
    labels: tuple[str, ...] = LABELS,
    variant: str = "dense",
    density: float = 1.0,
    seed: int = 0,
    metrics: dict[str, float] | None = None,
) -> Artifact:
    """Write a classifier named after its folder, with lively random weights, and load it.

    ``density`` is the share of the weights of each layer that are not zero.
    """
    words = (PADDING, *(word for word in WORDS if word != END))
    architecture = ClassifierArchitecture(
        vocabulary_size=len(words),
        embedding_size=7,
        hidden_sizes=hidden_sizes,
        pooling=pooling,
        label_count=len(labels),
    )
    card = Card(
        name=folder.name,
        task="classify",
        variant=variant,
        architecture=architecture,
        labels=labels,
        metrics=metrics if metrics is not None else {"test_accuracy": 80.0},
        provenance=PROVENANCE,
    )
    generator = np.random.default_rng(seed)
    weights = {}
    for name, shape in architecture.shapes().items():
        weight = generator.normal(0.0, 0.6, shape).astype(np.float32)
        if len(shape) == 2 and not name.startswith("output"):
            weight[generator.random(shape) >= density] = 0.0
        weights[name] = weight
    save(folder, card, weights, Vocabulary(words))
    return load(folder)
