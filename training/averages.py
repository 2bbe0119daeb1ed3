"""A running average of the weights (Polyak), kept in the optimiser's state.

There it is saved with every checkpoint, and cut together with its parameter when the model shrinks.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from issrnn.life_averages import AVERAGE

__all__ = ["averages", "update_averages_", "using_averages"]


@torch.no_grad()
def update_averages_(optimizer: torch.optim.Optimizer, decay: float, step: int) -> None:
    """Move the averages towards the parameters.

    Args:
        optimizer: Its parameters are averaged.
        decay: How much of the average stays; less in the first steps, as in TensorFlow's
            ``ExponentialMovingAverage``.
        step: Updates so far.
    """
    decay = min(decay, (1 + step) / (10 + step))
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    for parameter in parameters:
        optimizer.state[parameter].setdefault(AVERAGE, parameter.detach().clone())
    means = [optimizer.state[parameter][AVERAGE] for parameter in parameters]
    torch._foreach_lerp_(means, parameters, 1 - decay)


def averages(model: nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """The model's state dict with averages for parameters; without a step yet, they are these."""
    parameters = dict(model.named_parameters())
    return {
        name: optimizer.state[parameters[name]].get(AVERAGE, value) if name in parameters else value
        for name, value in model.state_dict().items()
    }


@contextmanager
def using_averages(model: nn.Module, optimizer: torch.optim.Optimizer) -> Iterator[None]:
    """Within it the model computes with the averages; after it, with its own weights again."""
    own = {name: value.clone() for name, value in model.state_dict().items()}
    model.load_state_dict(averages(model, optimizer))
    try:
        yield
    finally:
        model.load_state_dict(own)
