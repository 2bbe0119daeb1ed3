"""What several processes tell together; here this one writes the files of all of them."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.values import MultiProcessValue

from service.metrics import Metrics
from service.registry import Registry
from service.settings import Settings
from service.shared_metrics import DIRECTORY_VARIABLE, OwnFigures, exposition

ENDED = 2**22 + 1
"""No process has this number: Linux gives none above 2**22."""

Join = Callable[[int, list[float]], OwnFigures]
"""From a process's number, and the processor seconds it finds used at each look, to its figures."""


@pytest.fixture
def join(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Join]:
    models = Registry(Settings(models_dir=tmp_path), Metrics().observe_batches)
    monkeypatch.setenv(DIRECTORY_VARIABLE, str(tmp_path))
    files = []

    def join(number: int, used: list[float]) -> OwnFigures:
        value = MultiProcessValue(lambda: number)  # type: ignore[no-untyped-call]
        monkeypatch.setattr("prometheus_client.values.ValueClass", value)
        files.append(value)
        return OwnFigures(models, iter(used).__next__)

    yield join
    for value in files:
        value.close_all_files()


def told(name: str) -> float:
    (value,) = re.findall(rf"^{name} (\S+)$", exposition(CollectorRegistry()).decode(), re.M)
    return float(value)


def test_processor_time_of_a_worker_that_ended_still_counts(join: Join) -> None:
    leaving = join(ENDED, [20.0, 30.0])
    leaving.write()
    assert told("process_cpu_seconds_total") == 20.0
    leaving.write()
    successor = join(os.getpid(), [5.0])
    assert told("process_cpu_seconds_total") == 30.0
    successor.write()
    assert told("process_cpu_seconds_total") == 35.0
    assert "# TYPE process_cpu_seconds_total counter" in exposition(CollectorRegistry()).decode()
    assert told("issrnn_workers") == 1.0


def test_a_worker_with_the_number_of_one_that_ended_adds_its_own_time(join: Join) -> None:
    for _ in range(2):
        join(ENDED, [7.0]).write()
    assert told("process_cpu_seconds_total") == 14.0


def test_memory_is_that_of_the_living(join: Join) -> None:
    join(ENDED, [1.0])
    join(os.getpid(), [1.0])
    assert told("process_resident_memory_bytes") > 0
