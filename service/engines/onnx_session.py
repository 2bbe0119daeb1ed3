"""Running ONNX graphs: sessions of onnxruntime on the CPU."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime

__all__ = ["create_session", "weight_bytes"]


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
