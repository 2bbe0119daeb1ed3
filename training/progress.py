"""Progress bars that are lively on a terminal and sparse in a log file."""

from __future__ import annotations

import sys
from typing import Any

from tqdm import tqdm

__all__ = ["progress_bar"]


def progress_bar(description: str, total: int, unit: str, done: int = 0) -> tqdm[Any]:
    """A bar with time spent and time left, on stderr.

    Args:
        description: Before the bar.
        total: Units until it is full.
        unit: What it counts.
        done: Units that a former process did; the time left is reckoned without them.
    """
    return tqdm(
        desc=description,
        total=total,
        initial=done,
        unit=unit,
        dynamic_ncols=True,
        smoothing=0.05,
        mininterval=0.2 if sys.stderr.isatty() else 30.0,
    )
