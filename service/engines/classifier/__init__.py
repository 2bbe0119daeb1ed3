"""Engines of `issrnn.architecture.ClassifierArchitecture`."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from issrnn.architecture import ClassifierArchitecture
from issrnn.artifact import Weights
from service.engines.base import Engine, EngineName
from service.engines.classifier.chunks import LabelLogits, TextChunk

__all__ = ["LabelLogits", "TextChunk", "create_engine"]


def create_engine(
    name: EngineName,
    architecture: ClassifierArchitecture,
    weights: Weights,
    threads: int,
    *,
    sparse: Collection[str] = (),
    profile: Path | None = None,
) -> Engine[TextChunk, LabelLogits]:
    """Build an engine; see `service.engines.create_engine`.

    Args:
        name: Library and precision.
        architecture: All sizes.
        weights: All places of every matrix.
        threads: Of one call.
        sparse: Names of the matrices with few weights; for ``torch-csr-fp32``, which needs one.
        profile: For onnxruntime.
    """
    if name in ("torch-fp32", "torch-csr-fp32"):
        from service.engines.classifier.torch_engine import (  # noqa: PLC0415 - when chosen
            TorchEngine,
        )

        held = sparse if name == "torch-csr-fp32" else ()
        return TorchEngine(architecture, weights, threads, sparse=held)
    from service.engines.classifier.onnxruntime_engine import (  # noqa: PLC0415 - likewise
        OnnxruntimeEngine,
    )

    int8 = name == "onnxruntime-int8"
    return OnnxruntimeEngine(architecture, weights, threads, int8=int8, profile=profile)
