"""Stopping on SIGTERM or SIGINT at a moment of the program's own choice."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

__all__ = ["StopRequest", "stop_requests"]

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class StopRequest:
    """Whether the process was asked to stop."""

    def __init__(self) -> None:
        self.signal_number: int | None = None

    def receive(self, signal_number: int, _frame: FrameType | None) -> None:
        """Signal handler; the second signal ends the process at once."""
        self.signal_number = signal_number
        for number in _heard():
            signal.signal(number, signal.SIG_DFL)


@contextmanager
def stop_requests() -> Iterator[StopRequest]:
    """Collect SIGTERM and SIGINT instead of dying of them; to be used in the main thread.

    One that the process was told to ignore stays ignored, as a script's ``&`` does with SIGINT.
    """
    request = StopRequest()
    former = {number: signal.signal(number, request.receive) for number in _heard()}
    try:
        yield request
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


def _heard() -> list[signal.Signals]:
    """Those of the signals that are not ignored."""
    return [number for number in _SIGNALS if signal.getsignal(number) != signal.SIG_IGN]
