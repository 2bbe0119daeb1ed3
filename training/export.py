"""From a finished run to an artifact: shrink exactly, store, measure what was stored."""

from __future__ import annotations

import math
import shlex
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import TypeAdapter, ValidationError
from torch import nn

import issrnn
from issrnn import artifact
from issrnn.card import ArtifactName
from issrnn.invalid import first_problem
from issrnn.number_storage import NumberType, decode, encode
from training.config import RunConfig
from training.errors import ConfigError, RunError
from training.experiment import Experiment, Paths, architecture_of
from training.reproduction import run_command, word_vectors_option
from training.run_folder import RunFolder
from training.subject import Weights, default_weights, open_run

__all__ = ["HALF_TOLERANCE", "StoredType", "export_run"]

StoredType = Literal["auto", "float16", "float32", "int8"]

HALF_TOLERANCE = 1e-3
"""Relative change of the validation figure up to which weights are stored in 16 bits."""


def export_run(
    folder: RunFolder,
    paths: Paths,
    models: Path,
    *,
    name: str | None = None,
    weights: Weights | None = None,
    stored: StoredType = "auto",
) -> artifact.Card:
    """Write ``MODELS/NAME``; its card's metrics are measured on the weights as stored.

    Args:
        folder: Of a finished run.
        paths: Of the data of the run.
        models: Where artifacts are.
        name: Of the artifact; None takes the run's.
        weights: Which of the run's weights; None takes those its record is about.
        stored: Type of the stored numbers; auto takes 16 bits where that changes the validation
            figure by at most `HALF_TOLERANCE`.

    Returns:
        The card.

    Raises:
        TrainingError: If the run is not finished, damaged or not of this data, or the artifact
            cannot be written.
    """
    name = name or folder.name
    _check_name(name)
    record = folder.read_record()
    config = folder.read_config()
    weights = weights or default_weights(config)
    subject = open_run(folder, paths, weights)
    experiment = subject.experiment
    options = "" if stored == "auto" else f" --stored {stored}"
    if name != record["name"]:  # by which the command makes the run, whatever its folder is now
        options += f" --as {name}"
    model = issrnn.shrink(subject.model, experiment.find_groups(subject.model))
    if stored == "auto":
        stored = _choose_type(experiment, model)
    arrays = _arrays(model, stored)
    metrics = experiment.measure(experiment.network_with(architecture_of(model), arrays))
    may_shrink = (
        config.regularises_groups or architecture_of(model).hidden_sizes != config.hidden_sizes
    )
    try:
        card = artifact.Card(
            name=name,
            task=config.task,
            variant=config.variant,
            architecture=architecture_of(model),
            dense_hidden_sizes=config.hidden_sizes if may_shrink else None,
            weights_dtype=stored,
            metrics={metric: round(value, 4) for metric, value in metrics.items()},
            provenance=_provenance(record, config, weights, subject.tau, options),
            **experiment.card_fields(),
        )
    except ValidationError as error:
        raise RunError(f"{folder.path} makes no artifact: {first_problem(error)}") from error
    try:
        return experiment.save_artifact(models / card.name, card, arrays)
    except artifact.ArtifactError as error:
        raise RunError(str(error)) from error


def _check_name(name: str) -> None:
    """Refuse a name before anything is measured.

    Raises:
        ConfigError: If no artifact can have it.
    """
    try:
        TypeAdapter(ArtifactName).validate_python(name)
    except ValidationError as error:
        message = first_problem(error)
        raise ConfigError(f"no artifact can be called {name!r}: {message}; use --as") from error


def _choose_type(experiment: Experiment[Any], model: nn.Module) -> Literal["float16", "float32"]:
    """16 bits if every weight fits and the validation figure stays the same."""
    if not all(bool(torch.isfinite(weight.half()).all()) for weight in model.parameters()):
        return "float32"
    exact = experiment.quick_quality(model)
    half = _arrays(model, "float16")
    rounded = experiment.quick_quality(experiment.network_with(architecture_of(model), half))
    return "float16" if math.isclose(rounded, exact, rel_tol=HALF_TOLERANCE) else "float32"


def _arrays(model: nn.Module, stored: NumberType) -> dict[str, NDArray[np.float32]]:
    """The weights as they read back from the file."""
    weights = {name: weight.cpu().numpy() for name, weight in model.state_dict().items()}
    return decode(encode(weights, stored))


def _provenance(
    record: dict[str, Any], config: RunConfig, weights: Weights, tau: float, options: str
) -> artifact.Provenance:
    run, vectors = shlex.quote(record["name"]), word_vectors_option(config, record["data_sha256"])
    commands = [run_command(record["name"], config) + vectors]
    notes = f"{weights} weights of {config.epochs} epochs (best epoch: {record['best_epoch']})"
    if weights == "shrunk":
        notes += f", shrunk with tau {tau:g}"
        if tau != config.final_tau or not tau:  # else the run itself has done it
            commands.append(f"python -m training shrink {run} --tau {tau:g}{vectors}")
    which = "" if weights == default_weights(config) else f" --weights {weights}"
    commands.append(f"python -m training export {run}{which}{options}{vectors}")
    return artifact.Provenance(
        preset=config.preset,
        command=" && ".join(commands),
        seed=record["seed"],
        commit=" ".join(record["commits"]),
        created=record["created"],
        machine=record["machine"],
        wall_time_seconds=round(record["wall_time_seconds"], 1),
        training=config.to_document(),
        data_sha256=record["data_sha256"],
        notes=notes,
    )
