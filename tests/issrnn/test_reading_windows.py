"""Windows: every possible answer has exactly one, and the best one."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from issrnn.reading import Reading, Window, split


@st.composite
def readings(draw: st.DrawFn) -> Reading:
    answer = draw(st.integers(1, 5))
    overlap = answer + draw(st.integers(1, 8))
    return Reading(
        window_words=overlap + draw(st.integers(1, 12)),
        overlap_words=overlap,
        answer_words=answer,
    )


def scarcer_side(window: Window, first: int, last: int) -> int:
    return min(first - window.start, window.stop - 1 - last)


@given(st.integers(0, 90), readings())
def test_each_answer_is_owned_once_by_the_window_that_sees_most_around_it(
    count: int, reading: Reading
) -> None:
    windows = split(count, reading)
    for first in range(count):
        for last in range(first, min(first + reading.answer_words, count)):
            whole = [w for w in windows if w.start <= first and last < w.stop]
            best = max(whole, key=lambda w: scarcer_side(w, first, last))
            assert [w for w in windows if w.owns(first, last)] == [best]


@given(st.integers(0, 300), readings())
def test_windows_cover_the_text_and_overlap_enough(count: int, reading: Reading) -> None:
    windows = split(count, reading)
    assert sum(len(w) for w in windows) >= count
    assert all(len(w) == min(count, reading.window_words) for w in windows)
    for before, after in pairwise(windows):
        assert before.start < after.start
        assert before.stop - after.start >= reading.overlap_words
    if windows:
        assert windows[0].start == 0
        assert windows[-1].stop == count


def test_a_short_text_is_one_window_and_an_empty_one_none() -> None:
    assert [(w.start, w.stop) for w in split(400, Reading())] == [(0, 400)]
    assert len(split(401, Reading())) == 2
    assert split(0, Reading()) == []


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"overlap_words": 30}, r"overlap_words must be more than answer_words \(30\).*got 30"),
        ({"window_words": 160}, r"window_words must be more than overlap_words \(160\).*got 160"),
        ({"answer_words": 0}, "answer_words"),
        ({"window": 5}, "window"),
    ],
)
def test_readings_that_would_lose_answers_are_refused(
    settings: dict[str, int], message: str
) -> None:
    with pytest.raises(ValidationError, match=message):
        Reading.model_validate(settings)
