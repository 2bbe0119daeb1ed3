"""Engines: what computes a served model's answers, interchangeable behind one protocol.

A folder for each network holds its unit of work and its engines.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from issrnn.architecture import BiDAFArchitecture, ClassifierArchitecture
from issrnn.artifact import Artifact, Card
from service.engines import bidaf, classifier, language_model
from service.engines.base import ENGINE_NAMES, Engine, EngineName

__all__ = ["ENGINE_NAMES", "Engine", "EngineName", "create_engine", "engines_of", "multiply_adds"]


def engines_of(card: Card) -> tuple[EngineName, ...]:
    """The engines that can compute a model: sparse kernels are for classifiers that are sparse."""
    is_sparse = isinstance(card.architecture, ClassifierArchitecture) and card.sparse_weights
    return tuple(name for name in ENGINE_NAMES if name != "torch-csr-fp32" or is_sparse)


def multiply_adds(card: Card, engine: EngineName) -> int:
    """That an engine makes for one token; only sparse kernels leave out the zeros of a matrix."""
    dense = card.architecture.multiply_adds_per_token()
    if engine != "torch-csr-fp32":
        return dense
    shapes = card.architecture.shapes()
    return dense - sum(
        math.prod(shapes[name]) - count
        for name, count in card.sparse_weights.items()
        if name.startswith("layers.")  # the embedding is a look-up
    )


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
        ValueError: If it cannot compute the model.
    """
    card, weights = artifact.card, artifact.weights
    if name not in engines_of(card):
        raise ValueError(f"{name} is for classifiers with sparse matrices, and {card.name} is none")
    architecture = card.architecture
    if isinstance(architecture, ClassifierArchitecture):
        return classifier.create_engine(
            name, architecture, weights, threads, sparse=card.sparse_weights, profile=profile
        )
    if isinstance(architecture, BiDAFArchitecture):
        return bidaf.create_engine(name, architecture, weights, threads, profile=profile)
    return language_model.create_engine(name, architecture, weights, threads, profile=profile)
