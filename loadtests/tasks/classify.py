"""``POST /classify``: the label of reviews."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from loadtests.tasks.call import Call, Content, ContractError
from loadtests.tasks.deck import Deck
from loadtests.tasks.reviews import Review

__all__ = ["ClassifyTask"]

_ROUNDING = 1e-5
"""By how much the sum of probabilities computed in float32 may differ from 1."""


@dataclass(frozen=True)
class ClassifyTask:
    """Posts reviews."""

    reviews: Deck[Review]
    texts_per_request: int

    def draw(self, random: Random) -> Call:
        """Some reviews."""
        posted = [self.reviews.deal(random) for _ in range(self.texts_per_request)]
        body = {"texts": [review.text for review in posted]}
        return Call("classify", body, lambda document: _read(document, posted))


def _read(document: Any, posted: Sequence[Review]) -> Content:
    results = document["results"]
    if len(results) != len(posted):
        raise ContractError(f"{len(results)} results for {len(posted)} texts")
    for result in results:
        scores = result["scores"]
        if not all(0.0 <= score <= 1.0 for score in scores.values()):
            raise ContractError("a score is no probability")
        if not math.isclose(sum(scores.values()), 1.0, abs_tol=_ROUNDING):
            raise ContractError("the scores do not add to 1")
        if result["score"] != scores[result["label"]] or result["score"] != max(scores.values()):
            raise ContractError("label and score are not the likeliest")
    return Content(sum(review.words for review in posted), _right(results, posted))


def _right(results: Sequence[Any], posted: Sequence[Review]) -> bool | None:
    """Whether all labels are a reader's; None for a model that tells other labels apart."""
    pairs = list(zip(results, posted, strict=True))
    if not all(review.label in result["scores"] for result, review in pairs):
        return None
    return all(result["label"] == review.label for result, review in pairs)
