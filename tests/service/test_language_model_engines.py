"""Every engine gives the same numbers, whatever a chunk is batched with and however it is cut."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils._pytree import tree_leaves

from issrnn.architecture import (
    Cell,
    LanguageModelArchitecture,
    RecurrentHighwayLanguageModel,
    RecurrentLanguageModel,
)
from issrnn.artifact import Weights, load
from service.engines import create_engine, language_model
from service.engines.base import Engine, EngineName
from service.engines.language_model import Chunk, Scored
from service.engines.language_model.onnxruntime_engine import OnnxruntimeEngine
from tests.artifacts import WORDS, highway_architecture, make_artifact
from training.language_modelling.network import plain_network

TOLERANCE = 1e-4


def stacked(cell: Cell, *hidden_sizes: int) -> RecurrentLanguageModel:
    return RecurrentLanguageModel(
        cell=cell, vocabulary_size=len(WORDS), embedding_size=7, hidden_sizes=hidden_sizes
    )


ARCHITECTURES: dict[str, LanguageModelArchitecture] = {
    "lstm": stacked("lstm", 9, 5, 7),
    "gru": stacked("gru", 9, 5, 7),
    "rnn": stacked("rnn", 9, 5, 7),
    "lstm of one unit a layer": stacked("lstm", 1, 1),
    "gru of one unit a layer": stacked("gru", 1, 1),
    "rnn of one unit a layer": stacked("rnn", 1, 1),
    "rhn": highway_architecture(9),
    "rhn of depth 1": highway_architecture(9, depth=1),
    "rhn with vectors of its own": highway_architecture(9, depth=2, embedding_size=6),
}
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


@pytest.fixture(params=list(ARCHITECTURES))
def architecture(request: pytest.FixtureRequest) -> LanguageModelArchitecture:
    return ARCHITECTURES[request.param]


@pytest.fixture
def folder(architecture: LanguageModelArchitecture, tmp_path: Path) -> Path:
    make_artifact(tmp_path / "model", architecture=architecture)
    return tmp_path / "model"


def engine_of(folder: Path, name: EngineName) -> Engine[Chunk, Scored]:
    return create_engine(name, load(folder), threads=1)


@torch.no_grad()
def alone(architecture: LanguageModelArchitecture, weights: Weights, chunk: Chunk) -> Scored:
    """What the library's network says of a chunk."""
    network = plain_network(architecture).eval()
    network.load_state_dict({name: torch.tensor(weight) for name, weight in weights.items()})
    logits, state = network(torch.from_numpy(chunk.inputs)[:, None])
    log_probs = torch.log_softmax(logits[:, 0], dim=-1)
    chosen = log_probs.gather(1, torch.from_numpy(chunk.targets)[:, None])[:, 0]
    top = log_probs.topk(chunk.top_k, dim=-1)
    return Scored(
        chosen.numpy(),
        tuple(entry[0, 0].numpy() for entry in tree_leaves(state)),
        top.indices.numpy(),
        top.values.numpy(),
    )


@pytest.mark.parametrize("name", FP32)
def test_an_engine_agrees_with_the_network(
    architecture: LanguageModelArchitecture, folder: Path, name: EngineName
) -> None:
    weights = load(folder).weights
    chunks = [random_chunk(length, seed=length, top_k=length % 4) for length in (1, 7, 12, 30)]
    for chunk, scored in zip(chunks, engine_of(folder, name).compute(chunks), strict=True):
        assert_same(scored, alone(architecture, weights, chunk))


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


@st.composite
def highway_networks(draw: st.DrawFn) -> tuple[RecurrentHighwayLanguageModel, Weights]:
    architecture = highway_architecture(
        draw(st.integers(1, 9)),
        depth=draw(st.integers(1, 4)),
        embedding_size=draw(st.sampled_from([None, 1, 5])),
    )
    generator = np.random.default_rng(draw(st.integers(0, 99)))
    shapes = architecture.shapes().items()
    return architecture, {
        name: generator.normal(0.0, 0.9, shape).astype(np.float32) for name, shape in shapes
    }


@settings(max_examples=15)
@given(
    highway_networks(),
    st.lists(st.integers(1, 9), min_size=1, max_size=5),
    st.integers(1, 8),
    st.sampled_from(FP32),
)
def test_any_highway_network_is_computed_in_any_batch_and_any_parts(
    network: tuple[RecurrentHighwayLanguageModel, Weights],
    lengths: list[int],
    cut: int,
    name: EngineName,
) -> None:
    engine = language_model.create_engine(name, *network, threads=1)
    chunks = [random_chunk(length, seed) for seed, length in enumerate(lengths)]
    starts = [Chunk(chunk.inputs[:cut], chunk.targets[:cut]) for chunk in chunks]
    firsts = engine.compute(starts)
    rests = [
        Chunk(chunk.inputs[cut:], chunk.targets[cut:], first.state)
        for chunk, first in zip(chunks, firsts, strict=True)
        if chunk.length > cut
    ]
    seconds = iter(engine.compute(rests) if rests else ())
    for chunk, first in zip(chunks, firsts, strict=True):
        expected = alone(*network, chunk)
        last = next(seconds) if chunk.length > cut else None
        log_probs = [first.log_probs] if last is None else [first.log_probs, last.log_probs]
        state = (last or first).state
        assert_same(replace(expected, log_probs=np.concatenate(log_probs), state=state), expected)


@pytest.mark.parametrize(
    ("architecture", "weights_left"),
    [
        # the softmax layer and LSTM layers are quantised, GRU and RNN layers are not
        (stacked("lstm", 64, 48), 0.35),
        (stacked("gru", 64, 48), 1.0),
        (stacked("rnn", 64, 48), 1.0),
        # all of a highway layer is, also within its loop; tied word vectors are there twice
        (highway_architecture(64, depth=4, embedding_size=7), 0.35),
        (highway_architecture(64, depth=4), 0.4),
    ],
    ids=["lstm", "gru", "rnn", "rhn with vectors of its own", "rhn"],
)
def test_int8_is_near_fp32_and_smaller(
    tmp_path: Path, architecture: LanguageModelArchitecture, weights_left: float
) -> None:
    # wide highway layers with lively weights are chaotic: they make much of any difference
    artifact = make_artifact(tmp_path / "model", architecture=architecture, spread=0.2)
    int8 = create_engine("onnxruntime-int8", artifact, threads=1)
    fp32 = create_engine("onnxruntime-fp32", artifact, threads=1)
    chunk = random_chunk(20, seed=1)
    gap = int8.compute([chunk])[0].log_probs - fp32.compute([chunk])[0].log_probs
    assert np.abs(gap).mean() < 0.05
    assert int8.weight_bytes < weights_left * fp32.weight_bytes
    assert (gap != 0).any()


@pytest.mark.parametrize("name", ["onnxruntime-fp32", "onnxruntime-int8"])
def test_no_serialised_weights_are_kept_beside_the_session(folder: Path, name: EngineName) -> None:
    engine = create_engine(name, load(folder), threads=1)
    assert isinstance(engine, OnnxruntimeEngine)
    kept = [value for value in vars(engine.session).values() if isinstance(value, bytes)]
    assert kept == []


def test_tied_weights_are_stored_once_in_fp32(tmp_path: Path) -> None:
    tied = make_artifact(tmp_path / "tied", architecture=highway_architecture(64))
    engine = create_engine("onnxruntime-fp32", tied, threads=1)
    of_the_graph = 100  # axes and the like
    assert engine.weight_bytes < 4 * tied.parameters + of_the_graph
