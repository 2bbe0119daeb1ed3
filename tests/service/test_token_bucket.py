"""The limit of a key, on a clock of its own."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.token_bucket import TokenBucket


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_burst_goes_through_and_then_the_rate_holds() -> None:
    clock = Clock()
    bucket = TokenBucket(rate=2.0, burst=3, clock=clock)
    assert [bucket.take() for _ in range(4)] == [0.0, 0.0, 0.0, 0.5]
    clock.now += 0.25
    assert bucket.take() == pytest.approx(0.25)
    clock.now += 0.25
    assert bucket.take() == 0.0


@given(
    rate=st.floats(0.01, 100.0),
    burst=st.integers(1, 20),
    waits=st.lists(st.floats(0.0, 5.0), min_size=1, max_size=60),
)
def test_no_more_than_burst_and_rate_allow_ever_pass(
    rate: float, burst: int, waits: list[float]
) -> None:
    clock = Clock()
    bucket = TokenBucket(rate, burst, clock)
    passed = 0
    for wait in waits:
        clock.now += wait
        passed += bucket.take() == 0.0
    assert passed <= burst + rate * (clock.now - 100.0) + 1e-6


@given(rate=st.floats(0.01, 100.0), burst=st.integers(1, 20))
def test_who_waits_as_long_as_told_passes(rate: float, burst: int) -> None:
    clock = Clock()
    bucket = TokenBucket(rate, burst, clock)
    while not (wait := bucket.take()):
        pass
    clock.now += wait * (1 + 1e-6)
    assert bucket.take() == 0.0
