"""Every engine of a classifier gives the same logits, however a text is cut and batched."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from issrnn.architecture import ClassifierArchitecture, Pooling
from issrnn.artifact import Artifact
from issrnn.networks import Classifier
from service.engines import ENGINE_NAMES, create_engine, engines_of
from service.engines.base import Engine, EngineName, Floats
from service.engines.classifier import LabelLogits, TextChunk
from service.engines.classifier.csr_network import CSRMatrix
from tests.artifacts import make_artifact, make_classifier

TOLERANCE = 1e-4
FP32: tuple[EngineName, ...] = ("onnxruntime-fp32", "torch-fp32", "torch-csr-fp32")
POOLINGS: tuple[Pooling, ...] = ("last", "mean", "max")
LENGTHS = (1, 30, 2, 17, 30, 5)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[Pooling, Artifact]:
    """Sparse ones, which every engine can compute, of two layers."""
    folder = tmp_path_factory.mktemp("models")
    return {
        pooling: make_classifier(
            folder / pooling, pooling=pooling, hidden_sizes=(9, 6), density=0.3, variant="set"
        )
        for pooling in POOLINGS
    }


def engine_of(artifact: Artifact, name: EngineName) -> Engine[TextChunk, LabelLogits]:
    return create_engine(name, artifact, threads=1)


def texts(artifact: Artifact, lengths: tuple[int, ...] = LENGTHS) -> list[TextChunk]:
    generator = np.random.default_rng(0)
    count = artifact.card.architecture.token_count
    return [TextChunk(generator.integers(0, count, length)) for length in lengths]


def by_the_network(artifact: Artifact, text: TextChunk) -> Floats:
    """What the module that training measures says of a whole text."""
    architecture = artifact.card.architecture
    assert isinstance(architecture, ClassifierArchitecture)
    model = Classifier(architecture).eval()
    model.load_state_dict({name: torch.tensor(each) for name, each in artifact.weights.items()})
    with torch.no_grad():
        logits = model(torch.from_numpy(text.words)[:, None], torch.tensor([text.length]))
    found: Floats = logits[0].numpy()
    return found


def read_in_chunks(
    engine: Engine[TextChunk, LabelLogits], text: TextChunk, cuts: list[int]
) -> LabelLogits:
    found, memory = None, None
    for start, end in zip([0, *cuts], [*cuts, text.length], strict=True):
        [found] = engine.compute([TextChunk(text.words[start:end], memory)])
        memory = found.memory
    assert found is not None
    return found


def assert_near(one: Floats, other: Floats) -> None:
    np.testing.assert_allclose(one, other, atol=TOLERANCE, rtol=0)


@pytest.mark.parametrize("pooling", POOLINGS)
@pytest.mark.parametrize("name", FP32)
def test_logits_are_the_networks_whatever_a_text_is_batched_with(
    models: dict[Pooling, Artifact], name: EngineName, pooling: Pooling
) -> None:
    items = texts(models[pooling])
    together = engine_of(models[pooling], name).compute(items)
    for item, found in zip(items, together, strict=True):
        assert_near(found.logits, by_the_network(models[pooling], item))
        assert found.memory.words == item.length
    spread = np.stack([each.logits for each in together]).std(axis=0)
    assert spread.max() > 100 * TOLERANCE  # lively enough for a difference to show


@pytest.mark.parametrize("pooling", POOLINGS)
@pytest.mark.parametrize("name", FP32)
@pytest.mark.parametrize("cuts", [[1], [12], [29], [3, 4, 20]])
def test_reading_in_chunks_is_reading_at_once(
    models: dict[Pooling, Artifact], name: EngineName, pooling: Pooling, cuts: list[int]
) -> None:
    engine = engine_of(models[pooling], name)
    [text] = texts(models[pooling], (30,))
    [whole] = engine.compute([text])
    found = read_in_chunks(engine, text, cuts)
    assert_near(found.logits, whole.logits)
    assert found.memory.words == 30
    for one, other in zip(found.memory.state, whole.memory.state, strict=True):
        assert_near(one, other)


@pytest.mark.parametrize("name", FP32)
def test_first_and_later_chunks_share_a_batch(
    models: dict[Pooling, Artifact], name: EngineName
) -> None:
    for artifact in models.values():
        engine = engine_of(artifact, name)
        one, other = texts(artifact, (20, 6))
        [begun] = engine.compute([TextChunk(one.words[:11])])
        later, first = engine.compute([TextChunk(one.words[11:], begun.memory), other])
        assert_near(later.logits, by_the_network(artifact, one))
        assert_near(first.logits, by_the_network(artifact, other))


def test_a_model_says_which_engines_it_has(tmp_path: Path) -> None:
    sparse = make_classifier(tmp_path / "set", density=0.2)
    assert engines_of(sparse.card) == ENGINE_NAMES
    dense = make_classifier(tmp_path / "dense")
    assert "torch-csr-fp32" not in engines_of(dense.card)
    for artifact in (dense, make_artifact(tmp_path / "lm")):
        with pytest.raises(ValueError, match="torch-csr-fp32 is for classifiers with sparse"):
            engine_of(artifact, "torch-csr-fp32")


def test_sparse_matrices_take_the_memory_of_their_weights(tmp_path: Path) -> None:
    model = make_classifier(tmp_path / "set", hidden_sizes=(90,), density=0.1)
    sparse, dense = (engine_of(model, name) for name in ("torch-csr-fp32", "torch-fp32"))
    # a value and a column for each weight, and where each row begins
    rows = sum(model.weights[name].shape[0] + 1 for name in model.card.sparse_weights)
    dense_rest = sum(
        weight.nbytes
        for name, weight in model.weights.items()
        if name not in model.card.sparse_weights
    )
    one_bias = 4 * 90 * 4  # the two of a layer are added up
    counted = 8 * sum(model.card.sparse_weights.values()) + 4 * rows + dense_rest - one_bias
    assert sparse.weight_bytes == counted < 0.5 * dense.weight_bytes


def test_a_dense_embedding_goes_with_sparse_layers(tmp_path: Path) -> None:
    model = make_classifier(tmp_path / "set", density=0.3)
    sparse = {name: n for name, n in model.card.sparse_weights.items() if "embedding" not in name}
    assert 0 < len(sparse) < len(model.card.sparse_weights)
    card = model.card.model_copy(update={"sparse_weights": sparse})
    mixed = Artifact(card, model.weights, model.vocabulary, model.bytes)
    for item in texts(model):
        [found] = engine_of(mixed, "torch-csr-fp32").compute([item])
        assert_near(found.logits, by_the_network(model, item))


@given(
    arrays.arrays(
        np.float32,
        st.tuples(st.integers(1, 12), st.integers(1, 9)),
        elements=st.sampled_from([0.0, 0.0, 0.0, -1.5, 2.0]),
    ),
    st.data(),
)
def test_rows_and_products_of_a_csr_matrix_are_those_of_the_dense_one(
    dense: Floats, data: Any
) -> None:
    matrix = CSRMatrix.of(dense)
    chosen = np.array(data.draw(st.lists(st.integers(0, len(dense) - 1), max_size=9)), np.int64)
    np.testing.assert_array_equal(matrix.rows(chosen), dense[chosen])
    vectors = torch.arange(2.0 * dense.shape[1]).view(-1, 2)
    np.testing.assert_allclose(matrix.tensor() @ vectors, dense @ vectors.numpy(), rtol=1e-6)


@pytest.mark.parametrize("pooling", POOLINGS)
def test_int8_is_near_fp32_and_smaller(tmp_path: Path, pooling: Pooling) -> None:
    model = make_classifier(tmp_path / "model", hidden_sizes=(60, 50), pooling=pooling)
    int8, fp32 = (engine_of(model, name) for name in ("onnxruntime-int8", "onnxruntime-fp32"))
    items = texts(model)
    pairs = zip(int8.compute(items), fp32.compute(items), strict=True)
    gaps = np.stack([one.logits - other.logits for one, other in pairs])
    assert 0 < np.abs(gaps).mean() < 0.3
    assert int8.weight_bytes < 0.5 * fp32.weight_bytes
    [text] = texts(model, (30,))
    [whole] = int8.compute([text])
    assert np.abs(read_in_chunks(int8, text, [13]).logits - whole.logits).mean() < 0.3
