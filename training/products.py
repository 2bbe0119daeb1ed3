"""Many thin matrix products with one weight, as the steps of a recurrent layer need them."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import torch
from torch import Tensor
from torch.nn.functional import linear

__all__ = ["prepared", "transposed"]


def prepared(weight: Tensor, batch: int) -> Callable[[Tensor], Tensor]:
    """``x -> x @ weight.T`` for many ``x`` of ``batch`` rows.

    oneDNN brings a weight into its own layout at every call; for bf16 on a CPU that is done once
    here, as torch's own compiler does, which saves a fifth of each of these thin products.
    """
    if (
        weight.dtype != torch.bfloat16
        or weight.device.type != "cpu"
        or not torch.backends.mkldnn.enabled
    ):
        return lambda x: linear(x, weight)
    packed = torch.ops.mkldnn._reorder_linear_weight(weight, batch)  # noqa: SLF001
    product = torch.ops.mkldnn._linear_pointwise  # noqa: SLF001
    return lambda x: cast("Tensor", product(x, packed, None, "none", [], ""))


def transposed(weight: Tensor) -> Tensor:
    """The transpose in memory of its own, made in strips: twice as fast as whole."""
    return torch.cat([strip.t() for strip in torch.split(weight, 512)], dim=1)
