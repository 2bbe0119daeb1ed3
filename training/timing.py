"""Times of things that are to be compared, measured in turn."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

__all__ = ["Times", "time_in_turn"]


@dataclass(frozen=True)
class Times:
    """Measured times of one thing."""

    name: str
    milliseconds: tuple[float, ...]

    @property
    def median(self) -> float:
        """In milliseconds."""
        return statistics.median(self.milliseconds)


def time_in_turn(
    calls: Mapping[str, Callable[[], object]],
    rounds: int,
    between: Callable[[], object] | None = None,
) -> list[Times]:
    """Time each call once a round, so that whatever else the machine does meets all of them alike.

    Args:
        calls: By name; each is also called once before, to warm up.
        rounds: How often each is measured.
        between: Called after each call.
    """
    milliseconds: dict[str, list[float]] = {name: [] for name in calls}
    for round_number in range(rounds + 1):
        for name, call in calls.items():
            began = time.perf_counter()
            call()
            if round_number:
                milliseconds[name].append(1e3 * (time.perf_counter() - began))
            if between is not None:
                between()
    return [Times(name, tuple(measured)) for name, measured in milliseconds.items()]
