"""From texts to word ids, and from logits to labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from issrnn.reading.words import plain_words
from issrnn.vocabulary import UNKNOWN, Vocabulary
from service.engines.base import Floats, Ids
from service.problems import FieldProblemError
from service.tasks.classify.schemas import TextLabel
from service.visible import shows_something

__all__ = ["ReadText", "read_texts", "to_label"]


@dataclass(frozen=True, eq=False)
class ReadText:
    """A text as the network reads it."""

    words: Ids
    """(n,) word ids, n >= 1."""
    unknown_count: int


def read_texts(texts: Sequence[str], vocabulary: Vocabulary) -> list[ReadText]:
    """Find each text's words, as training does, and their ids.

    Raises:
        FieldProblemError: 422 if one has none.
    """
    read = []
    for index, text in enumerate(texts):
        words = plain_words(text)
        if not words or not shows_something(text):
            message = "has no words, only line breaks or characters that are not visible"
            raise FieldProblemError(422, f"texts[{index}]", message)
        ids = np.array(vocabulary.encode(words), dtype=np.int64)
        read.append(ReadText(ids, int((ids == vocabulary.ids[UNKNOWN]).sum())))
    return read


def to_label(text: ReadText, logits: Floats, labels: Sequence[str]) -> TextLabel:
    """A text's label, and the probability of each.

    Args:
        text: As it was read.
        logits: (L,), the network's.
        labels: The model's, L names.
    """
    exponents = np.exp(logits.astype(np.float64) - logits.max())
    scores = dict(zip(labels, (exponents / exponents.sum()).tolist(), strict=True))
    label = max(scores, key=scores.__getitem__)
    return TextLabel(
        label=label,
        score=scores[label],
        scores=scores,
        word_count=len(text.words),
        unknown_count=text.unknown_count,
    )
