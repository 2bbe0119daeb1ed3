"""What a task brings to training: its data, its network, its loss and its measures."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar, cast

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import TypeAdapter
from torch import Tensor, nn

import issrnn
from issrnn.architecture import Architecture
from issrnn.card import Card
from issrnn.groups import Groups
from issrnn.vocabulary import Vocabulary
from issrnn.word_vectors import WordVectors
from training.config import RunConfig
from training.errors import RunError
from training.stopping import StopRequest

if TYPE_CHECKING:
    from training.session import Session

__all__ = [
    "STOPPED_MEASURING",
    "Experiment",
    "Loss",
    "Paths",
    "Quality",
    "architecture_of",
    "kept_epoch",
    "parse_architecture",
]

ConfigT = TypeVar("ConfigT", bound=RunConfig)

STOPPED_MEASURING = (
    "stopped while measuring; training is complete and saved: the same command goes on"
)
"""What `Experiment.measure` says of being interrupted."""

_ARCHITECTURE: TypeAdapter[Architecture] = TypeAdapter(Architecture)


@dataclass(frozen=True)
class Paths:
    """Where the data are."""

    data: Path
    """The data directory."""
    cache: Path
    """Holds what is computed once from the data."""
    word_vectors: Path | None = None
    """A GloVe text file; None takes the package that carries GloVe 6B 50d."""


@dataclass(frozen=True)
class Quality:
    """The figure that says how good a model is."""

    name: str
    """Such as ``valid_perplexity``."""
    higher_is_better: bool = False

    @property
    def worst(self) -> float:
        """What is not better than any figure."""
        return -math.inf if self.higher_is_better else math.inf

    def improves(self, new: float, best: float | None) -> bool:
        """Whether a figure is better than the best so far."""
        if best is None:
            return True
        return new > best if self.higher_is_better else new < best


def kept_epoch(
    config: RunConfig, quality: Quality, epochs: Sequence[Mapping[str, Any]]
) -> Mapping[str, Any]:
    """The summary of the epoch whose weights are kept.

    That is the best one, but none before the last in which components may die.

    Args:
        config: Of the run.
        quality: What is best.
        epochs: At least one, from the first on.
    """
    kept = epochs[0]
    for number, epoch in enumerate(epochs):
        better = quality.improves(epoch[quality.name], kept[quality.name])
        if better or config.removes_components_in(number):
            kept = epoch
    return kept


@dataclass(frozen=True, eq=False)
class Loss:
    """Of one mini-batch, or of this process's share of it."""

    objective: Tensor
    """What is differentiated; that of the whole mini-batch is the sum over the processes."""
    nats: float
    """Sum of negative log-likelihoods."""
    count: int
    """How many likelihoods these are."""


class Experiment(ABC, Generic[ConfigT]):
    """A config together with its data; the training loop knows of a task only what is here."""

    quality: ClassVar[Quality]
    """What the best weights are chosen by, as `validate` gives it."""
    training_figure: ClassVar[str]
    """Column of the log for the training loss."""
    validation_figures: ClassVar[tuple[str, ...]]
    """Columns of the log that `validate` fills."""

    config: ConfigT
    """Resolved: without ``auto``."""
    data_sha256: dict[str, str]
    """Checksums of the data, so that a run never goes on with others."""
    steps_per_epoch: int
    data_figures: Mapping[str, float]
    """Counts and shares that tell what became of the data, for log and record."""

    @abstractmethod
    def build_network(self, architecture: Architecture) -> nn.Module:
        """The network as it is trained, with its initial weights, drawn from torch's generator."""

    @abstractmethod
    def plain_network(self, architecture: Architecture) -> nn.Module:
        """The same of torch's own layers, without drop-out."""

    @abstractmethod
    def dense_architecture(self) -> Architecture:
        """What training starts with."""

    @abstractmethod
    def make_optimizer(self, model: nn.Module) -> torch.optim.Optimizer:
        """Over all parameters."""

    @abstractmethod
    def example_inputs(self, device: torch.device) -> tuple[Any, ...]:
        """Small inputs of the network, to find its ISS weight groups with."""

    @abstractmethod
    def loss(self, session: Session, step: int) -> Loss:
        """The loss of a mini-batch of this epoch; carries the session's state on.

        Where several processes train, that of this process's `training.distributed.share`, divided
        by the size of the whole mini-batch where the loss is a mean.
        """

    def after_update_(self, session: Session) -> None:
        """What follows every mini-batch's update, such as an average of the weights."""

    def training_value(self, nats: float, count: int) -> float:
        """``training_figure`` of a sum of negative log-likelihoods: their mean."""
        return nats / count if count else math.nan

    @abstractmethod
    def validate(self, session: Session, between: Callable[[], None]) -> dict[str, float]:
        """``validation_figures`` of the session's weights.

        Args:
            session: Its model is left as it was.
            between: Called every now and then; may raise.
        """

    def weights_to_keep(self, session: Session) -> Mapping[str, Tensor]:
        """What is saved as the best weights, and measured."""
        return session.model.state_dict()

    @abstractmethod
    def measure(self, model: nn.Module, stop: StopRequest | None = None) -> dict[str, float]:
        """The metrics of the card and the record, computed in fp32 with a progress bar.

        Raises:
            Interrupted: If it was asked to stop.
        """

    @abstractmethod
    def quick_quality(self, model: nn.Module) -> float:
        """``quality`` of a plain network, to choose a threshold or a stored type by."""

    @abstractmethod
    def save_artifact(self, folder: Path, card: Card, weights: Mapping[str, Any]) -> Card:
        """Write an artifact with the task's tokenizer.

        Raises:
            ArtifactError: As `issrnn.artifact.save`.
        """

    @abstractmethod
    def card_fields(self) -> dict[str, Any]:
        """Fields of the card that only this task fills."""

    @property
    @abstractmethod
    def tokens(self) -> Vocabulary:
        """What the network's tokens stand for: words, or a reader's characters."""

    def check_same_tokens(self, tokens: Vocabulary, where: str | Path) -> None:
        """Check that a network reads as this experiment's do.

        Args:
            tokens: Of the network.
            where: It is; named in the error.

        Raises:
            RunError: If its tokens stand for others.
        """
        if tokens != self.tokens:
            raise RunError(f"{where} has other words or characters than the data of this run")

    def check_same_word_vectors(self, word_vectors: WordVectors | None, where: str | Path) -> None:
        """Check that a network learned to read the word vectors it is given here, if it reads any.

        Args:
            word_vectors: That it was trained with, (N, D).
            where: It is; named in the error.

        Raises:
            RunError: If they have another length or other numbers.
        """

    def expand(self, model: nn.Module, kept: list[list[int]]) -> nn.Module:  # noqa: ARG002
        """The network with removed components in their former places, as zeros, where it can."""
        return model

    def network_of(self, document: Mapping[str, Any]) -> nn.Module:
        """The plain network of a checkpoint or of best weights, in evaluation mode.

        Raises:
            KeyError, RuntimeError, ValueError: If the document is not one of these.
        """
        return self.network_with(parse_architecture(document["architecture"]), document["weights"])

    def network_with(
        self, architecture: Architecture, weights: Mapping[str, Tensor | NDArray[np.float32]]
    ) -> nn.Module:
        """The plain network with these weights, in evaluation mode.

        Raises:
            RuntimeError: If they are not of this architecture.
        """
        model = self.plain_network(architecture)
        tensors = {n: w if isinstance(w, Tensor) else torch.tensor(w) for n, w in weights.items()}
        model.load_state_dict(tensors)
        return model.eval()

    def find_groups(self, model: nn.Module) -> Groups:
        """ISS weight groups of the network, as it is now."""
        device = next(model.parameters()).device
        groups: Groups = issrnn.find_groups(model, self.example_inputs(device))
        return groups


def architecture_of(model: nn.Module) -> Architecture:
    """What one of this project's networks is made of now."""
    return cast("Architecture", model.architecture)


def parse_architecture(document: object) -> Architecture:
    """An architecture of any kind from JSON values.

    Raises:
        ValueError: If it is none.
    """
    return _ARCHITECTURE.validate_python(document)
