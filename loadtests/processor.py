"""How much processor time a service has used, all its processes together."""

from __future__ import annotations

from contextlib import suppress

import psutil

__all__ = ["processor_seconds"]


def processor_seconds(root: psutil.Process) -> float:
    """Seconds that a process and all that come from it have used so far.

    Those that have ended count too, where the system tells of them (Linux).

    Raises:
        psutil.NoSuchProcess: If it has ended.
    """
    total = 0.0
    for process in [root, *root.children(recursive=True)]:
        with suppress(psutil.NoSuchProcess):  # it has just ended: its parent tells of it
            times = process.cpu_times()
            total += times.user + times.system + times.children_user + times.children_system
    return total
