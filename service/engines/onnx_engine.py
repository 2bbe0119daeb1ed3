"""What the engines on onnxruntime have in common: name, size of the weights, and session."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import onnx

from service.engines.base import EngineName
from service.engines.int8 import quantise
from service.engines.onnx_session import create_session, weight_bytes

__all__ = ["OnnxEngine"]


class OnnxEngine:
    """Runs one graph, in fp32 or with int8 weights."""

    def __init__(
        self,
        build: Callable[[], onnx.ModelProto],
        threads: int,
        *,
        quantised: Sequence[str] | None,
        leave: Sequence[str] = (),
        profile: Path | None = None,
    ) -> None:
        """Build the graph and the session.

        Args:
            build: Makes the graph in fp32, here, so that no one keeps it beside the session's copy.
            threads: Threads of one call, the calling one included.
            quantised: Operators of which weights are int8; None: all stay fp32.
            leave: Names of nodes that stay as they are.
            profile: As `service.engines.onnx_session.create_session` takes it.
        """
        self.name: EngineName = "onnxruntime-fp32" if quantised is None else "onnxruntime-int8"
        graph = build()
        if quantised is not None:
            graph = quantise(graph, quantised, leave=leave)
        self.weight_bytes = weight_bytes(graph)
        serialised = graph.SerializeToString()
        del graph
        self.session = create_session(serialised, threads, profile=profile)
