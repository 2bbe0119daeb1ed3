"""How often something may happen."""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["TokenBucket"]


class TokenBucket:
    """Lets so many through at once, and so many a second after that.

    https://en.wikipedia.org/wiki/Token_bucket; for one thread.
    """

    def __init__(self, rate: float, burst: int, clock: Callable[[], float]) -> None:
        """Start full.

        Args:
            rate: Tokens that come in each second.
            burst: Tokens that fit in.
            clock: Monotonic seconds.
        """
        self._rate = rate
        self._burst = burst
        self._clock = clock
        self._tokens = float(burst)
        self._at = clock()

    def take(self) -> float:
        """Take a token if there is one.

        Returns:
            0, or the seconds until there will be one.
        """
        now = self._clock()
        self._tokens = min(self._burst, self._tokens + self._rate * (now - self._at))
        self._at = now
        if self._tokens < 1.0:
            return (1.0 - self._tokens) / self._rate
        self._tokens -= 1.0
        return 0.0
