"""How often labels are right."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["score_labels"]


def score_labels(found: NDArray[np.int64], true: NDArray[np.int64]) -> dict[str, float]:
    """``accuracy`` and ``macro_f1`` (the mean of the labels' F1) in per cent.

    Args:
        found: (n,) labels that a model gives.
        true: (n,) labels.
    """
    by_label = []
    for label in np.unique(np.concatenate((found, true))):
        right = int(((found == label) & (true == label)).sum())
        by_label.append(2 * right / (int((found == label).sum()) + int((true == label).sum())))
    return {
        "accuracy": 100 * float((found == true).mean()),
        "macro_f1": 100 * float(np.mean(by_label)),
    }
