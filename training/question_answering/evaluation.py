"""Answers of a model to a whole split, and their EM and F1."""

from __future__ import annotations

from collections.abc import Callable

import torch

from issrnn.networks import BiDAF
from issrnn.reading.rules import Reading
from issrnn.reading.scores import exact_match, f1
from issrnn.reading.spans import best_spans
from issrnn.reading.windows import Window, split
from training.question_answering.batches import collate_pieces
from training.question_answering.examples import Examples, WordTable

__all__ = ["predict", "score"]

_WORDS = 12_000
"""Context words, padding included, of a batch: what the processor's caches hold best."""


@torch.no_grad()
def predict(
    model: BiDAF,
    examples: Examples,
    table: WordTable,
    reading: Reading,
    between: Callable[[int, int], None] | None = None,
) -> list[str]:
    """The likeliest answer to every question, as `/answer` gives it.

    Args:
        model: Left in the mode it was in.
        examples: The split.
        table: What the words of the split are read as.
        reading: Windows and longest answer.
        between: Called after each batch with how many windows are done and how many there are.
    """
    device = next(model.parameters()).device
    windows = [split(int(length), reading) for length in examples.context_lengths]
    pieces = sorted(
        ((index, window) for index, all_ in enumerate(windows) for window in all_),
        key=lambda piece: len(piece[1]),
    )
    logits: dict[tuple[int, int], tuple[torch.Tensor, torch.Tensor]] = {}
    was_training = model.training
    model.eval()
    try:
        done = 0
        while done < len(pieces):
            batch = pieces[done : done + _batch_size(pieces[done:])]
            context, question = collate_pieces(examples, table, batch)
            start, end = model(context.to(device), question.to(device))
            for column, (index, window) in enumerate(batch):
                words = slice(0, len(window))
                logits[index, window.start] = start[words, column].cpu(), end[words, column].cpu()
            done += len(batch)
            if between is not None:
                between(done, len(pieces))
    finally:
        model.train(was_training)
    return [_answer(examples, index, all_, logits, reading) for index, all_ in enumerate(windows)]


def score(examples: Examples, predictions: list[str]) -> dict[str, float]:
    """``exact_match`` and ``f1`` in percent."""
    pairs = list(zip(predictions, examples.answers, strict=True))
    return {
        "exact_match": 100 * sum(exact_match(text, truths) for text, truths in pairs) / len(pairs),
        "f1": 100 * sum(f1(text, truths) for text, truths in pairs) / len(pairs),
    }


def _batch_size(pieces: list[tuple[int, Window]]) -> int:
    """How many of the pieces, shortest first, to compute together."""
    size = 1
    while size < len(pieces) and (size + 1) * len(pieces[size][1]) <= _WORDS:
        size += 1
    return size


def _answer(
    examples: Examples,
    index: int,
    windows: list[Window],
    logits: dict[tuple[int, int], tuple[torch.Tensor, torch.Tensor]],
    reading: Reading,
) -> str:
    starts, ends = zip(*(logits[index, window.start] for window in windows), strict=True)
    [span] = best_spans(
        windows, [s.numpy() for s in starts], [e.numpy() for e in ends], reading, top_k=1
    )
    return examples.answer_text(index, span)
