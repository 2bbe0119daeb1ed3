"""What became of one request: the answer is checked, not only its status code."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any, Literal

from loadtests.tasks import Call, ContractError

__all__ = ["Outcome", "Reply", "read_reply"]

Outcome = Literal["ok", "refused", "failed"]
"""``refused``: the service protected itself (429, 503) or gave up by its deadline (504)."""

_REFUSALS = frozenset({429, 503, 504})


@dataclass(frozen=True, slots=True)
class Reply:
    """A response, judged."""

    outcome: Outcome
    problem: str = ""
    """What was wrong, empty if nothing was."""
    tokens: int = 0
    """Tokens or words computed; `Row.tokens_per_second` says which."""
    right: bool | None = None
    """Whether it is what a reader would answer; None where there is no such thing."""
    queue_ms: float = math.nan
    """Time in the service's queue, as the service reports it."""
    compute_ms: float = math.nan
    """Time in its engine, as the service reports it."""


def read_reply(
    status: int, model_header: str | None, body: bytes | None, model: str | None, call: Call
) -> Reply:
    """Judge a response.

    Args:
        status: HTTP status code, 0 if there was no response.
        model_header: Its ``X-Model``.
        body: Its content.
        model: The model that was asked for; None if the service was to choose.
        call: What was posted.
    """
    if status in _REFUSALS:
        return Reply("refused", f"HTTP {status}")
    if status != 200:
        return Reply("failed", f"HTTP {status}" if status else "no response")
    if model is not None and model_header != model:
        return Reply("failed", f"asked for {model}, X-Model is {model_header}")
    try:
        document = json.loads(body or b"")
        content = call.read(document)
        timing = document["timing_ms"]
        queue_ms, compute_ms = float(timing["queue"]), float(timing["compute"])
    except ContractError as error:
        return Reply("failed", str(error))
    except (ValueError, KeyError, TypeError) as error:
        return Reply("failed", f"not the contract's answer: {_describe(error)}")
    return Reply("ok", "", content.tokens, content.right, queue_ms, compute_ms)


def _describe(error: Exception) -> str:
    details: Any = error.args[0] if error.args else ""
    return f"{type(error).__name__} {details}"
