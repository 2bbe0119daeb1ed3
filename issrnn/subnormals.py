"""Subnormal numbers: too small for the processor's fast path.

Regularised training leaves many of them, and some processors then compute up to ten times slower
(https://github.com/pytorch/pytorch/issues/46180).
"""

from __future__ import annotations

import torch
from torch import nn

__all__ = ["flush_subnormals_"]


@torch.no_grad()
def flush_subnormals_(model: nn.Module) -> int:
    """Set subnormal numbers in parameters and floating-point buffers to zero, in place.

    Returns:
        How many there were.
    """
    flushed = 0
    for tensor in (*model.parameters(), *model.buffers()):
        if tensor.is_floating_point():
            subnormal = (tensor != 0) & (tensor.abs() < torch.finfo(tensor.dtype).smallest_normal)
            count = int(subnormal.sum())
            if count:
                tensor.masked_fill_(subnormal, 0.0)
            flushed += count
    return flushed
