"""Engines: what computes a served model's answers, interchangeable behind one protocol."""

from __future__ import annotations

from issrnn.artifact import Artifact
from service.engines.base import ENGINE_NAMES, Engine, EngineName

__all__ = ["ENGINE_NAMES", "Engine", "EngineName", "create_engine"]


def create_engine(name: EngineName, artifact: Artifact, threads: int) -> Engine:
    """Build an engine that computes an artifact's network.

    An engine's package is imported only when it is chosen: the default needs no torch.

    Args:
        name: Library and precision.
        artifact: A checked artifact; its weights are copied and may be dropped afterwards.
        threads: How many threads one call may use, the caller's own included.

    Raises:
        ImportError: If the engine's package is not installed.
    """
    if name == "torch-fp32":
        from service.engines.torch_engine import (  # noqa: PLC0415 - torch only when chosen
            TorchEngine,
        )

        return TorchEngine(artifact, threads)
    from service.engines.onnxruntime_engine import (  # noqa: PLC0415 - likewise
        OnnxruntimeEngine,
    )

    return OnnxruntimeEngine(artifact, threads, int8=name == "onnxruntime-int8")
