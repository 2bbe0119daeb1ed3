"""Choosing tau as the paper does: the largest that leaves the model's metric as it was."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import nn

from issrnn.lasso import threshold_

__all__ = ["DEFAULT_TAUS", "choose_tau"]

DEFAULT_TAUS = tuple(10 ** (exponent / 10) for exponent in range(-60, -4))
"""1e-6 to 0.3, ten a decade."""


@torch.no_grad()
def choose_tau(
    parameters: Sequence[nn.Parameter],
    measure: Callable[[], float],
    *,
    threshold: Callable[[float], object] | None = None,
    tolerance: float = 1e-4,
    candidates: Sequence[float] = DEFAULT_TAUS,
) -> float:
    """The largest candidate that leaves ``measure()`` within the tolerance of what it was.

    Wen et al. (ICLR 2018), section 4: tau is the maximum which sparsifies the dense model without
    deteriorating its performance. Found by bisection, which supposes that a larger tau is never
    better; ``measure`` is called about log2(number of candidates) + 1 times.

    Args:
        parameters: What is thresholded; left as it was.
        measure: The metric of the model that holds them, lower is better (negate one that is not).
        threshold: Zeroes those of their weights that a tau is for; None zeroes all that are small.
        tolerance: Relative; what counts as no deterioration.
        candidates: Ascending.

    Returns:
        0.0 if even the smallest candidate does harm.
    """
    originals = [parameter.clone() for parameter in parameters]
    before = measure()
    limit = before + abs(before) * tolerance
    harmless, harmful = -1, len(candidates)
    apply = threshold if threshold is not None else partial(threshold_, parameters)
    try:
        while harmful - harmless > 1:
            middle = (harmless + harmful) // 2
            _restore(parameters, originals)
            apply(candidates[middle])
            if measure() <= limit:
                harmless = middle
            else:
                harmful = middle
    finally:
        _restore(parameters, originals)
    return candidates[harmless] if harmless >= 0 else 0.0


def _restore(parameters: Sequence[nn.Parameter], originals: Sequence[torch.Tensor]) -> None:
    for parameter, original in zip(parameters, originals, strict=True):
        parameter.copy_(original)
