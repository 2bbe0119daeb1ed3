"""int8 quantisation of ONNX graphs."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto
from onnxruntime.quantization import QuantType, quantize_dynamic

from service.engines.onnx_graph import INT32, OnnxGraph
from service.engines.onnx_session import create_session

__all__ = ["quantise", "sums_are_exact"]


def quantise(
    graph: onnx.ModelProto, operators: Sequence[str], *, leave: Sequence[str] = ()
) -> onnx.ModelProto:
    """The graph with int8 weights and activations that are quantised at each call.

    Weights have one scale a channel, and 8 bits where this processor sums their products exactly,
    else 7.

    Args:
        graph: In fp32.
        operators: Those whose constant weights are quantised.
        leave: Names of nodes that stay as they are.
    """
    with tempfile.TemporaryDirectory() as folder, _without_advice():
        path = Path(folder) / "int8.onnx"
        quantize_dynamic(
            graph,
            path,
            op_types_to_quantize=list(operators),
            nodes_to_exclude=list(leave),
            per_channel=True,
            reduce_range=not sums_are_exact(),
            weight_type=QuantType.QInt8,
            extra_options={"EnableSubgraph": True},  # the bodies of loops too
        )
        return onnx.load(path)


@cache
def sums_are_exact() -> bool:
    """Whether onnxruntime sums products of 8-bit numbers exactly on this processor.

    On x86 processors without VNNI it adds pairs of products in 16 bits, too few for the largest
    (https://onnxruntime.ai/docs/performance/model-optimizations/quantization.html). What it does
    here is seen by a product of the largest numbers there are.
    """
    activations = np.full((4, 64), np.iinfo(np.uint8).max, dtype=np.uint8)
    weights = np.full((64, 32), np.iinfo(np.int8).max, dtype=np.int8)
    graph = OnnxGraph("sums_are_exact", weights={})
    graph.input("activations", TensorProto.UINT8, activations.shape)
    graph.node("MatMulInteger", ["activations", graph.constant("weights", weights)], "sums")
    graph.output("sums", INT32, ("rows", "columns"))
    session = create_session(graph.model().SerializeToString(), threads=1)
    (sums,) = session.run(["sums"], {"activations": activations})
    return np.array_equal(sums, activations.astype(np.int32) @ weights.astype(np.int32))


@contextmanager
def _without_advice() -> Iterator[None]:
    """Keep the quantiser's remarks, such as to optimise the graph first, out of the service's log.

    They are written with `logging.warning`, which would also install a root handler; there is
    nothing to optimise in a graph made by hand.
    """
    root = logging.getLogger()

    def drop(record: logging.LogRecord) -> bool:
        return "quantization" not in record.getMessage().lower()

    handler = logging.NullHandler()
    root.addHandler(handler)
    root.addFilter(drop)
    try:
        yield
    finally:
        root.removeFilter(drop)
        root.removeHandler(handler)
