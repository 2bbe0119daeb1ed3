"""How long engines took, as ``python -m service.benchmark --json`` recorded it."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training.errors import RunError
from training.files import read_json

__all__ = ["NO_TIMINGS", "Timing", "Timings", "read_timings"]


@dataclass(frozen=True)
class Timing:
    """One model on one engine."""

    model: str
    """Name of the artifact."""
    engine: str
    batch: int
    """Items computed together."""
    threads: int
    milliseconds: float
    """Median."""
    rounds: int
    """How many times it was timed."""
    multiply_adds: int
    """A token, on this engine."""
    bytes: int
    """Of the artifact's weights on disk."""


@dataclass(frozen=True)
class Timings:
    """A whole run of the benchmark."""

    item: str
    """What a batch is made of, such as ``64 words``."""
    conditions: str
    """Machine, versions, date."""
    all: tuple[Timing, ...]

    def of(self, model: str) -> list[Timing]:
        """Those of one artifact."""
        return [timing for timing in self.all if timing.model == model]

    def find(self, model: str, engine: str, batch: int, threads: int = 1) -> Timing | None:
        """One of them; None if it was not timed."""
        wanted = engine, batch, threads
        found = (t for t in self.of(model) if (t.engine, t.batch, t.threads) == wanted)
        return next(found, None)

    def median(self, model: str, engine: str, batch: int) -> float | None:
        """In milliseconds on one thread; None if it was not timed."""
        timing = self.find(model, engine, batch)
        return timing.milliseconds if timing else None


NO_TIMINGS = Timings(item="text", conditions="", all=())


def read_timings(path: Path) -> Timings:
    """Every timing of a benchmark's record; `NO_TIMINGS` if there is no such file.

    Raises:
        RunError: If it cannot be read or is none of the benchmark.
    """
    if not path.exists():
        return NO_TIMINGS
    document = read_json(path)
    try:
        versions = ", ".join(f"{name} {number}" for name, number in document["versions"].items())
        return Timings(
            item=document["item"],
            conditions=f"{document['machine']}, {document['cores']} cores; {versions}; "
            f"{document['created'].split('T')[0]}",
            all=tuple(_timing(each) for each in document["timings"]),
        )
    except (AttributeError, KeyError, TypeError) as error:
        raise RunError(f"{path} is not what service.benchmark writes: {error!r}") from error


def _timing(each: dict[str, Any]) -> Timing:
    return Timing(
        model=each["model"],
        engine=each["engine"],
        batch=each["batch"],
        threads=each["threads"],
        milliseconds=statistics.median(each["milliseconds"]),
        rounds=len(each["milliseconds"]),
        multiply_adds=each["multiply_adds"],
        bytes=each["bytes"],
    )
