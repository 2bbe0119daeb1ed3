"""What a run of the benchmark found."""

from __future__ import annotations

import platform
import statistics
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from pydantic import BaseModel

from service.engines import EngineName

__all__ = ["Benchmark", "Share", "Timing", "machine_name", "versions_of"]


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
    item: str
    """What a batch is made of, such as ``30 steps``."""
    timings: list[Timing]
    shares: list[Share] = []


def machine_name() -> str:
    """The processor's name."""
    path = Path("/proc/cpuinfo")
    if path.is_file():
        for line in path.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def versions_of(*packages: str) -> dict[str, str]:
    """Installed versions; ``none`` for a package that is not there."""
    return {package: _version(package) for package in packages}


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "none"
