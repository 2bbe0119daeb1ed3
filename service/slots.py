"""How many models may compute at once, and which is next."""

from __future__ import annotations

import threading
from collections import deque

__all__ = ["Slots"]


class Slots:
    """A counting semaphore that serves first who came first; a context manager holds one slot.

    `threading.Semaphore` does not: a thread that gives its slot back and wants one again at once
    gets it before the thread that waits has woken, so that a busy model would starve the others.
    """

    def __init__(self, count: int) -> None:
        """Start with all free.

        Args:
            count: How many there are, at least one.
        """
        self._lock = threading.Lock()
        self._free = count
        """Zero while anyone waits."""
        self._waiting: deque[threading.Event] = deque()

    def __enter__(self) -> None:
        """Wait for a slot."""
        with self._lock:
            if self._free:
                self._free -= 1
                return
            turn = threading.Event()
            self._waiting.append(turn)
        turn.wait()

    def __exit__(self, *_: object) -> None:
        """Hand the slot to who has waited longest."""
        with self._lock:
            if self._waiting:
                self._waiting.popleft().set()
            else:
                self._free += 1
