"""``POST /score``: the log-probability of sentences."""

from __future__ import annotations

import math
from dataclasses import dataclass
from random import Random
from typing import Any

from loadtests.tasks.call import Call, Content, ContractError
from loadtests.tasks.deck import Deck

__all__ = ["ScoreTask"]


@dataclass(frozen=True)
class ScoreTask:
    """Posts sentences."""

    sentences: Deck[str]
    texts_per_request: int
    token_details: bool
    """Whether the log-probability of every token is asked for, or only each text's."""

    def draw(self, random: Random) -> Call:
        """Some sentences."""
        texts = [self.sentences.deal(random) for _ in range(self.texts_per_request)]
        return Call("score", {"texts": texts, "tokens": self.token_details}, self._read)

    def _read(self, document: Any) -> Content:
        scores = document["scores"]
        tokens = sum(int(score["token_count"]) for score in scores)
        finite = all(math.isfinite(score["log_prob"]) for score in scores)
        if len(scores) != self.texts_per_request:
            raise ContractError(f"{len(scores)} scores for {self.texts_per_request} texts")
        if not finite:
            raise ContractError("a log_prob is not finite")
        return Content(tokens)
