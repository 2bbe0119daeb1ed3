"""What a command works on: the weights of a run, or an artifact, with the corpus they belong to."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch

from issrnn import artifact
from issrnn.networks import LanguageModel
from issrnn.vocabulary import END, Vocabulary
from training.checkpoint import load_document
from training.corpus import Corpus, load_corpus, read_split
from training.errors import RunError, reason
from training.expansion import Kept
from training.measure import measure_splits, plain_network
from training.run_folder import RunFolder

__all__ = ["Subject", "Weights", "load_artifact_network", "measure", "open_run", "open_subject"]

Weights = Literal["best", "last", "shrunk"]
"""A run's weights: best on the validation split, newest, or what ``shrink`` made of the best."""


@dataclass(frozen=True, eq=False)
class Subject:
    """A trained model and its data."""

    name: str
    model: LanguageModel
    """Of torch's own layers, in fp32, in evaluation mode."""
    vocabulary: Vocabulary
    splits: dict[str, torch.Tensor]
    """Word ids of ``valid`` and ``test``, each (N,) int64."""
    kept: Kept
    """Which of the units it started with each layer has."""
    dense_hidden_sizes: tuple[int, ...]
    """Units it started with."""


def open_subject(text: str, runs: Path, data: Path, weights: Weights = "best") -> Subject:
    """Load a run by name or folder, or an artifact by folder.

    Args:
        text: As given on the command line.
        runs: Where runs are looked for by name.
        data: The data directory.
        weights: Which of a run's weights.

    Raises:
        TrainingError: If there is neither, or it is damaged.
    """
    path = Path(text)
    if (path / artifact.WEIGHTS_FILE).exists():
        return _open_artifact(path, data)
    folder = RunFolder(path if (path / "config.json").exists() else runs / text)
    return open_run(folder, data, weights)[0]


def open_run(folder: RunFolder, data: Path, weights: Weights = "best") -> tuple[Subject, Corpus]:
    """Load a run's model, and its corpus, which must be the one it was trained on.

    Raises:
        TrainingError: If it has no such weights yet, is damaged, or the corpus is another.
    """
    config = folder.read_config()
    file = {"best": folder.best, "last": folder.checkpoint, "shrunk": folder.shrunk}[weights]
    if not file.exists():
        remedy = "`shrink` makes them" if weights == "shrunk" else "train for at least an epoch"
        raise RunError(f"{folder.path} has no {weights} weights yet: {remedy}")
    document = load_document(file)
    try:
        model = plain_network(document)
        kept = document["kept"]
    except (KeyError, RuntimeError, ValueError) as error:
        raise RunError(f"{file} does not fit: {reason(error)}") from error
    corpus = load_corpus(data, config.corpus, config.vocabulary_limit)
    if len(corpus.vocabulary) != model.architecture.vocabulary_size:
        raise RunError(
            f"{folder.path} knows {model.architecture.vocabulary_size} words, "
            f"{config.corpus} in {data} has {len(corpus.vocabulary)}: not the data of the run"
        )
    splits = {"valid": corpus.valid, "test": corpus.test}
    subject = Subject(folder.name, model, corpus.vocabulary, splits, kept, config.hidden_sizes)
    return subject, corpus


def load_artifact_network(loaded: artifact.Artifact) -> LanguageModel:
    """The network of an artifact, in torch's own layers."""
    model = LanguageModel(loaded.card.architecture)
    model.load_state_dict({name: torch.tensor(array) for name, array in loaded.weights.items()})
    return model.eval()


def measure(subject: Subject) -> dict[str, float]:
    """Perplexity of each split: one stream, the state carried over all of it."""
    return measure_splits(subject.model, subject.splits, subject.vocabulary.ids[END])


def _open_artifact(path: Path, data: Path) -> Subject:
    try:
        loaded = artifact.load(path)
    except artifact.ArtifactError as error:
        raise RunError(str(error)) from error
    corpus = str(loaded.card.provenance.training.get("corpus", "ptb"))
    splits = {
        "valid": read_split(data, corpus, "valid", loaded.vocabulary),
        "test": read_split(data, corpus, "test", loaded.vocabulary),
    }
    model = load_artifact_network(loaded)
    sizes = model.architecture.hidden_sizes
    kept = [list(range(size)) for size in sizes]
    return Subject(loaded.card.name, model, loaded.vocabulary, splits, kept, sizes)
