"""Averages of weights that come and go: each over its own life.

The sparse averaged SGD of Liu et al. (2021), https://arxiv.org/abs/2101.09048, which is averaging
as of Polyak and Juditsky (1992), except that a weight's average begins anew when it is grown.
Averages are kept in the optimiser's state, where `SparseEvolution.evolve_` resets those of weights
that moved and a checkpoint finds them. They go with any optimiser.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

__all__ = ["AVERAGE", "stopped_improving", "update_averages_"]

AVERAGE = "average"
"""Name of the averages in the optimiser's state of each parameter."""
_STEPS = "averaged_steps"


@torch.no_grad()
def update_averages_(optimizer: torch.optim.Optimizer) -> None:
    """Take the weights as they are now into the averages; after each step from some step on.

    Every parameter that is trained must have had a step before: some optimisers, Adam among them,
    begin a parameter's state only where it is empty.
    """
    for group in optimizer.param_groups:
        for parameter in filter(lambda p: p.requires_grad, group["params"]):
            state = optimizer.state[parameter]
            if AVERAGE not in state:
                state[AVERAGE], state[_STEPS] = (torch.zeros_like(parameter) for _ in range(2))
            state[_STEPS] += 1
            state[AVERAGE] += (parameter - state[AVERAGE]) / state[_STEPS]


def stopped_improving(losses: Sequence[float], patience: int) -> bool:
    """Whether averaging is to have begun: the non-monotone rule of NT-ASGD.

    Merity et al. (2018), https://arxiv.org/abs/1708.02182, algorithm 1.

    Args:
        losses: After each epoch so far, lower is better.
        patience: Epochs that are too recent to be compared with.

    Returns:
        Whether some loss was above the least of those more than ``patience`` epochs before it.
    """
    return any(
        losses[epoch] > min(losses[: epoch - patience])
        for epoch in range(patience + 1, len(losses))
    )
