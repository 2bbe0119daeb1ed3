"""Engines of every `issrnn.architecture.LanguageModelArchitecture`."""

from __future__ import annotations

from pathlib import Path

from issrnn.architecture import LanguageModelArchitecture
from issrnn.artifact import Weights
from service.engines.base import Engine, EngineName
from service.engines.language_model.chunks import Chunk, Scored

__all__ = ["Chunk", "Scored", "create_engine"]


def create_engine(
    name: EngineName,
    architecture: LanguageModelArchitecture,
    weights: Weights,
    threads: int,
    *,
    profile: Path | None = None,
) -> Engine[Chunk, Scored]:
    """Build an engine; see `service.engines.create_engine`."""
    if name == "torch-fp32":
        from service.engines.language_model.torch_engine import (  # noqa: PLC0415 - when chosen
            TorchEngine,
        )

        return TorchEngine(architecture, weights, threads)
    from service.engines.language_model.onnxruntime_engine import (  # noqa: PLC0415 - likewise
        OnnxruntimeEngine,
    )

    int8 = name == "onnxruntime-int8"
    return OnnxruntimeEngine(architecture, weights, threads, int8=int8, profile=profile)
