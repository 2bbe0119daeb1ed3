"""What a comparison measures: which loads, how long, how often."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from loadtests.tasks.options import RequestOptions

__all__ = ["Load", "Loop", "Plan", "default_rates", "parse_steps"]

Loop = Literal["closed", "open"]


@dataclass(frozen=True)
class Load:
    """One load, held for one window."""

    loop: Loop
    value: float
    """Users of a closed loop; mean arrivals a second of an open one."""

    def __str__(self) -> str:
        return f"{self.value:g} users" if self.loop == "closed" else f"{self.value:g}/s"


@dataclass(frozen=True, kw_only=True)
class Plan(RequestOptions):
    """Settings of a comparison.

    Raises:
        ValueError: If a value is out of range; the message names the option.
    """

    users: tuple[int, ...] = (1, 4, 16)
    """Closed loops, in this order."""
    rates: tuple[float, ...] | None = None
    """Open loops, arrivals a second; None: chosen from the closed loops (`default_rates`)."""
    rounds: int = 2
    """How often each load is measured for each contender, in turn."""
    duration: float = 6.0
    """Seconds measured in one window."""
    warm_up: float = 1.5
    """Seconds before it that do not count."""
    timeout: float = 30.0
    """Seconds a client waits for an answer."""
    seed: int = 1
    max_failed: float = 0.01
    """Share of failed requests above which the comparison is a failure."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.users or min(self.users) < 1:
            raise ValueError("--users takes numbers of 1 or more")
        if not all(0 < rate < math.inf for rate in self.rates or ()):
            raise ValueError("--rates takes arrivals a second above 0")
        for name in ("rounds", "duration", "timeout"):
            if not 0 < getattr(self, name) < math.inf:
                raise ValueError(f"--{name.replace('_', '-')} must be a number above 0")
        if not 0 <= self.warm_up < math.inf:
            raise ValueError("--warm-up must be a number not below 0")
        if not 0 <= self.max_failed <= 1:
            raise ValueError("--max-failed is a share from 0 to 1")

    @property
    def window_seconds(self) -> float:
        """About how long one window takes."""
        return self.warm_up + self.duration + 0.3


def default_rates(peak_throughputs: list[float]) -> tuple[float, ...]:
    """Arrival rates that lead from an idle service to the fastest variant's limit.

    Args:
        peak_throughputs: Each contender's best closed-loop throughput, answers a second.

    Returns:
        A quarter, half and three quarters of the slowest variant's, and half and three quarters
        of the fastest variant's, ascending, to two digits. Above the slowest variant's limit it
        must refuse, which an open loop shows and a closed one cannot.
    """
    answered = [peak for peak in peak_throughputs if peak > 0]
    if not answered:
        return ()
    slowest, fastest = min(answered), max(answered)
    rates = {slowest * 0.25, slowest * 0.5, slowest * 0.75, fastest * 0.5, fastest * 0.75}
    return tuple(sorted({float(f"{rate:.2g}") for rate in rates}))


def parse_steps(text: str) -> tuple[int, ...]:
    """Read numbers of users such as ``1,2,4,8``.

    Raises:
        ValueError: If one is not a whole number above zero.
    """
    try:
        steps = tuple(int(part) for part in text.split(","))
    except ValueError:
        steps = (0,)
    if min(steps) < 1:
        raise ValueError(f"--steps takes numbers of users such as 1,2,4,8, got {text!r}")
    return steps
