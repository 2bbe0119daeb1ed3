"""How far a reader sees at once, and how long its answers may be."""

from __future__ import annotations

from typing import Self

from pydantic import BaseModel, ConfigDict, PositiveInt, model_validator

__all__ = ["Reading"]


class Reading(BaseModel):
    """What reading takes besides the network; stands on the card of its artifact.

    Raises:
        ValueError: If a window is not longer than its overlap, or this not longer than an answer.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    window_words: PositiveInt = 400
    """Longest text read at once; the published evaluation reads 400 words."""
    overlap_words: PositiveInt = 160
    """Words that two neighbouring windows share at least."""
    answer_words: PositiveInt = 30
    """Longest answer."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.overlap_words <= self.answer_words:
            raise ValueError(
                f"overlap_words must be more than answer_words ({self.answer_words}), so that "
                f"every answer lies whole in a window; got {self.overlap_words}"
            )
        if self.window_words <= self.overlap_words:
            raise ValueError(
                f"window_words must be more than overlap_words ({self.overlap_words}); "
                f"got {self.window_words}"
            )
        return self
