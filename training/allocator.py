"""Settings of glibc's allocator that a training process must be started with.

A mini-batch makes and drops hundreds of megabytes of temporary tensors. By default glibc returns
them to the system each time, and the page faults of getting them back took a quarter of a step at
1500 units. The settings are read when a process starts, so `restart_with_settings` starts it anew.
"""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Mapping

__all__ = ["SETTINGS", "missing_settings", "restart_with_settings"]

SETTINGS: Mapping[str, str] = {
    "MALLOC_MMAP_MAX_": "0",
    "MALLOC_TRIM_THRESHOLD_": "20000000000",
    "MALLOC_TOP_PAD_": "1000000000",
}
"""Never map a tensor by itself, never give memory back, grow by 1 GB (untouched pages are free)."""


def missing_settings(environment: Mapping[str, str]) -> dict[str, str]:
    """What to add to an environment: nothing where the user chose an allocator or its settings."""
    chosen = any(name.startswith("MALLOC_") for name in environment) or "LD_PRELOAD" in environment
    is_glibc = platform.libc_ver()[0] == "glibc"
    return {} if chosen or not is_glibc else dict(SETTINGS)


def restart_with_settings() -> None:
    """Replace this process by itself with `SETTINGS` in its environment, unless they are there."""
    missing = missing_settings(os.environ)
    if missing:
        sys.stdout.flush()
        os.execve(  # noqa: S606 - the same interpreter with the same arguments
            sys.executable, [sys.executable, *sys.orig_argv[1:]], {**os.environ, **missing}
        )
