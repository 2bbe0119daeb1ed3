"""Engines: what computes a served model's answers, interchangeable behind one protocol.

A folder for each network holds its unit of work and its engines.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from issrnn.architecture import BiDAFArchitecture, LanguageModelArchitecture
from issrnn.artifact import Artifact
from service.engines import bidaf, language_model
from service.engines.base import ENGINE_NAMES, Engine, EngineName

__all__ = ["ENGINE_NAMES", "Engine", "EngineName", "create_engine"]


def create_engine(
    name: EngineName, artifact: Artifact, threads: int, *, profile: Path | None = None
) -> Engine[Any, Any]:
    """Build an engine that computes an artifact's network.

    An engine's package is imported only when it is chosen: the default needs no torch.

    Args:
        name: Library and precision.
        artifact: A checked artifact; its weights are copied and may be dropped afterwards.
        threads: How many threads one call may use, the caller's own included.
        profile: For onnxruntime, as `service.engines.onnx_session.create_session` takes it.

    Raises:
        ImportError: If the engine's package is not installed.
        ValueError: If no engine computes the network.
    """
    architecture = artifact.card.architecture
    if isinstance(architecture, LanguageModelArchitecture):
        return language_model.create_engine(
            name, architecture, artifact.weights, threads, profile=profile
        )
    if isinstance(architecture, BiDAFArchitecture):
        return bidaf.create_engine(name, architecture, artifact.weights, threads, profile=profile)
    raise ValueError(f"no engine computes a network of the kind {architecture.kind!r}")
