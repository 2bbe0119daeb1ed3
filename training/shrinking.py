"""``python -m training shrink``: exact shrinking of a finished run, with or without a threshold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from torch import nn

import issrnn
from issrnn.architecture import Architecture
from issrnn.groups import Groups
from issrnn.lasso import GroupLasso
from training.checkpoint import save_document
from training.experiment import Experiment, Paths, architecture_of
from training.run_folder import RunFolder
from training.session import Kept, by_layer, existing_weights, regularised, survivors
from training.subject import open_run
from training.tau import choose_tau

__all__ = ["Shrunk", "ShrunkRun", "save_shrunk", "shrink_network", "shrink_run"]


@dataclass(frozen=True)
class Shrunk:
    """A model's size and quality."""

    architecture: Architecture
    weights: int
    """Those that exist."""
    metrics: dict[str, float]
    """Such as ``valid_perplexity`` and ``test_perplexity``."""

    def figures(self) -> dict[str, str]:
        """All of it for people, by title."""
        return {
            "ISS sizes": "/".join(str(size) for size in self.architecture.hidden_sizes),
            "weights": f"{self.weights:,}",
            "megabytes (fp32)": f"{4e-6 * self.weights:.1f}",
            "multiply-adds a token": f"{self.architecture.multiply_adds_per_token():,}",
            **{name.replace("_", " "): f"{value:.3f}" for name, value in self.metrics.items()},
        }


@dataclass(frozen=True)
class ShrunkRun:
    """What shrinking did to a run's best weights."""

    tau: float
    """Threshold that was applied first; 0 for none."""
    before: Shrunk
    after: Shrunk

    def __str__(self) -> str:
        """A table of both."""
        before, after = self.before.figures(), self.after.figures()
        lines = [f"{title:<22} {old:>14} {after[title]:>14}" for title, old in before.items()]
        return "\n".join([f"tau {self.tau:g}", f"{'':<22} {'before':>14} {'after':>14}", *lines])


def shrink_run(
    folder: RunFolder, paths: Paths, tau: float | Literal["auto"] | None = None
) -> ShrunkRun:
    """Shrink a run's best weights and keep the result in its folder as ``shrunk.pt``.

    Args:
        folder: Of the run.
        paths: Of the data.
        tau: Weights of the ISS groups below this become zero first; auto takes the largest that
            leaves the validation figure as it was, None the config's ``final_tau``.

    Raises:
        TrainingError: If there are no weights yet, or nothing can be written.
    """
    subject = open_run(folder, paths, "best")
    model, experiment = subject.model, subject.experiment
    before = _describe(model, experiment)
    if tau is None:
        tau = experiment.config.final_tau
    if tau == "auto":
        lasso = _lasso(experiment, experiment.find_groups(model))
        sign = -1.0 if experiment.quality.higher_is_better else 1.0
        tau = choose_tau(
            lasso.parameters,
            lambda: sign * experiment.quick_quality(model),
            threshold=lasso.threshold_,
        )
    small, kept = shrink_network(experiment, model, subject.kept, tau)
    save_shrunk(folder, small, kept, tau, subject.epoch)
    return ShrunkRun(tau, before, _describe(small, experiment))


def shrink_network(
    experiment: Experiment[Any], model: nn.Module, kept: Kept, tau: float
) -> tuple[nn.Module, Kept]:
    """Threshold the regularised weights, then remove what can no longer matter.

    Args:
        experiment: Of the model.
        model: Plain; its small weights become zero.
        kept: Which of the units it started with each layer has.
        tau: Threshold; 0 for none.

    Returns:
        The smaller model, and ``kept`` for it.
    """
    groups = experiment.find_groups(model)
    if tau:
        _lasso(experiment, groups).threshold_(tau)
    architecture = architecture_of(model)
    dead = by_layer(
        groups,
        issrnn.removable_components(model, groups),
        architecture.layer_names,
        architecture.hidden_sizes,
    )
    return issrnn.shrink(model, groups), survivors(kept, dead)


def save_shrunk(
    folder: RunFolder, small: nn.Module, kept: Kept, tau: float, epoch: int | None
) -> None:
    """Write ``shrunk.pt``.

    Args:
        folder: Of the run.
        small: What is written.
        kept: Which of the units it started with each layer has.
        tau: What its weights were thresholded by.
        epoch: Whose weights they were.

    Raises:
        RunError: If it cannot be written.
    """
    document = {
        "architecture": architecture_of(small).model_dump(),
        "weights": small.state_dict(),
        "kept": kept,
        "tau": tau,
        "epoch": epoch,
    }
    save_document(folder.shrunk, document)


def _lasso(experiment: Experiment[Any], groups: Groups) -> GroupLasso:
    return GroupLasso(regularised(groups, experiment.config.leave_out))


def _describe(model: nn.Module, experiment: Experiment[Any]) -> Shrunk:
    weights = existing_weights(experiment.config, model)
    return Shrunk(architecture_of(model), weights, experiment.measure(model))
