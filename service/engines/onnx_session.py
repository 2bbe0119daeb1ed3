"""Running ONNX graphs: sessions of onnxruntime on the CPU, and int8 quantisation."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnxruntime.quantization import QuantType, quantize_dynamic

__all__ = ["create_session", "quantise", "weight_bytes"]


def create_session(
    graph: bytes, threads: int, *, profile: Path | None = None
) -> onnxruntime.InferenceSession:
    """A session on the CPU.

    Args:
        graph: What to run, serialised.
        threads: Threads of one call, the calling one included.
        profile: Begin of the name of a file for the time of every node, which
            ``end_profiling`` writes; None: times are not taken.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # Spinning threads would take the core of the other variant and of the event loop.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    if profile is not None:
        options.enable_profiling = True
        options.profile_file_prefix = str(profile)
    session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    # It keeps the bytes to start again on another kind of processor: all weights a second time.
    session._model_bytes = None  # noqa: SLF001  no option for it
    return session


def weight_bytes(graph: onnx.ModelProto) -> int:
    """Memory of all constants."""
    return sum(
        int(np.prod(weight.dims)) * onnx.helper.tensor_dtype_to_np_dtype(weight.data_type).itemsize
        for weight in graph.graph.initializer
    )


def quantise(
    graph: onnx.ModelProto, operators: Sequence[str], *, leave: Sequence[str] = ()
) -> onnx.ModelProto:
    """The graph with int8 weights and activations that are quantised at each call.

    Weights have one scale a channel (7 bits, so that sums cannot saturate on older CPUs).

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
            reduce_range=True,
            weight_type=QuantType.QInt8,
            extra_options={"EnableSubgraph": True},  # the bodies of loops too
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
