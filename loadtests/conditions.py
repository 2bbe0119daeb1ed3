"""Under what conditions a load test ran, without which its figures mean nothing."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

__all__ = ["describe_machine", "git_commit", "service_settings"]

_SECRET = re.compile("(TOKEN|SECRET|KEYS?|PASSWORD)$")


def describe_machine() -> dict[str, Any]:
    """Date, machine, how busy it was before, and the versions of the load generator."""
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "system": platform.platform(),
        "load_average_before": round(os.getloadavg()[0], 2),
        "python": platform.python_version(),
        "locust": version("locust"),
        "geventhttpclient": version("geventhttpclient"),
        "commit": git_commit(),
    }


def git_commit() -> str:
    """The checkout's commit, marked if files differ from it; ``unknown`` outside a checkout."""
    try:
        commit = _git("rev-parse", "HEAD")
        changed = _git("status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return f"{commit} with changes" if changed else commit


def service_settings() -> dict[str, str]:
    """The environment's settings of the service; the values of secrets are left out."""
    return {
        name: "(set)" if _SECRET.search(name) else value
        for name, value in sorted(os.environ.items())
        if name.startswith("ISSRNN_")
    }


def _git(*arguments: str) -> str:
    command = ["git", *arguments]
    here = Path(__file__).parent
    return subprocess.run(  # noqa: S603 - fixed arguments
        command, cwd=here, capture_output=True, text=True, check=True
    ).stdout.strip()


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
