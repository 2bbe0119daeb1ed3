"""From a finished run to an artifact: shrink exactly, store, measure what was stored."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import ValidationError

from issrnn import artifact
from issrnn.networks import LanguageModel
from issrnn.vocabulary import END
from training.config import TrainingConfig
from training.errors import ConfigError, RunError
from training.evaluation import perplexity
from training.measure import measure_splits
from training.presets import PRESETS
from training.run_folder import RunFolder
from training.session import find_model_groups, shrink_network
from training.subject import Subject, Weights, open_run

__all__ = ["HALF_TOLERANCE", "StoredType", "export_run"]

StoredType = Literal["auto", "float16", "float32"]

HALF_TOLERANCE = 1e-3
"""Relative change of the validation perplexity up to which weights are stored in 16 bits."""


def export_run(
    folder: RunFolder,
    data: Path,
    models: Path,
    *,
    name: str | None = None,
    weights: Weights = "best",
    stored: StoredType = "auto",
) -> artifact.Card:
    """Write ``MODELS/NAME``; its card's metrics are measured on the weights as stored.

    Args:
        folder: Of a finished run.
        data: The data directory, with the data of the run.
        models: Where artifacts are.
        name: Of the artifact; None takes the run's.
        weights: Which of the run's weights.
        stored: Type of the stored numbers; auto takes 16 bits where that changes the validation
            perplexity by at most `HALF_TOLERANCE`.

    Returns:
        The card.

    Raises:
        TrainingError: If the run is not finished, damaged or not of this data, or the artifact
            cannot be written.
    """
    record = folder.read_record()
    subject, corpus = open_run(folder, data, weights)
    if record["data_sha256"] != corpus.sha256:
        raise RunError(f"{folder.path} was trained on other data than that in {data}")
    model = shrink_network(subject.model, find_model_groups(subject.model))
    if stored == "auto":
        stored = _choose_type(model, subject)
    arrays = _arrays(model, stored)
    metrics = _measure_stored(arrays, model, subject)
    config = folder.read_config()
    try:
        card = artifact.Card(
            name=name or folder.name,
            task="score",
            variant=config.variant,
            architecture=model.architecture,
            dense_hidden_sizes=config.hidden_sizes if config.variant == "iss" else None,
            weights_dtype=stored,
            metrics=metrics,
            provenance=_provenance(record, config, weights),
        )
    except ValidationError as error:
        message = error.errors()[0]["msg"]
        raise ConfigError(
            f"no artifact can be called {name or folder.name!r}: {message}; use --as"
        ) from error
    try:
        return artifact.save(models / card.name, card, arrays, subject.vocabulary)
    except artifact.ArtifactError as error:
        raise RunError(str(error)) from error


def _choose_type(model: LanguageModel, subject: Subject) -> Literal["float16", "float32"]:
    """16 bits if every weight fits and the validation perplexity stays the same."""
    end, words = subject.vocabulary.ids[END], subject.splits["valid"]
    if not all(bool(torch.isfinite(weight.half()).all()) for weight in model.parameters()):
        return "float32"
    exact = perplexity(model, words, end)
    halved = LanguageModel(model.architecture)
    halved.load_state_dict({n: w.half().float() for n, w in model.state_dict().items()})
    rounded = perplexity(halved, words, end)
    return "float16" if math.isclose(rounded, exact, rel_tol=HALF_TOLERANCE) else "float32"


def _arrays(model: LanguageModel, stored: str) -> dict[str, NDArray[np.float32]]:
    """The weights as they read back from the file."""
    return {
        name: weight.cpu().numpy().astype(stored).astype(np.float32)
        for name, weight in model.state_dict().items()
    }


def _measure_stored(
    arrays: dict[str, NDArray[np.float32]], model: LanguageModel, subject: Subject
) -> dict[str, float]:
    network = LanguageModel(model.architecture)
    network.load_state_dict({name: torch.tensor(array) for name, array in arrays.items()})
    metrics = measure_splits(network, subject.splits, subject.vocabulary.ids[END])
    return {name: round(value, 4) for name, value in metrics.items()}


def _provenance(
    record: dict[str, Any], config: TrainingConfig, weights: Weights
) -> artifact.Provenance:
    name = record["name"]
    which = "" if weights == "best" else f" --weights {weights}"
    return artifact.Provenance(
        preset=config.preset,
        command=f"{_run_command(name, config)} && python -m training export {name}{which}",
        seed=record["seed"],
        commit=" ".join(record["commits"]),
        created=record["created"],
        machine=record["machine"],
        wall_time_seconds=round(record["wall_time_seconds"], 1),
        training=config.to_document(),
        data_sha256=record["data_sha256"],
        notes=f"{weights} weights of {config.epochs} epochs (best epoch: {record['best_epoch']})",
    )


def _run_command(name: str, config: TrainingConfig) -> str:
    """The command that trains this config: its preset and what differs from it."""
    parts = ["python -m training run", config.preset]
    if name != config.preset:
        parts.append(f"--as {name}")
    preset = PRESETS[config.preset].to_document() if config.preset in PRESETS else {}
    for field, value in config.to_document().items():
        if value != preset.get(field) and field != "preset":
            text = ",".join(map(str, value)) if isinstance(value, list) else str(value).lower()
            parts.append(f"--set {field}={text}")
    return " ".join(parts)
