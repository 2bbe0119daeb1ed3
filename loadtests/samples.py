"""What a load test measures: single requests, and the window of load they belong to."""

from __future__ import annotations

from dataclasses import dataclass, replace

from loadtests.plan import Load
from loadtests.replies import Reply
from loadtests.tasks import TaskName

__all__ = ["Sample", "Window"]


@dataclass(frozen=True, slots=True)
class Sample:
    """One request of a load test; times are seconds of ``time.perf_counter``."""

    task: TaskName
    intended: float
    """When it was to be sent: latency counts from here, so that no wait is left out."""
    sent: float
    finished: float
    reply: Reply

    @property
    def latency_ms(self) -> float:
        """From the intended start to the last byte."""
        return (self.finished - self.intended) * 1000


@dataclass(frozen=True, eq=False)
class Window:
    """One contender under one load; only what lies in its measured part counts."""

    scenario: str
    """What was sent: a task, or ``mix``."""
    variant: str
    """Name of the contender."""
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
    """Cores the service used, all its processes together; None if they are not known."""

    def only(self, task: TaskName) -> Window:
        """The same with only one task's requests; the cores used stay those for all of them."""
        own = tuple(sample for sample in self.samples if sample.task == task)
        return replace(self, samples=own)

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
        return [s for s in ended if s.reply.outcome == "ok"]
