"""What the requests of a load test hold."""

from __future__ import annotations

import math
from dataclasses import dataclass

__all__ = ["RequestOptions"]


@dataclass(frozen=True, kw_only=True)
class RequestOptions:
    """Settings of the requests, whatever the load.

    Raises:
        ValueError: If a value is out of range; the message names the option.
    """

    texts_per_request: int = 1
    """``/score``, ``/classify``: sentences or reviews in a request."""
    token_details: bool = False
    """``/score``: whether answers hold each token's log-probability."""
    top_k: int = 1
    """``/answer``: spans asked for."""
    context_words: tuple[int, int] | None = None
    """``/answer``: only passages of at least and at most so many words; None: all."""

    def __post_init__(self) -> None:
        for name in ("texts_per_request", "top_k"):
            if not 1 <= getattr(self, name) < math.inf:
                raise ValueError(f"--{name.replace('_', '-')} must be a number of 1 or more")
        if self.context_words and not 0 <= self.context_words[0] <= self.context_words[1]:
            raise ValueError("--context-words takes the least and the most, such as 80 250")
