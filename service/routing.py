"""Which variant answers a request that names none: a pure function of weights and session."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

__all__ = ["choose_variant", "session_point"]


def session_point(session_id: str, task: str) -> float:
    """A session's fixed place in [0, 1), spread evenly, another one for each task."""
    digest = hashlib.sha256(f"{task}\0{session_id}".encode()).digest()
    return int.from_bytes(digest[:7]) / 2**56


def choose_variant(weights: Mapping[str, float], point: float) -> str:
    """The variant whose share of the traffic holds a point.

    Args:
        weights: By model name; not all zero.
        point: In [0, 1).

    Returns:
        A name with a weight above zero. Changing a weight moves as few sessions as the order of
        names allows.
    """
    shares = [(name, weight) for name, weight in sorted(weights.items()) if weight > 0.0]
    target = point * sum(weight for _, weight in shares)
    for name, weight in shares:
        if target < weight:
            return name
        target -= weight
    return shares[-1][0]
