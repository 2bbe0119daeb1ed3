"""Every engine gives the same numbers, whatever a chunk is batched with and however it is cut."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from issrnn.architecture import Cell
from issrnn.artifact import load
from service.engines import create_engine
from service.engines.base import Engine, EngineName
from service.engines.language_model import Chunk, Scored
from tests.artifacts import WORDS, make_artifact

TOLERANCE = 1e-4
CELLS: tuple[Cell, ...] = ("lstm", "gru", "rnn")
FP32: tuple[EngineName, ...] = ("onnxruntime-fp32", "torch-fp32")


def random_chunk(length: int, seed: int, top_k: int = 0) -> Chunk:
    ids = np.random.default_rng(seed).integers(0, len(WORDS), (2, length))
    return Chunk(inputs=ids[0], targets=ids[1], top_k=top_k)


def assert_same(one: Scored, other: Scored) -> None:
    np.testing.assert_allclose(one.log_probs, other.log_probs, atol=TOLERANCE, rtol=0)
    np.testing.assert_allclose(one.top_log_probs, other.top_log_probs, atol=TOLERANCE, rtol=0)
    np.testing.assert_array_equal(one.top_ids, other.top_ids)
    for entry, other_entry in zip(one.state, other.state, strict=True):
        np.testing.assert_allclose(entry, other_entry, atol=TOLERANCE, rtol=0)


@pytest.fixture(params=CELLS)
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    make_artifact(tmp_path / "model", cell=request.param, hidden_sizes=(9, 5, 7))
    return tmp_path / "model"


def engine_of(folder: Path, name: EngineName) -> Engine[Chunk, Scored]:
    return create_engine(name, load(folder), threads=1)


def test_onnxruntime_agrees_with_torch(folder: Path) -> None:
    chunks = [random_chunk(length, seed=length, top_k=length % 4) for length in (1, 7, 12, 30)]
    reference = engine_of(folder, "torch-fp32").compute(chunks)
    answers = engine_of(folder, "onnxruntime-fp32").compute(chunks)
    for one, other in zip(answers, reference, strict=True):
        assert_same(one, other)


@pytest.mark.parametrize("name", FP32)
def test_a_chunk_scores_the_same_alone_and_in_a_batch(folder: Path, name: EngineName) -> None:
    engine = engine_of(folder, name)
    chunks = [random_chunk(length, seed=length, top_k=2) for length in (3, 30, 1, 17, 30)]
    for chunk, together in zip(chunks, engine.compute(chunks), strict=True):
        assert_same(engine.compute([chunk])[0], together)


@pytest.mark.parametrize("name", FP32)
def test_a_sequence_scores_the_same_whole_and_cut(folder: Path, name: EngineName) -> None:
    engine = engine_of(folder, name)
    whole = random_chunk(25, seed=5)
    expected = engine.compute([whole])[0]
    state, parts = None, []
    for start, stop in ((0, 1), (1, 11), (11, 25)):
        cut = Chunk(whole.inputs[start:stop], whole.targets[start:stop], state)
        scored = engine.compute([cut, random_chunk(4, seed=start)])[0]
        parts.append(scored.log_probs)
        state = scored.state
    np.testing.assert_allclose(np.concatenate(parts), expected.log_probs, atol=TOLERANCE, rtol=0)


def test_log_probs_are_normalised_and_the_top_word_is_the_likeliest(folder: Path) -> None:
    engine = engine_of(folder, "onnxruntime-fp32")
    context = np.array([3, 4])
    every = [Chunk(context, np.array([0, word]), top_k=len(WORDS)) for word in range(len(WORDS))]
    scored = engine.compute(every)
    last = np.array([answer.log_probs[-1] for answer in scored])
    assert np.exp(last).sum() == pytest.approx(1.0, abs=1e-5)
    assert scored[0].top_ids[-1, 0] == last.argmax()
    assert scored[0].top_log_probs[-1, 0] == last.max()


@pytest.mark.parametrize("cell", CELLS)
def test_int8_is_near_fp32_and_smaller(tmp_path: Path, cell: Cell) -> None:
    artifact = make_artifact(tmp_path / "model", cell=cell, hidden_sizes=(64, 48))
    int8 = create_engine("onnxruntime-int8", artifact, threads=1)
    fp32 = create_engine("onnxruntime-fp32", artifact, threads=1)
    chunk = random_chunk(20, seed=1)
    gap = int8.compute([chunk])[0].log_probs - fp32.compute([chunk])[0].log_probs
    assert np.abs(gap).mean() < 0.5
    assert int8.weight_bytes < fp32.weight_bytes
    assert (gap != 0).any()
