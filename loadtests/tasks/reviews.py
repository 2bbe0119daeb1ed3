"""The reviews that simulated users post, each with what its writer thought."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

__all__ = ["REVIEWS_FILE", "Review", "read_reviews"]

REVIEWS_FILE = Path(__file__).with_name("reviews.json")
"""Reviews of 5 to 300 words; the file says where they are from."""


@dataclass(frozen=True)
class Review:
    """A text, and the label that a reader would give it."""

    text: str
    label: str
    """``positive`` or ``negative``."""

    @property
    def words(self) -> int:
        """By white space."""
        return len(self.text.split())


def read_reviews(path: Path = REVIEWS_FILE) -> tuple[Review, ...]:
    """Read a file of reviews.

    Raises:
        ValueError: If it cannot be read, has another layout, or holds no review.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        reviews = tuple(Review(each["text"], each["label"]) for each in document["reviews"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(f"cannot read the reviews in {path}: {error!r}") from error
    if not reviews:
        raise ValueError(f"{path} holds no review")
    return reviews
