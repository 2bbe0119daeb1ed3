"""A model as it is served: its card, its vocabulary, and the worker that computes it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from issrnn.artifact import ArtifactError, Card, load
from issrnn.vocabulary import Vocabulary
from issrnn.word_vectors import WordVectors
from service.batcher import Batcher, BatchingLimits
from service.engines import Engine, EngineName, create_engine, multiply_adds
from service.schemas import ModelInfo
from service.settings import Settings
from service.worker import BatchObserver, Placement, Worker

__all__ = ["ObserverMaker", "Variant", "batching_limits", "load_variant", "metrics_of_engine"]

ObserverMaker = Callable[[Card], BatchObserver]


@dataclass(frozen=True, eq=False)
class Variant:
    """One served artifact of a task."""

    card: Card
    vocabulary: Vocabulary
    """Words of a language model or classifier, characters of a reader."""
    word_vectors: WordVectors | None
    """What a reader reads words as."""
    parameters: int
    bytes: int
    engine: Engine[Any, Any]
    worker: Worker[Any, Any]

    @property
    def name(self) -> str:
        """Such as ``ptb-lstm-small-iss``."""
        return self.card.name

    @property
    def multiply_adds(self) -> int:
        """For one token."""
        return multiply_adds(self.card, self.engine.name)

    def info(self, *, provenance: bool = False) -> ModelInfo:
        """What ``GET /models`` says of it."""
        architecture = self.card.architecture
        dense = self.card.dense_hidden_sizes
        labels, reading, vectors = self.card.labels, self.card.reading, self.card.word_vectors
        return ModelInfo(
            name=self.name,
            task=self.card.task,
            variant=self.card.variant,
            state="ready",
            engine=self.engine.name,
            architecture=architecture.model_dump(mode="json"),
            hidden_sizes=list(architecture.hidden_sizes),
            layer_names=list(architecture.layer_names),
            dense_hidden_sizes=list(dense) if dense is not None else None,
            labels=list(labels) if labels is not None else None,
            reading=reading.model_dump() if reading is not None else None,
            word_vectors=vectors.file if vectors is not None else None,
            parameters=self.parameters,
            multiply_adds=self.multiply_adds,
            bytes=self.bytes,
            engine_bytes=self.engine.weight_bytes,
            metrics=metrics_of_engine(self.card.metrics, self.engine.name),
            provenance=self.card.provenance.model_dump(mode="json") if provenance else None,
        )


def metrics_of_engine(metrics: dict[str, float], engine: EngineName) -> dict[str, float]:
    """A card's metrics as they hold for an engine.

    A card's plain metrics were measured in fp32, those ending in ``_int8`` in int8. With an int8
    engine, the plain names give the int8 figures, and the fp32 ones end in ``_fp32``.
    """
    plain = {name: value for name, value in metrics.items() if not name.endswith("_int8")}
    if engine != "onnxruntime-int8":
        return plain
    measured = {
        name.removesuffix("_int8"): value
        for name, value in metrics.items()
        if name.endswith("_int8")
    }
    return measured | {f"{name}_fp32": value for name, value in plain.items()}


def load_variant(
    folder: Path, settings: Settings, placement: Placement, observe: ObserverMaker
) -> Variant:
    """Read and check an artifact, start its worker, and wait until its engine is ready.

    Args:
        folder: The artifact; its name must be the model's.
        settings: Engine and queue.
        placement: Threads and cores.
        observe: Makes what is told of the model's batches.

    Raises:
        ArtifactError: If the artifact is bad, or its engine cannot be built.
    """
    try:
        artifact = load(folder)
    except ArtifactError:
        raise
    except Exception as error:  # whatever the files hold, the other models must serve
        raise ArtifactError(f"{folder} cannot be read: {error}") from error
    card = artifact.card
    if card.name != folder.name:
        raise ArtifactError(f"{folder} holds a model named {card.name}; rename the folder to that")
    engine_name = settings.engine_of(card.name)
    worker: Worker[Any, Any] = Worker(
        card.name,
        lambda: create_engine(engine_name, artifact, placement.threads),
        Batcher(batching_limits(settings), time.monotonic),
        observe=observe(card),
        placement=placement,
    )
    try:
        engine = worker.engine.result()
    except Exception as error:
        raise ArtifactError(f"{folder}: {engine_name} cannot run it: {error}") from error
    return Variant(
        card=card,
        vocabulary=artifact.vocabulary,
        word_vectors=artifact.word_vectors,
        parameters=artifact.parameters,
        bytes=artifact.bytes,
        engine=engine,
        worker=worker,
    )


def batching_limits(settings: Settings) -> BatchingLimits:
    """Sizes of every model's batches and queue."""
    return BatchingLimits(
        max_batch=settings.max_batch,
        max_batch_tokens=settings.max_batch_tokens,
        max_wait_seconds=settings.max_wait_ms / 1000,
        max_queued_requests=settings.max_queued_requests,
        max_queued_tokens=settings.max_queued_tokens,
    )
