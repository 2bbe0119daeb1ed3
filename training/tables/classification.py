"""Dense, SET and ISS classifiers side by side: accuracy, sizes, times.

Liu et al. (2019), https://arxiv.org/abs/1901.09208, compare dense and SET networks so.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from training.classification.config import ClassificationConfig
from training.tables.markdown import markdown_table
from training.tables.records import Record, config_of
from training.tables.repeats import Repeats, group_repeats
from training.tables.timings import Timings

__all__ = ["CSR", "ClassifierRow", "classifier_rows", "classifiers_table"]

CSR = "torch-csr-fp32"
"""The engine of sparse kernels."""

_DENSE = "onnxruntime-fp32"
"""The engine of dense kernels that models are served on."""

_ORDER = {"dense": 0, "iss": 1, "set": 2}

_BATCHES = (1, 16)


@dataclass(frozen=True)
class ClassifierRow:
    """Runs that differ in seed or fold alone; figures are means over them."""

    variant: str
    model: str
    """Name of the run without its seed or fold, and of the artifact."""
    accuracies: tuple[float, ...]
    """On the test texts, in per cent; one a run."""
    hidden_sizes: tuple[float, ...]
    weights: float
    """Weights that exist."""
    multiply_adds: int | None
    """A word, on the engine that does the fewest; None of a sparse model that was not timed."""
    minutes: float
    peak_memory: float
    """In bytes, while training, with what the allocator keeps."""

    @property
    def accuracy(self) -> float:
        """Mean of the runs, in per cent."""
        return statistics.mean(self.accuracies)

    @property
    def spread(self) -> float | None:
        """Standard deviation of the runs, in points; None of a single one."""
        return statistics.stdev(self.accuracies) if len(self.accuracies) > 1 else None


def classifier_rows(
    records: Sequence[Record], timings: Timings, corpus: str
) -> list[ClassifierRow]:
    """The rows of one corpus: dense, ISS, SET.

    Args:
        records: Of any runs; those of classifiers are taken.
        timings: Of engines.
        corpus: As in a run's config.

    Raises:
        RunError: As `group_repeats`.
    """
    rows = []
    for repeats in group_repeats(records):
        config = config_of(repeats.records[0])
        if isinstance(config, ClassificationConfig) and config.corpus == corpus:
            rows.append(_row(config, repeats, timings))
    return sorted(rows, key=lambda row: (_ORDER.get(row.variant, len(_ORDER)), row.model))


def classifiers_table(records: Sequence[Record], timings: Timings, corpus: str) -> str | None:
    """The table of one corpus; None if no run is recorded.

    Times are of an engine of dense kernels and, where a model has one, of sparse kernels, on one
    thread.
    """
    rows = classifier_rows(records, timings, corpus)
    if not rows:
        return None
    times = [f"ms, {batch} x {timings.item}" for batch in _BATCHES]
    columns = (
        *("model", "runs", "test accuracy", "units", "weights", "bytes", "multiply-adds a word"),
        *times,
        *(f"CSR: {column}" for column in times),
        *("minutes of training", "peak memory"),
    )
    return markdown_table(columns, [_cells(row, timings) for row in rows])


def _row(config: ClassificationConfig, repeats: Repeats, timings: Timings) -> ClassifierRow:
    runs = repeats.records
    sizes = zip(*(run["hidden_sizes"] for run in runs), strict=True)
    multiply_adds = [timing.multiply_adds for timing in timings.of(repeats.stem)]
    if not multiply_adds and not config.epsilon:
        multiply_adds = [round(statistics.mean(run["multiply_adds_per_token"] for run in runs))]
    return ClassifierRow(
        variant=config.variant,
        model=repeats.stem,
        accuracies=tuple(run["metrics"]["test_accuracy"] for run in runs),
        hidden_sizes=tuple(statistics.mean(layer) for layer in sizes),
        weights=statistics.mean(run["parameters"] for run in runs),
        multiply_adds=min(multiply_adds, default=None),
        minutes=statistics.mean(run["wall_time_seconds"] for run in runs) / 60,
        peak_memory=statistics.mean(run["peak_memory_bytes"] for run in runs),
    )


def _cells(row: ClassifierRow, timings: Timings) -> tuple[str, ...]:
    """In the order of the table's columns."""
    spread = f" ± {row.spread:.2f}" if row.spread is not None else ""
    sizes = [timing.bytes for timing in timings.of(row.model)]
    times = [
        timings.median(row.model, engine, batch) for engine in (_DENSE, CSR) for batch in _BATCHES
    ]
    return (
        row.model,
        str(len(row.accuracies)),
        f"{row.accuracy:.2f}{spread}",
        ", ".join(f"{size:g}" for size in row.hidden_sizes),
        f"{row.weights:,.0f}",
        f"{sizes[0]:,}" if sizes else "",
        f"{row.multiply_adds:,}" if row.multiply_adds is not None else "",
        *(f"{time:.2f}" if time is not None else "" for time in times),
        f"{row.minutes:.1f}",
        f"{row.peak_memory / 2**30:.2f} GiB",
    )
