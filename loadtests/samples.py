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
    """The measured requests of one variant under one load."""

    variant: str
    load: Load
    round: int
    seconds: float
    """Length of the measured part."""
    samples: tuple[Sample, ...]
    """Closed loop: requests answered in the measured part. Open: those planned in it."""
    client_cpu: float
    """Cores the load generator used; near 1 in a closed loop it is the limit itself."""
    service_cpu: float | None
    """Cores the service used; None if it was not started here."""
