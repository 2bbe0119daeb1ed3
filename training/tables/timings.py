"""How long engines took, as ``python -m service.benchmark --json`` recorded it."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training.errors import RunError
from training.tables.records import read_document

__all__ = ["CLASSIFIER_TIMINGS", "Timing", "median_time", "read_timings"]

CLASSIFIER_TIMINGS = "engines-classifiers.json"
"""Beside the records of runs: the benchmark of the classifiers that ship."""


@dataclass(frozen=True)
class Timing:
    """One model on one engine."""

    model: str
    """Name of the artifact, which is that of its run."""
    engine: str
    batch: int
    """Items computed together."""
    item: str
    """What one is, such as ``64 words``."""
    threads: int
    milliseconds: float
    """Median."""
    multiply_adds: int
    """A token, on this engine."""
    bytes: int
    """Of the artifact's weights on disk."""


def read_timings(path: Path) -> list[Timing]:
    """Every timing of a benchmark's record; none if there is no such file.

    Raises:
        RunError: If it cannot be read or is none of the benchmark.
    """
    if not path.exists():
        return []
    document = read_document(path)
    try:
        return [_timing(each, document["item"]) for each in document["timings"]]
    except (KeyError, TypeError) as error:
        raise RunError(f"{path} is not what service.benchmark writes: {error!r}") from error


def median_time(
    timings: Sequence[Timing], model: str, engine: str, batch: int, threads: int = 1
) -> float | None:
    """In milliseconds; None if it was not timed."""
    wanted = model, engine, batch, threads
    found = [t for t in timings if (t.model, t.engine, t.batch, t.threads) == wanted]
    return found[0].milliseconds if found else None


def _timing(each: dict[str, Any], item: str) -> Timing:
    return Timing(
        model=each["model"],
        engine=each["engine"],
        batch=each["batch"],
        item=item,
        threads=each["threads"],
        milliseconds=statistics.median(each["milliseconds"]),
        multiply_adds=each["multiply_adds"],
        bytes=each["bytes"],
    )
