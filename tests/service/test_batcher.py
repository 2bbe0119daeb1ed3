"""What is computed next: fair, little padding, bounded, and nothing that nobody waits for."""

from __future__ import annotations

import gc
import math
import weakref
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.batcher import Batcher, BatchingLimits, Entry
from service.engines.language_model import Chunk, Scored
from service.jobs import DeadlineError, OverloadedError
from service.tasks.score.job import ScoreJob, TokenSequence

Queue = Batcher[Chunk, Scored]
Entries = Sequence[Entry[Chunk, Scored]]


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def job(*lengths: int, chunk_steps: int = 64, deadline: float = math.inf) -> ScoreJob:
    sequences = [TokenSequence(np.arange(n), np.arange(n) + 1) for n in lengths]
    return ScoreJob(sequences, chunk_steps=chunk_steps, deadline=deadline)


def batcher(clock: Clock | None = None, **limits: float) -> Queue:
    return Batcher(BatchingLimits(**limits), clock or Clock())  # type: ignore[arg-type] # numbers


def answer(chunk: Chunk) -> Scored:
    """Each target as its own log-probability; the state counts the steps so far."""
    seen = chunk.state[0] if chunk.state else np.zeros(1, dtype=np.float32)
    state = (seen + np.float32(len(chunk.inputs)),)
    no_ids = np.zeros((len(chunk.inputs), 0), dtype=np.int64)
    return Scored(chunk.targets.astype(np.float32), state, no_ids, no_ids.astype(np.float32))


def taken(batch: Entries | float) -> Entries:
    assert not isinstance(batch, float)
    return batch


def run(queue: Queue, entries: Entries, seconds: float = 0.01) -> None:
    queue.finish(entries, [answer(entry.item) for entry in entries], seconds)


def lengths(entries: Entries) -> list[int]:
    return [entry.length for entry in entries]


def test_an_empty_queue_asks_to_wait_for_ever() -> None:
    assert batcher().take() == math.inf


def test_requests_that_wait_together_are_computed_together() -> None:
    queue = batcher()
    jobs = [job(10), job(12), job(9)]
    for each in jobs:
        queue.submit(each)
    entries = taken(queue.take())
    assert sorted(lengths(entries)) == [9, 10, 12]
    run(queue, entries)
    for each in jobs:
        [scored] = each.future.result(0).value
        assert scored.log_probs.tolist() == list(range(1, len(scored.log_probs) + 1))
    assert queue.take() == math.inf


def test_looking_whether_a_batch_is_due_takes_nothing() -> None:
    queue = batcher()
    assert queue.seconds_to_wait() == math.inf
    queue.submit(job(10))
    assert queue.seconds_to_wait() <= 0
    assert lengths(taken(queue.take())) == [10]
    assert queue.seconds_to_wait() == math.inf


def test_a_document_keeps_nothing_of_the_batches_it_was_in() -> None:
    document = job(8, chunk_steps=4)
    batch = np.arange(64, dtype=np.int64).reshape(16, 4)
    scored = answer(document.items[0])
    output = Scored(scored.log_probs, scored.state, batch[:4, :0], batch[:4, :0].astype(np.float32))
    kept = weakref.ref(batch)
    document.add(document.items[0], output)
    del batch, output
    assert kept() is None


def test_a_batch_is_filled_with_the_nearest_lengths_first() -> None:
    queue = batcher(max_batch=3)
    for length in (10, 19, 40, 11, 12, 3):
        queue.submit(job(length))
    assert lengths(taken(queue.take())) == [10, 11, 12]


def test_very_different_lengths_are_not_padded_to_each_other() -> None:
    queue = batcher()
    for length in (60, 5, 64):
        queue.submit(job(length))
    assert lengths(taken(queue.take())) == [60, 64]
    assert lengths(taken(queue.take())) == [5]


def test_a_batch_has_no_more_tokens_than_allowed_with_its_padding() -> None:
    queue = batcher(max_batch_tokens=60)
    for length in (20, 19, 24, 20, 15):
        queue.submit(job(length))
    # a third row of 20 fits, and the one of 24 steps would not with three others
    assert sorted(lengths(taken(queue.take()))) == [19, 20, 20]
    assert sorted(lengths(taken(queue.take()))) == [15, 24]


def test_an_item_that_is_longer_than_a_batch_may_be_goes_alone() -> None:
    queue = batcher(max_batch_tokens=10)
    queue.submit(job(30))
    queue.submit(job(30))
    assert lengths(taken(queue.take())) == [30]
    assert lengths(taken(queue.take())) == [30]


def test_a_long_sequence_is_cut_and_its_state_carried() -> None:
    queue = batcher()
    document = job(10, chunk_steps=4)
    queue.submit(document)
    seen = []
    while not document.future.done():
        [entry] = taken(queue.take())
        seen.append((entry.length, entry.item.state))
        run(queue, [entry])
    assert [steps for steps, _ in seen] == [4, 4, 2]
    states = [state[0].item() if state else None for _, state in seen]
    assert states == [None, 4.0, 8.0]
    assert document.future.result().value[0].log_probs.tolist() == list(range(1, 11))


def test_a_short_request_waits_for_one_chunk_of_a_document_not_for_its_end() -> None:
    queue = batcher()
    queue.submit(job(4000, chunk_steps=4))
    run(queue, taken(queue.take()))
    short = job(2)
    queue.submit(short)
    for _ in range(2):
        run(queue, taken(queue.take()))
    assert short.future.done()


def test_a_short_request_does_not_wait_for_all_sentences_of_a_large_one() -> None:
    queue = batcher(max_batch=4)
    queue.submit(job(*[20] * 1000))
    run(queue, taken(queue.take()))
    short = job(20)
    queue.submit(short)
    for _ in range(2):
        run(queue, taken(queue.take()))
    assert short.future.done()


def test_a_document_gets_its_share_while_short_requests_keep_coming() -> None:
    queue = batcher(max_batch=1)
    document = job(160, chunk_steps=16)
    queue.submit(document)
    for _ in range(200):
        queue.submit(job(16))
        run(queue, taken(queue.take()))
    assert document.future.done()


def test_a_lone_request_waits_for_company_as_long_as_allowed() -> None:
    clock = Clock()
    queue = batcher(clock, max_wait_seconds=0.5)
    queue.submit(job(5))
    assert queue.take() == pytest.approx(0.5)
    clock.now += 0.3
    queue.submit(job(5))
    assert queue.take() == pytest.approx(0.2)
    clock.now += 0.2
    assert len(taken(queue.take())) == 2


def test_waiting_for_company_leaves_time_before_the_deadline() -> None:
    clock = Clock()
    queue = batcher(clock, max_wait_seconds=10.0)
    queue.submit(job(5, deadline=clock.now + 1.0))
    assert queue.take() == pytest.approx(0.5)
    clock.now += 0.5
    assert len(taken(queue.take())) == 1


def test_nothing_waits_for_company_that_cannot_come() -> None:
    queue = batcher(max_wait_seconds=10.0)
    queue.submit(job(5))
    assert queue.take() == pytest.approx(10.0)
    queue.hurry()
    assert len(taken(queue.take())) == 1


def test_a_full_batch_does_not_wait() -> None:
    queue = batcher(max_wait_seconds=0.5, max_batch=2)
    queue.submit(job(5))
    queue.submit(job(5))
    assert len(taken(queue.take())) == 2


def test_a_batch_that_is_full_of_tokens_does_not_wait() -> None:
    queue = batcher(max_wait_seconds=0.5, max_batch_tokens=10)
    queue.submit(job(5))
    assert queue.take() == pytest.approx(0.5)
    queue.submit(job(5))
    assert len(taken(queue.take())) == 2


def test_too_many_requests_are_refused_with_the_time_the_queue_needs() -> None:
    queue = batcher(max_queued_requests=2)
    queue.submit(job(100, chunk_steps=1000))
    run(queue, taken(queue.take()), seconds=1.0)
    queue.submit(job(700))
    queue.submit(job(300))
    with pytest.raises(OverloadedError) as error:
        queue.submit(job(1))
    assert error.value.retry_after == 10  # 1000 tokens at 100 a second


def test_too_many_tokens_are_refused_but_one_large_request_is_let_in() -> None:
    queue = batcher(max_queued_tokens=100)
    queue.submit(job(500))
    with pytest.raises(OverloadedError) as error:
        queue.submit(job(1))
    assert error.value.retry_after == 1


def test_a_request_past_its_deadline_is_not_computed() -> None:
    clock = Clock()
    queue = batcher(clock)
    late, patient = job(5, deadline=clock.now + 1), job(5)
    queue.submit(late)
    queue.submit(patient)
    clock.now += 2
    entries = taken(queue.take())
    assert [entry.job for entry in entries] == [patient]
    with pytest.raises(DeadlineError):
        late.future.result(0)


def test_the_deadline_also_ends_a_document_between_its_chunks() -> None:
    clock = Clock()
    queue = batcher(clock)
    document = job(100, chunk_steps=4, deadline=clock.now + 1)
    queue.submit(document)
    entries = taken(queue.take())
    clock.now += 2
    run(queue, entries)
    assert queue.take() == math.inf
    with pytest.raises(DeadlineError):
        document.future.result(0)


def test_a_cancelled_request_leaves_the_queue_and_makes_room() -> None:
    queue = batcher(max_queued_requests=1)
    gone = job(5)
    queue.submit(gone)
    gone.future.cancel()
    queue.submit(job(6))
    assert lengths(taken(queue.take())) == [6]


def test_a_request_cancelled_while_it_is_computed_does_no_harm() -> None:
    queue = batcher()
    gone, other = job(5), job(5)
    queue.submit(gone)
    queue.submit(other)
    entries = taken(queue.take())
    gone.future.cancel()
    run(queue, entries)
    assert other.future.done()
    assert queue.queued_requests == 0


def test_a_failed_batch_fails_its_requests_only() -> None:
    queue = batcher()
    failing, other = job(5), job(60)
    queue.submit(failing)
    queue.submit(other)
    queue.fail(taken(queue.take()), RuntimeError("no memory"))
    with pytest.raises(RuntimeError, match="no memory"):
        failing.future.result(0)
    run(queue, taken(queue.take()))
    assert other.future.done()


def test_queue_and_compute_time_add_up() -> None:
    clock = Clock()
    queue = batcher(clock)
    document = job(8, chunk_steps=4)
    queue.submit(document)
    for _ in range(2):
        clock.now += 1.0  # waiting
        entries = taken(queue.take())
        clock.now += 0.5
        run(queue, entries, seconds=0.5)
    result = document.future.result(0)
    assert (result.queue_seconds, result.compute_seconds) == pytest.approx((2.0, 1.0))


@given(st.lists(st.lists(st.integers(1, 30), min_size=1, max_size=4), min_size=1, max_size=12))
def test_every_token_is_computed_once_in_order_within_the_limits(
    requests: list[list[int]],
) -> None:
    queue = batcher(max_batch=3)
    jobs = [job(*sequence_lengths, chunk_steps=8) for sequence_lengths in requests]
    for each in jobs:
        queue.submit(each)
    while not isinstance(entries := queue.take(), float):
        assert len(entries) <= 3
        assert max(lengths(entries)) <= 2 * 8
        assert max(lengths(entries)) <= 4 * min(lengths(entries))
        run(queue, entries)
    assert queue.queued_requests == queue.queued_tokens == 0
    for each, sequence_lengths in zip(jobs, requests, strict=True):
        scored = [part.log_probs.tolist() for part in each.future.result(0).value]
        assert scored == [list(range(1, length + 1)) for length in sequence_lengths]


def test_of_a_long_text_only_the_last_state_is_kept() -> None:
    queue = batcher()
    queue.submit(job(40, chunk_steps=10))
    states = []
    for _ in range(3):
        entries = taken(queue.take())
        outputs = [answer(entry.item) for entry in entries]
        states += [weakref.ref(output.state[0]) for output in outputs]
        queue.finish(entries, outputs, 0.01)
    del entries, outputs
    gc.collect()
    assert [state() is None for state in states] == [True, True, False]
