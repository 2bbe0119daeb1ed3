"""What a command works on: the weights of a run, or an artifact, with the data they belong to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from torch import nn

from issrnn import artifact
from training.checkpoint import load_document
from training.config import RunConfig
from training.errors import RunError, reason
from training.experiment import Experiment, Paths, architecture_of
from training.run_folder import RunFolder
from training.session import Kept
from training.tasks import open_experiment, parse_config

__all__ = ["Subject", "Weights", "default_weights", "open_artifact", "open_run", "open_subject"]

Weights = Literal["best", "last", "shrunk"]
"""A run's weights: best on the validation split, newest, or what ``shrink`` made of the best."""


@dataclass(frozen=True, eq=False)
class Subject:
    """A trained model and its data."""

    name: str
    model: nn.Module
    """Of torch's own layers, in fp32, in evaluation mode."""
    experiment: Experiment[Any]
    kept: Kept
    """Which of the units it started with each layer has."""
    epoch: int | None = None
    """After which the best weights were taken; None of others."""
    tau: float = 0.0
    """What shrunk weights were thresholded by."""


def open_subject(text: str, runs: Path, paths: Paths, weights: Weights | None = None) -> Subject:
    """Load a run by name or folder, or an artifact by folder.

    Args:
        text: As given on the command line.
        runs: Where runs are looked for by name.
        paths: Of the data.
        weights: Which of a run's weights; None takes those its record is about.

    Raises:
        TrainingError: If there is neither, or it is damaged.
    """
    path = Path(text)
    if (path / artifact.WEIGHTS_FILE).exists():
        return _open_artifact(path, paths)
    folder = RunFolder(path if (path / "config.json").exists() else runs / text)
    return open_run(folder, paths, weights)


def open_run(folder: RunFolder, paths: Paths, weights: Weights | None = None) -> Subject:
    """Load a run's model, and its data, which must be those it was trained on.

    Raises:
        TrainingError: If it has no such weights yet, is damaged, or the data are others.
    """
    config = folder.read_config()
    if weights is None:
        weights = default_weights(config)
    file = {"best": folder.best, "last": folder.checkpoint, "shrunk": folder.shrunk}[weights]
    if not file.exists():
        remedy = "`shrink` makes them" if weights == "shrunk" else "train for at least an epoch"
        raise RunError(f"{folder.path} has no {weights} weights yet: {remedy}")
    document = load_document(file)
    experiment = open_experiment(config, paths)
    try:
        model = experiment.network_of(document)
        kept = document["kept"]
    except (KeyError, RuntimeError, ValueError) as error:
        raise RunError(f"{file} does not fit: {reason(error)}") from error
    known, there = architecture_of(model).token_count, experiment.dense_architecture().token_count
    if known != there:
        raise RunError(
            f"{folder.path} tells {known} tokens apart, the data in {paths.data} have {there}: "
            "not the data of the run"
        )
    # What was shrunk is of the best weights, which know their data.
    source = load_document(folder.best) if weights == "shrunk" else document
    if _data_sha256(source, folder) not in (None, experiment.data_sha256):
        raise RunError(f"{folder.path} was trained on other data than those in {paths.data}")
    if weights == "shrunk" and document.get("epoch") != source.get("epoch"):
        raise RunError(f"{file} is of an older epoch than the best weights: `shrink` makes it anew")
    epoch, tau = document.get("epoch"), document.get("tau", 0.0)
    return Subject(folder.name, model, experiment, kept, epoch, tau)


def default_weights(config: RunConfig) -> Weights:
    """The weights a finished run's record is about."""
    return "shrunk" if config.final_tau else "best"


def open_artifact(path: Path, experiment: Experiment[Any]) -> nn.Module:
    """An artifact's network, of torch's own layers, in evaluation mode.

    Args:
        path: Of its folder.
        experiment: Of its task, on data like those it was trained on.

    Raises:
        RunError: If it is damaged, or its tokenizer or word vectors are not the experiment's.
    """
    return _network(_load(path), experiment)


def _data_sha256(document: Mapping[str, Any], folder: RunFolder) -> Mapping[str, str] | None:
    """Checksums of the data that weights were trained on.

    The first best weights lack them: theirs are in the record, or unknown before the run's end.
    """
    if "data_sha256" not in document and folder.record_file.exists():
        document = folder.read_record()
    return document.get("data_sha256")


def _open_artifact(path: Path, paths: Paths) -> Subject:
    loaded = _load(path)
    where = f"{path / artifact.CARD_FILE}: provenance.training"
    experiment = open_experiment(parse_config(loaded.card.provenance.training, where), paths)
    kept = [list(range(size)) for size in loaded.card.architecture.hidden_sizes]
    return Subject(loaded.card.name, _network(loaded, experiment), experiment, kept)


def _load(path: Path) -> artifact.Artifact:
    try:
        return artifact.load(path)
    except artifact.ArtifactError as error:
        raise RunError(str(error)) from error


def _network(loaded: artifact.Artifact, experiment: Experiment[Any]) -> nn.Module:
    experiment.check_same_tokens(loaded.vocabulary, loaded.card.name)
    experiment.check_same_word_vectors(loaded.word_vectors, loaded.card.name)
    return experiment.network_with(loaded.card.architecture, loaded.weights)
