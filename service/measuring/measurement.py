"""The outcome of measuring a model."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Measurement"]


@dataclass(frozen=True)
class Measurement:
    """Figures, and what they were measured on."""

    figures: dict[str, float]
    """Such as ``{"perplexity": 82.1}``."""
    subject: str
    """Such as ``82430 tokens (4794 unknown)``."""
    seconds: float
