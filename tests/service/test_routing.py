"""The traffic split: even where it should be, and the same for the same session."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.routing import choose_variant, session_point

WEIGHTS = {"dense": 3.0, "iss": 1.0, "off": 0.0}


def test_sessions_are_split_by_the_weights() -> None:
    chosen = Counter(
        choose_variant(WEIGHTS, session_point(f"user-{i}", "score")) for i in range(4000)
    )
    assert chosen["dense"] / 4000 == pytest.approx(0.75, abs=0.03)
    assert chosen["iss"] / 4000 == pytest.approx(0.25, abs=0.03)
    assert "off" not in chosen


@given(st.text())
def test_a_session_keeps_its_variant(session: str) -> None:
    point = session_point(session, "score")
    assert 0.0 <= point < 1.0
    assert point == session_point(session, "score")


def test_tasks_are_split_independently() -> None:
    assert session_point("user", "score") != session_point("user", "answer")


@given(st.floats(0.0, 1.0, exclude_max=True), st.lists(st.floats(0.0, 9.0), min_size=1))
def test_only_names_with_a_weight_are_chosen(point: float, values: list[float]) -> None:
    weights = {str(i): value for i, value in enumerate(values)} | {"always": 1.0}
    assert weights[choose_variant(weights, point)] > 0.0
