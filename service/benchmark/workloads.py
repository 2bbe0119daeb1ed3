"""What is timed: items of work as the service gives them to a network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from issrnn.architecture import Architecture, BiDAFArchitecture, ClassifierArchitecture
from issrnn.reading.encoding import Encoded
from service.engines.bidaf import Passage
from service.engines.classifier import TextChunk
from service.engines.language_model import Chunk
from service.settings import Settings

__all__ = ["Workload", "random_items", "workload_of"]

CHUNK = 30
CONTEXT, QUESTION = 150, 12
"""Words."""
TEXT_CHUNK = Settings.model_fields["chunk_steps"].default
"""Words: longer texts are computed in several calls."""


@dataclass(frozen=True)
class Workload:
    """The size of what is timed."""

    item: str
    """Such as ``30 steps``."""
    batches: tuple[int, ...]
    """Items computed together."""


def workload_of(architecture: Architecture) -> Workload:
    """What is timed of a network."""
    if isinstance(architecture, BiDAFArchitecture):
        return Workload(f"{CONTEXT} context words + {QUESTION} question words", (8, 1))
    if isinstance(architecture, ClassifierArchitecture):
        return Workload(f"{TEXT_CHUNK} words", (16, 1))
    return Workload(f"{CHUNK} steps", (10, 1))


def random_items(
    architecture: Architecture, generator: np.random.Generator, count: int
) -> Sequence[Any]:
    """Items of the network's workload with random content, on which time does not depend."""
    if isinstance(architecture, ClassifierArchitecture):
        words = generator.integers(0, architecture.vocabulary_size, (count, TEXT_CHUNK))
        return [TextChunk(row) for row in words]
    if not isinstance(architecture, BiDAFArchitecture):
        ids = generator.integers(0, architecture.vocabulary_size, (count, 2, CHUNK))
        return [Chunk(inputs=row[0], targets=row[1]) for row in ids]

    def text(words: int) -> Encoded:
        shape = words, architecture.word_length
        vectors = generator.standard_normal((words, architecture.word_vector_size), np.float32)
        return Encoded(vectors, generator.integers(0, architecture.character_count, shape))

    return [Passage(text(CONTEXT), text(QUESTION)) for _ in range(count)]
