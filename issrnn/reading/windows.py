"""Long texts read in overlapping windows, each of which answers for the spans it sees best."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

from issrnn.reading.rules import Reading

__all__ = ["Window", "split"]


@dataclass(frozen=True)
class Window:
    """Words ``start`` to ``stop`` (exclusive) of a text, read at once.

    It owns the spans in it whose first and last word (inclusive) add up to at least ``owned_from``
    and less than ``owned_to``.
    """

    start: int
    stop: int
    owned_from: int
    owned_to: int

    def __len__(self) -> int:
        """Words in it."""
        return self.stop - self.start

    def owns(self, first: int, last: int) -> bool:
        """Whether it answers for the span of the words ``first`` to ``last``, inclusive."""
        inside = self.start <= first <= last < self.stop
        return inside and self.owned_from <= first + last < self.owned_to


def split(count: int, reading: Reading) -> list[Window]:
    """Windows that cover a text of ``count`` words; none for an empty text.

    Every span of at most ``reading.answer_words`` words lies whole in exactly one window that owns
    it: the one that gives it the most words on its scarcer side, the earlier of two alike.

    All windows are of one length L, so the best window for a span is the one whose middle is
    nearest to the span's, and ownership passes from a window to the next where their distances are
    equal: where ``first + last`` is the sum of both starts and L - 1.
    """
    if count == 0:
        return []
    length = min(count, reading.window_words)
    stride = reading.window_words - reading.overlap_words
    windows = 1 + math.ceil((count - length) / stride)
    # Evenly spaced, so that no overlap is much larger than another.
    starts = [(count - length) * i // max(windows - 1, 1) for i in range(windows)]
    borders = [0, *(a + b + length for a, b in pairwise(starts)), 2 * count]
    return [
        Window(start, start + length, *owned)
        for start, owned in zip(starts, pairwise(borders), strict=True)
    ]
