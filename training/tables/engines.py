"""How much faster than the dense model the smaller ones are, on every engine."""

from __future__ import annotations

from collections.abc import Sequence

from training.tables.markdown import markdown_table
from training.tables.timings import Timings

__all__ = ["PAPER_TIMES", "engines_table"]

_COLUMNS = (
    "model",
    "engine",
    "batch",
    "threads",
    "dense ms",
    "ms",
    "faster",
    "fewer multiply-adds",
)

PAPER_TIMES = (
    (
        "paper: ISS 373, 315",
        "MKL, 24 cores",
        "10 x 30 steps",
        *("", "157.00", "14.82", "10.59x", "7.48x"),
    ),
)
"""Wen et al. (ICLR 2018), Table 1."""


def engines_table(timings: Timings, published: Sequence[tuple[str, ...]] = ()) -> str | None:
    """Medians of each model but the dense one, which was timed first; None if there are none.

    Args:
        timings: Of models of one architecture, the dense one first.
        published: Rows above ours.
    """
    rows = []
    for each in timings.all:
        dense = timings.find(timings.all[0].model, each.engine, each.batch, each.threads)
        if dense is None or each.model == dense.model:
            continue
        rows.append(
            (
                each.model,
                each.engine,
                f"{each.batch} x {timings.item}",
                str(each.threads),
                f"{dense.milliseconds:.2f}",
                f"{each.milliseconds:.2f}",
                f"{dense.milliseconds / each.milliseconds:.2f}x",
                f"{dense.multiply_adds / each.multiply_adds:.2f}x",
            )
        )
    return markdown_table(_COLUMNS, [*published, *rows]) if rows else None
