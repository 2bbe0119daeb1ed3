"""Subnormal numbers: too small for the processor's fast path.

Regularised training leaves many of them, and some processors then compute up to ten times slower
(https://github.com/pytorch/pytorch/issues/46180).
"""

from __future__ import annotations

import torch
from torch import nn

__all__ = ["flush_subnormals_"]


@torch.no_grad()
def flush_subnormals_(model: nn.Module) -> None:
    """Set subnormal numbers in parameters and floating-point buffers to zero, in place."""
    for tensor in (*model.parameters(), *model.buffers()):
        if tensor.is_floating_point():
            numbers = torch.finfo(tensor.dtype)
            largest_subnormal = numbers.smallest_normal * (1.0 - numbers.eps)
            # x where |x| > the threshold, else 0: one pass over the weights.
            torch.ops.aten.hardshrink.out(tensor, largest_subnormal, out=tensor)
