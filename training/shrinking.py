"""``python -m training shrink``: exact shrinking of a finished run, with or without a threshold."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch

from issrnn.architecture import RecurrentLanguageModel
from issrnn.lasso import GroupLasso, threshold_
from issrnn.networks import LanguageModel
from issrnn.vocabulary import END
from training.checkpoint import save_document
from training.evaluation import perplexity
from training.expansion import survivors
from training.measure import measure_splits
from training.run_folder import RunFolder
from training.session import dead_units, find_model_groups, shrink_network
from training.subject import Subject, open_run
from training.tau import choose_tau

__all__ = ["Shrunk", "ShrunkRun", "shrink_run"]


@dataclass(frozen=True)
class Shrunk:
    """A model's size and quality."""

    architecture: RecurrentLanguageModel
    metrics: dict[str, float]
    """``valid_perplexity`` and ``test_perplexity``."""

    @property
    def weights(self) -> int:
        """Number of weights."""
        return sum(torch.Size(shape).numel() for shape in self.architecture.shapes().values())

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


def shrink_run(folder: RunFolder, data: Path, tau: float | Literal["auto"] = 0.0) -> ShrunkRun:
    """Shrink a run's best weights and keep the result in its folder as ``shrunk.pt``.

    Args:
        folder: Of the run.
        data: The data directory.
        tau: Weights of the ISS groups below this become zero first; auto takes the largest that
            leaves the validation perplexity as it was.

    Raises:
        TrainingError: If there are no weights yet, or nothing can be written.
    """
    subject, _ = open_run(folder, data)
    model = subject.model
    before = _describe(model, subject)
    groups = find_model_groups(model)
    regularised = GroupLasso(groups).parameters
    if tau == "auto":
        end, valid = subject.vocabulary.ids[END], subject.splits["valid"]
        tau = choose_tau(regularised, lambda: perplexity(model, valid, end))
    if tau:
        threshold_(regularised, tau)
    dead = dead_units(model, groups)
    kept = survivors(subject.kept, dead)
    small = shrink_network(model, groups)
    save_document(
        folder.shrunk,
        {
            "architecture": small.architecture.model_dump(),
            "weights": small.state_dict(),
            "kept": kept,
            "tau": tau,
        },
    )
    return ShrunkRun(tau, before, _describe(small, subject))


def _describe(model: LanguageModel, subject: Subject) -> Shrunk:
    metrics = measure_splits(model, subject.splits, subject.vocabulary.ids[END])
    return Shrunk(model.architecture, metrics)
