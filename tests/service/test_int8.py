from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from service.engines import int8
from service.engines.onnx_graph import FLOAT, OnnxGraph
from service.engines.onnx_session import create_session


@pytest.fixture
def product() -> onnx.ModelProto:
    """(N, 64) times weights, each column of which has largest numbers of its own."""
    weights = np.random.default_rng(0).normal(size=(64, 8)) * np.arange(1, 9)
    graph = OnnxGraph("product", weights={})
    graph.input("x", FLOAT, ("rows", 64))
    graph.node("MatMul", ["x", graph.constant("w", weights.astype(np.float32))], "y")
    graph.output("y", FLOAT, ("rows", 8))
    return graph.model()


def int8_weights(graph: onnx.ModelProto) -> np.ndarray:
    (weights,) = (
        numpy_helper.to_array(tensor)
        for tensor in graph.graph.initializer
        if tensor.data_type == onnx.TensorProto.INT8 and len(tensor.dims) == 2
    )
    return weights


@pytest.mark.parametrize(("exact", "largest"), [(True, 127), (False, 64)])
def test_weights_have_as_many_bits_as_can_be_summed(
    product: onnx.ModelProto, exact: bool, largest: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(int8, "sums_are_exact", lambda: exact)
    weights = int8_weights(int8.quantise(product, ["MatMul"]))
    assert (np.abs(weights.astype(int)).max(axis=0) == largest).all()


def test_no_sum_is_cut_on_this_processor(product: onnx.ModelProto) -> None:
    weights = numpy_helper.to_array(product.graph.initializer[0])
    x = np.where(weights > 0, 1, 0).astype(np.float32).T  # the largest sum of each column
    session = create_session(int8.quantise(product, ["MatMul"]).SerializeToString(), threads=1)
    (y,) = session.run(["y"], {"x": x})
    assert np.diag(y) == pytest.approx(np.diag(x @ weights), rel=0.02)
