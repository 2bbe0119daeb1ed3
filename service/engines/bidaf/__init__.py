"""Engines of `issrnn.architecture.BiDAFArchitecture`."""

from __future__ import annotations

from pathlib import Path

from issrnn.architecture import BiDAFArchitecture
from issrnn.artifact import Weights
from service.engines.base import Engine, EngineName
from service.engines.bidaf.passages import Passage, SpanLogits

__all__ = ["Passage", "SpanLogits", "create_engine"]


def create_engine(
    name: EngineName,
    architecture: BiDAFArchitecture,
    weights: Weights,
    threads: int,
    *,
    profile: Path | None = None,
) -> Engine[Passage, SpanLogits]:
    """Build an engine; see `service.engines.create_engine`."""
    if name == "torch-fp32":
        from service.engines.bidaf.torch_engine import TorchEngine  # noqa: PLC0415 - when chosen

        return TorchEngine(architecture, weights, threads)
    from service.engines.bidaf.onnxruntime_engine import (  # noqa: PLC0415 - likewise
        OnnxruntimeEngine,
    )

    int8 = name == "onnxruntime-int8"
    return OnnxruntimeEngine(architecture, weights, threads, int8=int8, profile=profile)
