"""What a load test measures: single requests, and the window of load they belong to."""

from __future__ import annotations

from dataclasses import dataclass

from loadtests.answers import Answer
from loadtests.plan import Load

__all__ = ["Sample", "Window"]


@dataclass(frozen=True, slots=True)
class Sample:
    """One request of a load test; times are seconds of ``time.perf_counter``."""

    intended: float
    """When it was to be sent: latency counts from here, so that no wait is left out."""
    sent: float
    finished: float
    answer: Answer

    @property
    def latency_ms(self) -> float:
        """From the intended start to the last byte."""
        return (self.finished - self.intended) * 1000


@dataclass(frozen=True, eq=False)
class Window:
    """One variant under one load; only what lies in its measured part counts."""

    variant: str
    load: Load
    round: int
    begin: float
    """Start of the measured part, as in `Sample`."""
    end: float
    samples: tuple[Sample, ...]
    """All requests, those before and after the measured part too."""
    client_cpu: float
    """Cores the load generator used; near 1 in a closed loop it is the limit itself."""
    service_cpu: float | None
    """Cores the service used; None if it was not started here."""

    @property
    def seconds(self) -> float:
        """Length of the measured part."""
        return self.end - self.begin

    @property
    def counted(self) -> list[Sample]:
        """Requests that ended in the measured part (closed loop), or were planned in it (open)."""
        if self.load.loop == "open":
            return [s for s in self.samples if self.begin <= s.intended < self.end]
        return [s for s in self.samples if self.begin <= s.finished < self.end]

    @property
    def answered(self) -> list[Sample]:
        """Requests answered in the measured part, whenever planned: they make the throughput."""
        ended = [s for s in self.samples if self.begin <= s.finished < self.end]
        return [s for s in ended if s.answer.outcome == "ok"]
