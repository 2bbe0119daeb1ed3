"""Answers of a model to a whole split, and their EM and F1."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from issrnn.networks import BiDAF
from issrnn.reading.rules import Reading
from issrnn.reading.scores import exact_match, f1
from issrnn.reading.spans import best_spans
from issrnn.reading.windows import Window
from training.question_answering.batches import Piece, collate_pieces, evaluation_batches
from training.question_answering.examples import Examples

__all__ = ["predict", "score"]

Logits = NDArray[np.float32]

_BATCH_SIZE = 60


@torch.no_grad()
def predict(
    model: BiDAF,
    examples: Examples,
    reading: Reading,
    between: Callable[[int, int], None] | None = None,
) -> list[str]:
    """The likeliest answer to every question, as ``/answer`` gives it.

    Args:
        model: Left in the mode it was in.
        examples: With their whole contexts.
        reading: Windows and longest answer.
        between: Called after each batch with how many are done and how many there are.
    """
    seen: list[list[tuple[Window, Logits, Logits]]] = [[] for _ in range(len(examples))]
    batches = evaluation_batches(examples, reading, _BATCH_SIZE)
    was_training = model.training
    model.eval()
    try:
        for number, pieces in enumerate(batches, start=1):
            for piece, start, end in _logits(model, examples, pieces):
                seen[piece.example].append((piece.window, start, end))
            if between is not None:
                between(number, len(batches))
    finally:
        model.train(was_training)
    return [_answer(examples, index, parts, reading) for index, parts in enumerate(seen)]


def score(predictions: Sequence[str], truths: Sequence[Sequence[str]]) -> dict[str, float]:
    """``exact_match`` and ``f1`` in percent.

    Args:
        predictions: One a question.
        truths: What people answered to each question.
    """
    pairs = list(zip(predictions, truths, strict=True))
    return {
        "exact_match": 100 * sum(exact_match(text, true) for text, true in pairs) / len(pairs),
        "f1": 100 * sum(f1(text, true) for text, true in pairs) / len(pairs),
    }


def _logits(
    model: BiDAF, examples: Examples, pieces: Sequence[Piece]
) -> list[tuple[Piece, Logits, Logits]]:
    device = next(model.parameters()).device
    context, question = collate_pieces(examples, pieces)
    start, end = (scores.cpu().numpy() for scores in model(context.to(device), question.to(device)))
    return [
        (piece, start[: len(piece.window), column], end[: len(piece.window), column])
        for column, piece in enumerate(pieces)
    ]


def _answer(
    examples: Examples,
    index: int,
    parts: list[tuple[Window, Logits, Logits]],
    reading: Reading,
) -> str:
    windows, starts, ends = zip(*sorted(parts, key=lambda part: part[0].start), strict=True)
    [span] = best_spans(windows, starts, ends, reading, top_k=1)
    return examples.questions.answer_text(int(examples.chosen[index]), span)
