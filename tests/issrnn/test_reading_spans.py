"""Spans: those that a search through all of them would find, wherever windows fall."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from issrnn.reading import Reading, Span, Window, best_spans, split

SMALL = Reading(window_words=12, overlap_words=6, answer_words=4)
WIDE = Reading(window_words=1000, overlap_words=6, answer_words=4)

Logits = list[NDArray[np.float32]]


def lively(seed: int, windows: list[Window]) -> Logits:
    """Logits of each window by itself; some are alike."""
    generator = np.random.default_rng(seed)
    return [(generator.integers(-6, 7, len(w)) / 2).astype(np.float32) for w in windows]


def search(
    windows: list[Window], starts: Logits, ends: Logits, reading: Reading, top_k: int
) -> list[Span]:
    """All spans, one by one."""
    scores = {
        (first, last): float(start[first - w.start]) + float(end[last - w.start])
        for w, start, end in zip(windows, starts, ends, strict=True)
        for first in range(w.start, w.stop)
        for last in range(first, min(first + reading.answer_words, w.stop))
        if w.owns(first, last)
    }
    total = sum(math.exp(score) for score in scores.values())
    spans: list[Span] = []
    for (first, last), score in sorted(scores.items(), key=lambda item: (-item[1], item[0])):
        if len(spans) < top_k and all(last < s.first or s.last < first for s in spans):
            spans.append(Span(first, last, math.exp(score) / total))
    return spans


@given(st.integers(0, 60), st.integers(0, 2**32 - 1), st.integers(1, 8))
def test_the_best_are_those_that_a_full_search_finds(count: int, seed: int, top_k: int) -> None:
    windows = split(count, SMALL)
    starts, ends = lively(seed, windows), lively(seed + 1, windows)
    found = best_spans(windows, starts, ends, SMALL, top_k)
    expected = search(windows, starts, ends, SMALL, top_k)
    assert [(s.first, s.last) for s in found] == [(s.first, s.last) for s in expected]
    assert [s.probability for s in found] == pytest.approx([s.probability for s in expected])


@given(st.integers(1, 80), st.integers(0, 2**32 - 1))
def test_where_windows_fall_makes_no_difference_by_itself(count: int, seed: int) -> None:
    whole = split(count, WIDE)
    assert len(whole) == 1
    starts, ends = lively(seed, whole), lively(seed + 1, whole)
    windows = split(count, SMALL)
    in_windows = best_spans(
        windows,
        [starts[0][w.start : w.stop] for w in windows],
        [ends[0][w.start : w.stop] for w in windows],
        SMALL,
        5,
    )
    assert in_windows == best_spans(whole, starts, ends, WIDE, 5)


def test_all_spans_together_have_probability_one() -> None:
    one_word = Reading(window_words=12, overlap_words=6, answer_words=1)
    windows = split(20, one_word)
    spans = best_spans(windows, lively(0, windows), lively(1, windows), one_word, 20)
    assert sorted(span.first for span in spans) == list(range(20))
    assert sum(span.probability for span in spans) == pytest.approx(1.0)


def test_huge_logits_do_not_overflow() -> None:
    windows = split(3, SMALL)
    huge = [np.array([3e38, -3e38, 0], np.float32)]
    assert best_spans(windows, huge, huge, SMALL, 1) == [Span(0, 0, 1.0)]


@pytest.mark.parametrize(
    ("logits", "message"),
    [(np.zeros(4, np.float32), "5 words"), (np.array([0, 0, math.nan, 0, 0]), "not finite")],
)
def test_logits_that_do_not_fit_are_refused(logits: NDArray[np.float32], message: str) -> None:
    windows = split(5, SMALL)
    with pytest.raises(ValueError, match=message):
        best_spans(windows, [logits], [np.zeros(5, np.float32)], SMALL, 1)
