"""The best answers, as the network's scores of their first and last words rank them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from issrnn.reading.rules import Reading
from issrnn.reading.windows import Window

__all__ = ["Span", "best_spans"]

Scores = NDArray[np.float32]


class Span(NamedTuple):
    """Some successive words of a text."""

    first: int
    """Index of its first word in the whole text."""
    last: int
    """Index of its last word, inclusive."""
    probability: float
    """Among all spans of the text that may be answers."""


def best_spans(
    windows: Sequence[Window],
    starts: Sequence[Scores],
    ends: Sequence[Scores],
    reading: Reading,
    top_k: int,
) -> list[Span]:
    """Rank the spans of a text.

    All spans of at most ``reading.answer_words`` words share one distribution: the softmax of the
    first word's start logit plus the last word's end logit, both from the window that owns the
    span. (Seo et al., section 2, multiply both probabilities; within one window that ranks alike.)

    Args:
        windows: As `split` gave them for the text.
        starts: For each window of n words, (n,) logits of the answer's first word.
        ends: For each window of n words, (n,) logits of the answer's last word.
        reading: As `split` was given.
        top_k: How many spans to return at most, at least 1.

    Returns:
        The most probable span, then the most probable that does not overlap it, and so on. Of spans
        alike the one that begins first, then the shortest, is taken.

    Raises:
        ValueError: If there are not as many logits as words, or one is not a number.
    """
    if not windows:
        return []
    log_odds = _log_odds(windows, starts, ends, reading.answer_words)  # (count, answer_words)
    highest = log_odds.max()
    total = np.exp(log_odds - highest).sum()
    spans: list[Span] = []
    while len(spans) < top_k:
        first, more = divmod(int(log_odds.argmax()), log_odds.shape[1])
        best = log_odds[first, more]
        if best == -np.inf:
            break
        last = first + more
        spans.append(Span(first, last, float(np.exp(best - highest) / total)))
        for row in range(max(first - log_odds.shape[1] + 1, 0), last + 1):
            log_odds[row, max(first - row, 0) :] = -np.inf
    return spans


def _log_odds(
    windows: Sequence[Window], starts: Sequence[Scores], ends: Sequence[Scores], longest: int
) -> NDArray[np.float64]:
    """(count, longest): entry (i, d) is of the words i to i + d; minus infinity for no span."""
    count = windows[-1].stop
    table = np.full((count, longest), -np.inf)
    more = np.arange(longest)
    for window, start, end in zip(windows, starts, ends, strict=True):
        for logits in (start, end):
            if logits.shape != (len(window),):
                raise ValueError(
                    f"{logits.shape} logits for the {len(window)} words from {window.start} on"
                )
            if not np.isfinite(logits).all():
                raise ValueError(f"the logits of the words from {window.start} on are not finite")
        padded = np.concatenate((end, np.full(longest - 1, -np.inf)))
        scores = start[:, None] + np.lib.stride_tricks.sliding_window_view(padded, longest)
        sums = 2 * np.arange(window.start, window.stop)[:, None] + more  # first + last
        owned = (sums >= window.owned_from) & (sums < window.owned_to)
        np.copyto(table[window.start : window.stop], scores, where=owned)
    return table
