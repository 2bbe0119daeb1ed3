"""Everything that changes while training, and its form in a checkpoint."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, cast

import torch
from torch import Tensor

import issrnn
from issrnn.architecture import RecurrentLanguageModel
from issrnn.groups import Groups
from issrnn.lasso import GroupLasso
from issrnn.networks import LanguageModel, State
from training.config import TrainingConfig
from training.expansion import Kept
from training.network import build_network

__all__ = [
    "Position",
    "Session",
    "by_layer",
    "dead_units",
    "find_model_groups",
    "network_from_document",
    "shrink_network",
    "start",
]


@dataclass
class Position:
    """How far training has come; plain numbers, so that a resumed run counts on exactly."""

    epoch: int = 0
    """Epochs completed, evaluation included."""
    step: int = 0
    """Mini-batches done in this epoch."""
    total_steps: int = 0
    """Mini-batches done since the start."""
    epoch_nats: float = 0.0
    """Sum of negative log-likelihoods over this epoch."""
    epoch_words: int = 0
    """Words predicted in this epoch."""
    epoch_seconds: float = 0.0
    """Time of this epoch's mini-batches."""
    interval_nats: float = 0.0
    """As ``epoch_nats``, since the last line of the log."""
    interval_words: int = 0
    interval_seconds: float = 0.0
    seconds: float = 0.0
    """Wall time of the run, over all its processes."""
    best_valid: float = float("inf")
    """Lowest perplexity of the validation split so far."""
    best_epoch: int = 0
    rows: list[dict[str, Any]] = field(default_factory=list)
    """Lines of the log so far."""
    epochs: list[dict[str, Any]] = field(default_factory=list)
    """One summary an epoch, for the record."""


@dataclass(eq=False)
class Session:
    """One training in progress; changed in place by every step."""

    config: TrainingConfig
    """Resolved: without ``auto``."""
    model: LanguageModel
    optimizer: torch.optim.SGD
    groups: Groups | None
    """ISS weight groups of the model as it is now; None if nothing is done with them."""
    lasso: GroupLasso | None
    """Over ``groups``; made anew whenever the model shrinks."""
    kept: Kept
    """Which of the units it started with each layer still has."""
    state: State | None = None
    """Carried from stretch to stretch; None at the start of an epoch."""
    position: Position = field(default_factory=Position)
    commits: list[str] = field(default_factory=list)
    """Git commits of this project that have trained it, in order."""
    data_sha256: dict[str, str] = field(default_factory=dict)
    """Checksums of the corpus, so that a run never goes on with another."""

    @property
    def hidden_sizes(self) -> tuple[int, ...]:
        """ISS size of each layer now."""
        return self.model.architecture.hidden_sizes

    @property
    def device(self) -> torch.device:
        """Where the model is."""
        return self.model.decoder.weight.device

    def weights_document(self) -> dict[str, Any]:
        """What rebuilds the network alone."""
        return {
            "architecture": self.model.architecture.model_dump(),
            "weights": self.model.state_dict(),
            "kept": self.kept,
        }

    def to_document(self) -> dict[str, Any]:
        """All of it as tensors and plain values, for `torch.load(weights_only=True)`."""
        cuda = torch.cuda.get_rng_state_all() if self.device.type == "cuda" else []
        return {
            **self.weights_document(),
            "optimizer": self.optimizer.state_dict(),
            "state": self.state,
            "position": asdict(self.position),
            "commits": self.commits,
            "data_sha256": self.data_sha256,
            "random": torch.get_rng_state(),
            "random_cuda": cuda,
        }

    @classmethod
    def from_document(
        cls, document: Mapping[str, Any], config: TrainingConfig, device: torch.device
    ) -> Session:
        """Continue exactly where `to_document` was called; sets torch's random state.

        Raises:
            KeyError, RuntimeError, TypeError, ValueError: If the document is not one of `Session`.
        """
        model = network_from_document(document, config, device)
        session = _assemble(config, model, document["kept"])
        session.optimizer.load_state_dict(document["optimizer"])
        session.state = _to_device(document["state"], device)
        session.position = replace(Position(), **document["position"])
        session.commits = list(document["commits"])
        torch.set_rng_state(document["random"])
        if device.type == "cuda":
            torch.cuda.set_rng_state_all(document["random_cuda"])
        return session


def start(
    config: TrainingConfig,
    vocabulary_size: int,
    device: torch.device,
    weights: Mapping[str, Tensor] | None = None,
) -> Session:
    """A session before its first step.

    Args:
        config: Resolved.
        vocabulary_size: Words of the corpus.
        device: Where to train.
        weights: Start from these; None draws them with the config's seed.

    Raises:
        RuntimeError: If ``weights`` have other names or shapes than the config's network.
    """
    torch.manual_seed(config.seed)
    model = build_network(config, config.architecture(vocabulary_size))
    model.initialise_uniform_(config.init_bound)
    if weights is not None:
        model.load_state_dict(dict(weights))
    kept = [list(range(size)) for size in config.hidden_sizes]
    return _assemble(config, model.to(device), kept)


def network_from_document(
    document: Mapping[str, Any], config: TrainingConfig, device: torch.device
) -> LanguageModel:
    """The network of a checkpoint or of a file of best weights."""
    architecture = RecurrentLanguageModel.model_validate(document["architecture"])
    model = build_network(config, architecture).to(device)
    model.load_state_dict(document["weights"])
    return model


def find_model_groups(model: LanguageModel) -> Groups:
    """ISS weight groups of a language model, found on two words."""
    device = model.decoder.weight.device
    groups: Groups = issrnn.find_groups(
        model, (torch.zeros(2, 1, dtype=torch.int64, device=device),)
    )
    return groups


def _assemble(config: TrainingConfig, model: LanguageModel, kept: Kept) -> Session:
    optimizer = torch.optim.SGD(
        model.parameters(), lr=config.learning_rate, momentum=config.momentum
    )
    groups = find_model_groups(model) if config.regularises_groups else None
    lasso = GroupLasso(groups) if groups is not None else None
    return Session(config, model.train(), optimizer, groups, lasso, kept)


def _to_device(state: Any, device: torch.device) -> Any:
    if isinstance(state, Tensor):
        return state.to(device)
    return tuple(_to_device(part, device) for part in state) if state is not None else None


def shrink_network(model: LanguageModel, groups: Groups) -> LanguageModel:
    """`issrnn.shrink`, which makes a language model of a language model."""
    return cast("LanguageModel", issrnn.shrink(model, groups))


def dead_units(model: LanguageModel, groups: Groups) -> list[Tensor]:
    """For each layer, (units,) bool: what shrinking would remove."""
    dead = issrnn.removable_components(model, groups)
    return by_layer(groups, dead, model.architecture.hidden_sizes)


def by_layer(groups: Groups, masks: Sequence[Tensor], sizes: Sequence[int]) -> list[Tensor]:
    """For each layer of a language model its group's mask, (units,) bool; none if it has no group.

    Args:
        groups: Of the model.
        masks: One for each group, (components,) bool.
        sizes: Units of each layer when the groups were found.
    """
    by_owner = {group.owner: mask for group, mask in zip(groups, masks, strict=True)}
    none = [torch.zeros(size, dtype=torch.bool) for size in sizes]
    return [by_owner.get(f"layers.{layer}", mask) for layer, mask in enumerate(none)]
