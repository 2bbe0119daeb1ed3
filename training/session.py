"""Everything that changes while training, and its form in a checkpoint."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, nn

from issrnn.groups import Group, Groups
from issrnn.lasso import GroupLasso
from issrnn.set_masks import SparseEvolution, count_weights
from training.config import RunConfig
from training.distributed import join_streams, own_streams
from training.errors import ConfigError, RunError
from training.experiment import Experiment, architecture_of, parse_architecture

__all__ = [
    "Kept",
    "Position",
    "Session",
    "by_layer",
    "existing_weights",
    "make_evolution",
    "regularised",
    "resume",
    "start",
    "survivors",
]

Kept = list[list[int]]
"""For each recurrent layer, which of the units it started with its units are."""


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
    epoch_count: int = 0
    """Likelihoods of this epoch."""
    epoch_seconds: float = 0.0
    """Time of this epoch's mini-batches."""
    interval_nats: float = 0.0
    """As ``epoch_nats``, since the last line of the log."""
    interval_count: int = 0
    interval_steps: int = 0
    interval_seconds: float = 0.0
    seconds: float = 0.0
    """Wall time of the run, over all its processes."""
    peak_memory_bytes: int = 0
    """Largest resident memory of the first process while it trained, its data included."""
    best: float | None = None
    """Best validation figure so far."""
    best_epoch: int = 0
    rows: list[dict[str, Any]] = field(default_factory=list)
    """Lines of the log so far."""
    epochs: list[dict[str, Any]] = field(default_factory=list)
    """One summary an epoch, for the record."""


@dataclass(eq=False)
class Session:
    """One training in progress; changed in place by every step."""

    experiment: Experiment[Any]
    model: nn.Module
    optimizer: torch.optim.Optimizer
    groups: Groups | None
    """ISS weight groups of the model as it is now; None if nothing is done with them."""
    lasso: GroupLasso | None
    """Over the regularised ones of ``groups``; made anew whenever the model shrinks."""
    kept: Kept
    """Which of the units it started with each layer still has."""
    evolution: SparseEvolution | None = None
    """Which weights exist while training sparse (SET); None: all."""
    state: Any = None
    """Hidden state that is carried from mini-batch to mini-batch, of this process's streams; None
    where nothing is."""
    position: Position = field(default_factory=Position)
    commits: list[str] = field(default_factory=list)
    """Git commits of this project that have trained it, in order."""
    source: dict[str, str] | None = None
    """What fine-tuning started from; None if from random weights."""

    @property
    def hidden_sizes(self) -> tuple[int, ...]:
        """ISS size of each layer now."""
        return architecture_of(self.model).hidden_sizes

    @property
    def layer_names(self) -> tuple[str, ...]:
        """Name of each layer."""
        return architecture_of(self.model).layer_names

    @property
    def regularised_layers(self) -> tuple[str, ...]:
        """Those of `layer_names` that group lasso, l1 or thresholds are for."""
        config = self.experiment.config
        names = self.layer_names if config.regularises_groups else ()
        return tuple(name for name in names if not _is_left_out(name, config.leave_out))

    @property
    def group_lengths(self) -> dict[str, Tensor]:
        """Euclidean length of each component's weights, (components,), by regularised layer.

        A layer's last component has no group: it cannot be removed.
        """
        if self.groups is None or self.lasso is None:
            return {}
        groups = regularised(self.groups, self.experiment.config.leave_out)
        lengths = torch.split(self.lasso.lengths(), [group.size for group in groups])
        return {group.owner: own for group, own in zip(groups, lengths, strict=True)}

    @property
    def device(self) -> torch.device:
        """Where the model is."""
        return next(self.model.parameters()).device

    def weights_document(self, weights: Mapping[str, Tensor] | None = None) -> dict[str, Any]:
        """What rebuilds the network alone, and which data it is for.

        Args:
            weights: None takes the model's.
        """
        return {
            "architecture": architecture_of(self.model).model_dump(),
            "weights": dict(weights if weights is not None else self.model.state_dict()),
            "kept": self.kept,
            "data_sha256": self.experiment.data_sha256,
        }

    def to_document(self) -> dict[str, Any]:
        """All of it as tensors and plain values, for `torch.load(weights_only=True)`.

        Every process of the run has to call it; the first gets the state of all streams.
        """
        cuda = torch.cuda.get_rng_state_all() if self.device.type == "cuda" else []
        return {
            **self.weights_document(),
            "config": self.experiment.config.to_document(),
            "optimizer": self.optimizer.state_dict(),
            "evolution": self.evolution.state_dict() if self.evolution is not None else None,
            "state": join_streams(self.state),
            "position": asdict(self.position),
            "commits": self.commits,
            "source": self.source,
            "random": torch.get_rng_state(),
            "random_cuda": cuda,
        }


def start(
    experiment: Experiment[Any],
    device: torch.device,
    weights: Mapping[str, Tensor] | None = None,
) -> Session:
    """A session before its first step.

    Args:
        experiment: Its config says what to train.
        device: Where to train.
        weights: Start from these; None draws them with the config's seed.

    Raises:
        RuntimeError: If ``weights`` have other names or shapes than the config's network.
        RunError: If a layer that is to be regularised has no ISS weight groups.
        ConfigError: If ``leave_out`` names no layer.
    """
    torch.manual_seed(experiment.config.seed)
    model = experiment.build_network(experiment.dense_architecture())
    if weights is not None:
        model.load_state_dict(dict(weights))
    kept = [list(range(size)) for size in experiment.config.hidden_sizes]
    model = model.to(device)
    return _assemble(experiment, model, kept, make_evolution(experiment.config, model))


def resume(
    experiment: Experiment[Any], document: Mapping[str, Any], device: torch.device
) -> Session:
    """Continue exactly where `Session.to_document` was called; sets torch's random state.

    Raises:
        KeyError, RuntimeError, TypeError, ValueError: If the document is not one of `Session`.
        ConfigError: If ``leave_out`` names no layer.
    """
    architecture = parse_architecture(document["architecture"])
    known, there = architecture.token_count, experiment.dense_architecture().token_count
    if known != there:
        raise ValueError(f"it tells {known} tokens apart, the data have {there}")
    model = experiment.build_network(architecture).to(device)
    model.load_state_dict(document["weights"])
    evolution = make_evolution(experiment.config, model, document["evolution"])
    session = _assemble(experiment, model, document["kept"], evolution)
    session.optimizer.load_state_dict(document["optimizer"])
    session.state = _own_state(document["state"], device)
    session.position = replace(Position(), **document["position"])
    session.commits = list(document["commits"])
    session.source = document.get("source")  # the first checkpoints lack it
    torch.set_rng_state(document["random"])
    if device.type == "cuda":
        torch.cuda.set_rng_state_all(document["random_cuda"])
    return session


def make_evolution(
    config: RunConfig, model: nn.Module, state: Mapping[str, Any] | None = None
) -> SparseEvolution | None:
    """Make a model sparse as the config says; None if it stays dense.

    Args:
        config: Of the run.
        model: Before its first step, or as it was when ``state`` was saved.
        state: What `SparseEvolution.state_dict` gave.
    """
    if not config.epsilon:
        return None
    return SparseEvolution(
        model,
        epsilon=config.epsilon,
        zeta=config.zeta,
        gates=config.gates,
        seed=config.seed,
        state=state,
    )


def existing_weights(config: RunConfig, model: nn.Module) -> int:
    """Number of a model's weights; of a sparse one, of those that exist."""
    return count_weights(model) if config.epsilon else sum(p.numel() for p in model.parameters())


def regularised(groups: Groups, leave_out: Sequence[str]) -> list[Group]:
    """The groups of layers whose names do not start with one of ``leave_out``."""
    return [group for group in groups if not _is_left_out(group.owner, leave_out)]


def survivors(kept: Kept, dead: Sequence[Tensor]) -> Kept:
    """``kept`` after removing what is dead.

    Args:
        kept: Before.
        dead: For each layer, (units,) bool.
    """
    return [
        [unit for unit, is_dead in zip(units, mask.tolist(), strict=True) if not is_dead]
        for units, mask in zip(kept, dead, strict=True)
    ]


def by_layer(
    groups: Groups, masks: Sequence[Tensor], names: Sequence[str], sizes: Sequence[int]
) -> list[Tensor]:
    """For each layer its group's mask, (units,) bool; none if it has no group.

    Args:
        groups: Of the model.
        masks: One for each group, (components,) bool.
        names: Of the layers.
        sizes: Units of each layer when the groups were found.
    """
    by_owner = {group.owner: mask for group, mask in zip(groups, masks, strict=True)}
    none = [torch.zeros(size, dtype=torch.bool) for size in sizes]
    return [by_owner.get(name, mask) for name, mask in zip(names, none, strict=True)]


def _assemble(
    experiment: Experiment[Any], model: nn.Module, kept: Kept, evolution: SparseEvolution | None
) -> Session:
    config = experiment.config
    groups = experiment.find_groups(model) if config.regularises_groups else None
    lasso = GroupLasso(regularised(groups, config.leave_out)) if groups is not None else None
    optimizer = experiment.make_optimizer(model)
    session = Session(experiment, model.train(), optimizer, groups, lasso, kept, evolution)
    _check_left_out(config.leave_out, session.layer_names)
    _check_all_found(session)
    return session


def _check_left_out(leave_out: Sequence[str], layer_names: Sequence[str]) -> None:
    """A misspelt layer would be regularised after all.

    Raises:
        ConfigError: If no layer's name starts so.
    """
    for start_of_name in leave_out:
        if not any(_is_left_out(name, (start_of_name,)) for name in layer_names):
            raise ConfigError(
                f"leave_out: no layer's name starts with {start_of_name!r}; the layers are "
                f"{', '.join(layer_names)}"
            )


def _check_all_found(session: Session) -> None:
    """A layer without groups would be trained to the end and never get smaller.

    Raises:
        RunError: If a layer of several units that is to be regularised has no group.
    """
    found = {group.owner for group in session.groups or ()}
    sizes = dict(zip(session.layer_names, session.hidden_sizes, strict=True))
    missing = [n for n in session.regularised_layers if sizes[n] > 1 and n not in found]
    if missing:
        names = ", ".join(missing)
        raise RunError(f"no ISS weight groups were found of {names}:\n{session.groups}")


def _is_left_out(name: str, leave_out: Sequence[str]) -> bool:
    return name.startswith(tuple(leave_out))


def _own_state(state: Any, device: torch.device) -> Any:
    """Of a hidden state of all streams, that of this process's."""
    if isinstance(state, Tensor):
        return own_streams(state).to(device)
    return tuple(_own_state(part, device) for part in state) if state is not None else None
