"""Which components can no longer matter, from the weights as they are now.

Two facts about every labelled value of the run, both exact: whether it is provably zero at every
step, found forwards along the tape, and whether anything the model returns still depends on it,
found backwards. A component can be removed when each of its values is zero or matters to no one.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from issrnn.liveness.matters import find_matters
from issrnn.liveness.weights import Run, Weights
from issrnn.liveness.zeros import find_zeros

__all__ = ["Run", "removable_classes"]


@torch.no_grad()
def removable_classes(run: Run, model: nn.Module) -> Tensor:
    """(classes,) bool: which classes nothing depends on, with the weights ``model`` has now."""
    weights = Weights(run, model)
    zeros = find_zeros(run, weights)
    return ~find_matters(run, weights, zeros)
