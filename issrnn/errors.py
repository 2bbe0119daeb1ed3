"""Errors of this package."""

from __future__ import annotations

__all__ = ["ShrinkError"]


class ShrinkError(Exception):
    """A model cannot be made smaller; the message says what does not fit."""
