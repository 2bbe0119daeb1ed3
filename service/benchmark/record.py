"""What a run of the benchmark found."""

from __future__ import annotations

import platform
import statistics
import subprocess
from pathlib import Path

from pydantic import BaseModel

from service.engines import EngineName

__all__ = ["Benchmark", "Share", "Timing", "git_commit", "machine_name"]


class Timing(BaseModel):
    """One engine, one model, one batch."""

    engine: EngineName
    model: str
    variant: str
    hidden_sizes: tuple[int, ...]
    batch: int
    threads: int
    multiply_adds: int
    """For one token, on this engine."""
    bytes: int
    """Of the artifact's weights on disk."""
    milliseconds: list[float]
    """Of each round."""

    @property
    def median(self) -> float:
        """In milliseconds."""
        return statistics.median(self.milliseconds)


class Share(BaseModel):
    """Which part of an engine's time the layers take that ISS makes smaller."""

    engine: EngineName
    model: str
    variant: str
    hidden_sizes: tuple[int, ...]
    layers: list[str]
    share: float
    """0 to 1, at batch 1 on one thread."""


class Benchmark(BaseModel):
    """A whole run: what was timed, where, and with what."""

    created: str
    machine: str
    cores: int
    versions: dict[str, str]
    commit: str = "unknown"
    """Of the checkout, marked if files differ from it."""
    item: str
    """What a batch is made of, such as ``30 steps``."""
    timings: list[Timing]
    shares: list[Share] = []


def git_commit() -> str:
    """The checkout's commit, marked if files differ from it; ``unknown`` outside a checkout."""
    try:
        commit = _git("rev-parse", "HEAD")
        changed = _git("status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return f"{commit} with changes" if changed else commit


def _git(*arguments: str) -> str:
    return subprocess.run(  # noqa: S603 - fixed arguments
        ["git", *arguments],  # noqa: S607 - whichever git the user has
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()


def machine_name() -> str:
    """The processor's name."""
    path = Path("/proc/cpuinfo")
    if path.is_file():
        for line in path.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
