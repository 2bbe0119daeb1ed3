"""Successive halving: all trials train a little, the better ones go on (Li et al., 2018).

https://arxiv.org/abs/1810.05934 (ASHA) gives the rungs and the rule; its asynchrony serves many
workers, who must not wait for each other. Here trials train in turn, so that all of a rung can be
compared, and no trial has the luck of coming early.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import takewhile
from math import isinf

from training.errors import ConfigError
from training.run import RunOptions
from training.search.progress import quality_after
from training.search.space import Trial
from training.tasks import quality_of

__all__ = ["Halving", "halve"]


@dataclass(frozen=True)
class Halving:
    """When trials are compared, and how many go on."""

    grace: int
    """Epochs that every trial gets."""
    reduction: int
    """Of so many trials one goes on, to so many times the epochs; 1 trains all to their end."""

    def rungs(self, epochs: int) -> list[int]:
        """Epochs after which trials are compared, and at last ``epochs``, the longest trial's.

        Raises:
            ConfigError: If ``grace`` is longer.
        """
        if self.grace > epochs:
            raise ConfigError(f"--grace {self.grace} is above the {epochs} epochs of a trial")
        if self.reduction == 1:
            return [epochs]
        powers = (self.grace * self.reduction**k for k in range(epochs))
        return [*takewhile(lambda rung: rung < epochs, powers), epochs]


def halve(
    trials: Sequence[Trial], where: RunOptions, rule: Halving, say: Callable[[str], None]
) -> None:
    """Train trials in turn, the better ones further.

    Args:
        trials: At least one.
        where: As `quality_after` takes it. Trials whose folders are there already go on, so that a
            search that was stopped continues where it was.
        rule: Who goes on.
        say: Gets a line for each rung.

    Raises:
        TrainingError, Interrupted: As `quality_after`.
    """
    quality = quality_of(trials[0].config)
    sign = -1 if quality.higher_is_better else 1
    going = list(trials)
    for rung in rule.rungs(max(trial.config.epochs for trial in trials)):
        figures = {}
        for trial in going:
            epochs = min(rung, trial.config.epochs)
            figures[trial.name] = quality_after(trial, where, epochs)
            if isinf(figures[trial.name]):
                say(f"{trial.name}: training diverged")
        going.sort(key=lambda trial: sign * figures[trial.name])
        best = going[0].name
        say(
            f"{rung} epochs: {len(going)} trials, best {best} "
            f"({quality.name.replace('_', ' ')} {figures[best]:.2f})"
        )
        going = going[: max(1, len(going) // rule.reduction)]
