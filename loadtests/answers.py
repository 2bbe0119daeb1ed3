"""What became of one request: the answer is checked, not only its status code."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any, Literal

__all__ = ["Answer", "Outcome", "read_answer"]

Outcome = Literal["ok", "refused", "failed"]
"""``refused``: the service protected itself (429, 503) or gave up by its deadline (504)."""

_REFUSALS = frozenset({429, 503, 504})


@dataclass(frozen=True, slots=True)
class Answer:
    """A response to ``POST /score``, judged."""

    outcome: Outcome
    problem: str = ""
    """What was wrong, empty if nothing was."""
    tokens: int = 0
    """Scored tokens."""
    queue_ms: float = math.nan
    """Time in the service's queue, as the service reports it."""
    compute_ms: float = math.nan
    """Time in its engine, as the service reports it."""


def read_answer(
    status: int, model_header: str | None, body: bytes | None, variant: str | None, texts: int
) -> Answer:
    """Judge a response.

    Args:
        status: HTTP status code, 0 if there was no response.
        model_header: Its ``X-Model``.
        body: Its content.
        variant: The model that was asked for; None if the service was to choose.
        texts: How many texts were posted.
    """
    if status in _REFUSALS:
        return Answer("refused", f"HTTP {status}")
    if status != 200:
        return Answer("failed", f"HTTP {status}" if status else "no response")
    if variant is not None and model_header != variant:
        return Answer("failed", f"asked for {variant}, X-Model is {model_header}")
    try:
        document = json.loads(body or b"")
        scores, timing = document["scores"], document["timing_ms"]
        tokens = sum(int(score["token_count"]) for score in scores)
        finite = all(math.isfinite(score["log_prob"]) for score in scores)
        queue_ms, compute_ms = float(timing["queue"]), float(timing["compute"])
    except (ValueError, KeyError, TypeError) as error:
        return Answer("failed", f"not the contract's answer: {_describe(error)}")
    if len(scores) != texts:
        return Answer("failed", f"{len(scores)} scores for {texts} texts")
    if not finite:
        return Answer("failed", "a log_prob is not finite")
    return Answer("ok", "", tokens, queue_ms, compute_ms)


def _describe(error: Exception) -> str:
    details: Any = error.args[0] if error.args else ""
    return f"{type(error).__name__} {details}"
