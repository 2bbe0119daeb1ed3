"""Waiting for what another thread or process brings about."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from typing import Any

__all__ = ["wait_until"]


def wait_until(
    condition: Callable[[], object],
    what: str,
    *,
    seconds: float = 60.0,
    process: subprocess.Popen[Any] | None = None,
) -> None:
    """Wait until ``condition`` is true.

    Args:
        condition: Asked again and again.
        what: Said if it does not come true.
        seconds: Longest wait.
        process: Must not end meanwhile; what it wrote to a pipe as errors is said if it does.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        ended = process is not None and process.poll() is not None
        assert not ended, f"ended before {what}: {process and process.communicate()[1]}"
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}"
        time.sleep(0.02)
