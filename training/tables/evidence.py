"""All that the tables are made of: what was recorded of runs and benchmarks, and what ships."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from training.sparse_products import Products, read_products
from training.tables.records import Record, read_records, read_remarks
from training.tables.storage import Stored, read_stored
from training.tables.timings import Timings, read_timings

__all__ = ["CLASSIFIER_TIMINGS", "LARGE_TIMINGS", "PRODUCTS", "Evidence", "read_evidence"]

CLASSIFIER_TIMINGS = "engines-classifiers.json"
"""Beside the records of runs: the benchmark of the classifiers that ship."""

LARGE_TIMINGS = "engines-large.json"
"""That of Table 1's models."""

PRODUCTS = "sparse-products.json"
"""That of matrix products."""


@dataclass(frozen=True)
class Evidence:
    """Read from a folder of records and one of artifacts."""

    runs: list[Record]
    """Records of finished runs."""
    classifiers: Timings
    """On the engines."""
    large: Timings
    """Of Table 1's models on the engines."""
    products: Products | None
    stored: list[Stored]
    """The artifacts."""
    remarks: dict[str, str]
    """What is to be said of a section, by its key."""


def read_evidence(records: Path, models: Path) -> Evidence:
    """Everything from its place; what has not been recorded yet is empty.

    Raises:
        RunError: If the folder of records or a file cannot be read.
    """
    return Evidence(
        runs=read_records(records),
        classifiers=read_timings(records / CLASSIFIER_TIMINGS),
        large=read_timings(records / LARGE_TIMINGS),
        products=read_products(records / PRODUCTS),
        stored=read_stored(models),
        remarks=read_remarks(records),
    )
