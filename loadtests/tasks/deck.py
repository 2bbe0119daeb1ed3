"""Texts in random order, each as often as every other."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Generic, TypeVar

__all__ = ["Deck"]

Item = TypeVar("Item")


class Deck(Generic[Item]):
    """Deals all items in random order before it shuffles them again.

    Texts differ much in length, so that independent draws would give a few hundred requests of one
    contender more to do than those of another.
    """

    def __init__(self, items: Sequence[Item]) -> None:
        self._items = items
        self._left: list[Item] = []

    def deal(self, random: Random) -> Item:
        """The next item."""
        if not self._left:
            self._left = random.sample(self._items, len(self._items))
        return self._left.pop()
