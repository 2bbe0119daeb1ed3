"""How many cores this process may use, and which."""

from __future__ import annotations

import math
import os
from pathlib import Path

__all__ = ["available_cores", "cpu_quota"]

_CPU_MAX = Path("/sys/fs/cgroup/cpu.max")


def available_cores() -> tuple[int, ...]:
    """The cores this process may run on; as many as a container's quota pays for, if it has one."""
    if hasattr(os, "sched_getaffinity"):
        cores = tuple(sorted(os.sched_getaffinity(0)))
    else:
        cores = tuple(range(os.cpu_count() or 1))
    quota = cpu_quota()
    return cores if quota is None else cores[: max(1, math.ceil(quota))]


def cpu_quota(path: Path = _CPU_MAX) -> float | None:
    """Cores' worth of time this container may use, or None if it is not limited.

    Args:
        path: ``cpu.max`` of https://docs.kernel.org/admin-guide/cgroup-v2.html#cpu-interface-files.
    """
    try:
        quota, period = path.read_text(encoding="ascii").split()
        return None if quota == "max" else int(quota) / int(period)
    except (OSError, ValueError, ZeroDivisionError):
        return None
