"""The thread that owns a model."""

from __future__ import annotations

import math
import time
import weakref
from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from service.batcher import Batcher, BatchingLimits
from service.engines.base import EngineName
from service.engines.language_model import Chunk, Scored
from service.jobs import DeadlineError
from service.slots import Slots
from service.tasks.score.job import ScoreJob, TokenSequence
from service.worker import Placement, Worker, WorkerStoppedError

PLACEMENT = Placement(threads=1, cores=(), slots=Slots(1))


class EchoEngine:
    """Gives targets back; fails when a target is 13."""

    name: EngineName = "onnxruntime-fp32"
    weight_bytes = 0

    def compute(self, items: Sequence[Chunk]) -> list[Scored]:
        if any(13 in item.targets for item in items):
            raise RuntimeError("unlucky")
        no_ids = np.zeros((0, 0), dtype=np.int64)
        no_log_probs = no_ids.astype(np.float32)
        return [Scored(item.targets.astype(np.float32), (), no_ids, no_log_probs) for item in items]


def make_worker(
    engine: EchoEngine | None = None,
    placement: Placement = PLACEMENT,
) -> tuple[Worker[Chunk, Scored], list[tuple[int, int, int]]]:
    seen: list[tuple[int, int, int]] = []

    def observe(rows: int, tokens: int, steps: int, seconds: float) -> None:
        seen.append((rows, tokens, steps))

    queue: Batcher[Chunk, Scored] = Batcher(BatchingLimits(), time.monotonic)
    worker = Worker(
        "echo", lambda: engine or EchoEngine(), queue, observe=observe, placement=placement
    )
    return worker, seen


def job(*targets: int, deadline: float = math.inf) -> ScoreJob:
    sequence = TokenSequence(np.zeros(len(targets), dtype=np.int64), np.array(targets))
    return ScoreJob([sequence], chunk_steps=64, deadline=deadline)


def test_what_an_engine_is_made_of_is_not_kept() -> None:
    """An artifact's weights are in memory as the engine has them, and not once more."""
    weights = np.zeros(3)
    kept = weakref.ref(weights)

    def make_engine(weights: NDArray[np.float64] = weights) -> EchoEngine:
        assert weights.size == 3
        return EchoEngine()

    queue: Batcher[Chunk, Scored] = Batcher(BatchingLimits(), time.monotonic)
    worker = Worker("echo", make_engine, queue, observe=lambda *_: None, placement=PLACEMENT)
    del make_engine, weights
    worker.engine.result(5)
    assert kept() is None
    worker.stop()
    worker.join(5)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_failed_batch_does_not_end_the_worker() -> None:
    worker, seen = make_worker()
    bad, good = job(13), job(1, 2, 3)
    worker.submit(bad)
    with pytest.raises(RuntimeError, match="unlucky"):
        bad.future.result(5)
    worker.submit(good)
    assert good.future.result(5).value[0].log_probs.tolist() == [1, 2, 3]
    worker.stop()
    worker.join(5)
    assert seen == [(1, 3, 3)]


def test_a_stopped_worker_answers_what_is_queued_and_takes_no_more() -> None:
    worker, _ = make_worker()
    jobs = [job(i + 20) for i in range(50)]
    for each in jobs:
        worker.submit(each)
    worker.stop()
    with pytest.raises(WorkerStoppedError):
        worker.submit(job(1))
    worker.join(5)
    assert all(each.future.done() for each in jobs)


def test_an_engine_that_cannot_be_built_is_reported() -> None:
    def fail() -> EchoEngine:
        raise ImportError("no torch here")

    queue: Batcher[Chunk, Scored] = Batcher(BatchingLimits(), time.monotonic)
    worker = Worker("bad", fail, queue, observe=lambda *_: None, placement=PLACEMENT)
    with pytest.raises(ImportError, match="no torch here"):
        worker.engine.result(5)


def test_while_others_compute_requests_gather_and_those_too_late_are_dropped() -> None:
    slots = Slots(1)
    worker, seen = make_worker(placement=Placement(threads=1, cores=(), slots=slots))
    worker.engine.result(5)
    with slots:
        late, first, second = job(1, deadline=time.monotonic() + 0.05), job(2), job(3)
        for each in (late, first, second):
            worker.submit(each)
        time.sleep(0.1)
    first.future.result(5)
    second.future.result(5)
    with pytest.raises(DeadlineError):
        late.future.result(5)
    worker.stop()
    worker.join(5)
    assert seen == [(2, 2, 2)]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_an_answer_that_cannot_be_kept_does_not_end_the_worker() -> None:
    class LossyEngine(EchoEngine):
        def compute(self, items: Sequence[Chunk]) -> list[Scored]:
            return [] if any(7 in item.targets for item in items) else super().compute(items)

    worker, _ = make_worker(LossyEngine())
    lost, good = job(7), job(1)
    worker.submit(lost)
    with pytest.raises(ValueError, match="zip"):
        lost.future.result(5)
    worker.submit(good)
    assert good.future.result(5).value[0].log_probs.tolist() == [1]
    worker.stop()
    worker.join(5)
