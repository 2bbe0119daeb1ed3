"""How processor time of several processes is added up."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import cast

import psutil
import pytest

from loadtests.processor import processor_seconds


@dataclass
class Process:
    """What `psutil.Process` says of one, in seconds."""

    user: float
    system: float = 0.0
    of_ended_children: float = 0.0
    below: list[Process] = field(default_factory=list)
    has_ended: bool = False

    def children(self, *, recursive: bool) -> list[Process]:
        assert recursive
        return self.below

    def cpu_times(self) -> SimpleNamespace:
        if self.has_ended:
            raise psutil.NoSuchProcess(1)
        return SimpleNamespace(
            user=self.user, system=self.system,
            children_user=self.of_ended_children, children_system=0.0,
        )  # fmt: skip


def seconds(root: Process) -> float:
    return processor_seconds(cast("psutil.Process", root))


def test_workers_count_and_what_replaced_ones_had_used_still_does() -> None:
    supervisor = Process(1.0, 0.5, below=[Process(10.0), Process(20.0, 2.0)])
    assert seconds(supervisor) == 33.5
    supervisor.below[0] = Process(3.0)
    supervisor.of_ended_children = 10.0
    assert seconds(supervisor) == 36.5


def test_a_worker_that_ends_meanwhile_is_left_out() -> None:
    assert seconds(Process(1.0, below=[Process(10.0, has_ended=True), Process(2.0)])) == 3.0


def test_a_service_that_has_ended_has_no_time() -> None:
    with pytest.raises(psutil.NoSuchProcess):
        processor_seconds(psutil.Process(2**22 + 1))
