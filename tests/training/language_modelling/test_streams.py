"""Streams: every word once, in order, side by side."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from training.errors import DataError
from training.language_modelling.streams import IGNORED, Streams


def test_training_streams_run_on_from_stretch_to_stretch() -> None:
    streams = Streams.for_training(torch.arange(100), batch_size=3, steps=5)
    assert len(streams) == 6  # 33 words a stream, 6 stretches of 5
    inputs, targets = zip(*(streams.stretch(i) for i in range(6)), strict=True)
    first_stream = torch.cat(inputs)[:, 0]
    assert first_stream.tolist() == list(range(30))
    assert torch.cat(inputs)[:, 1].tolist() == list(range(30, 60))
    assert torch.cat(targets).equal(torch.cat(inputs) + 1)


def test_a_part_reads_some_of_the_streams_at_every_stretch() -> None:
    streams = Streams.for_training(torch.arange(100), batch_size=3, steps=5)
    part = streams.part(slice(1, 3))
    assert len(part) == len(streams)
    for index in range(len(streams)):
        for own, whole in zip(part.stretch(index), streams.stretch(index), strict=True):
            assert own.equal(whole[:, 1:])


def test_too_short_a_corpus_is_refused() -> None:
    with pytest.raises(DataError, match="100 words are too few for 20 streams of 5 steps"):
        Streams.for_training(torch.arange(100), batch_size=20, steps=5)
    assert len(Streams.for_training(torch.arange(101), batch_size=20, steps=5)) == 1


@settings(max_examples=50)
@given(count=st.integers(1, 80), batch=st.integers(1, 7), steps=st.integers(1, 9))
def test_every_word_is_predicted_once_from_the_word_before(
    count: int, batch: int, steps: int
) -> None:
    words = torch.arange(count) + 1
    streams = Streams.for_evaluation(words, start=0, batch_size=batch, steps=steps)
    pairs = [
        (int(i), int(t))
        for index in range(len(streams))
        for i, t in zip(*(part.flatten() for part in streams.stretch(index)), strict=True)
        if t != IGNORED
    ]
    assert sorted(pairs) == [(n, n + 1) for n in range(count)]
