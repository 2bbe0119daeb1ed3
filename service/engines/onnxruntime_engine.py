"""The default engine: onnxruntime on the CPU, in fp32 or with dynamically quantised int8."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnxruntime.quantization import QuantType, quantize_dynamic

from issrnn.artifact import Artifact
from service.engines.base import EngineName, PaddedBatch, PaddedResult, state_sizes
from service.engines.onnx_graph import build_graph, state_names

__all__ = ["OnnxruntimeEngine"]


class OnnxruntimeEngine:
    """Runs the graph of `build_graph`.

    In int8, weights have one scale a channel (7 bits, so that sums cannot saturate on older CPUs)
    and activations are quantised for each batch: an answer then depends slightly on what it is
    batched with. onnxruntime quantises LSTM layers and the softmax layer; GRU and RNN layers stay
    fp32. The embedding is a look-up and stays fp32.
    """

    def __init__(self, artifact: Artifact, threads: int, *, int8: bool) -> None:
        """Build the graph and the session.

        Args:
            artifact: Its weights are copied.
            threads: Threads of one call, the calling one included.
            int8: Quantise.
        """
        architecture = artifact.card.architecture
        self.name: EngineName = "onnxruntime-int8" if int8 else "onnxruntime-fp32"
        self.state_sizes = state_sizes(architecture)
        self._state_names = state_names(architecture)
        graph = build_graph(architecture, artifact.weights)
        if int8:
            graph = _quantise(graph)
        self.weight_bytes = sum(
            int(np.prod(weight.dims))
            * onnx.helper.tensor_dtype_to_np_dtype(weight.data_type).itemsize
            for weight in graph.graph.initializer
        )
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        # Spinning threads would take the core of the other variant and of the event loop.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(
            graph.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        self._outputs = [
            "log_probs",
            *(f"{name}_after" for name in self._state_names),
            "top_log_probs",
            "top_ids",
        ]

    def run(self, batch: PaddedBatch) -> PaddedResult:
        """Compute a batch."""
        feeds = {
            "inputs": batch.inputs,
            "lengths": batch.lengths,
            "positions": batch.positions,
            "targets": batch.targets,
            "top_k": np.array([batch.top_k], dtype=np.int64),
            **dict(zip(self._state_names, batch.state, strict=True)),
        }
        log_probs, *state, top_log_probs, top_ids = self._session.run(self._outputs, feeds)
        if not batch.top_k:
            top_log_probs = np.zeros((len(log_probs), 0), dtype=np.float32)
            top_ids = np.zeros((len(log_probs), 0), dtype=np.int64)
        return PaddedResult(log_probs, tuple(state), top_ids, top_log_probs)


def _quantise(graph: onnx.ModelProto) -> onnx.ModelProto:
    with tempfile.TemporaryDirectory() as folder, _without_advice():
        path = Path(folder) / "int8.onnx"
        quantize_dynamic(
            graph,
            path,
            op_types_to_quantize=["MatMul", "LSTM"],
            per_channel=True,
            reduce_range=True,
            weight_type=QuantType.QInt8,
        )
        return onnx.load(path)


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
