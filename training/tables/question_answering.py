"""Tables 3 and 4 of Wen et al. (ICLR 2018): BiDAF on SQuAD, fine-tuned and from scratch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from training.tables.markdown import markdown_table
from training.tables.records import Record

__all__ = ["fine_tuned_table", "from_scratch_table"]

_COLUMNS = (
    *("model", "EM", "F1", "F1 below dense"),
    *("ModFwd1", "ModBwd1", "ModFwd2", "ModBwd2", "OutFwd", "OutBwd"),
    *("weights", "multiply-adds a word"),
)

_CONTEXTUAL = 2
"""LSTMs of the contextual layer, which come first and are not sparsified."""


@dataclass(frozen=True)
class _Row:
    name: str
    exact_match: float
    f1: float
    sizes: tuple[int, ...]
    """Of the six LSTMs that are sparsified."""
    weights: str
    """Besides the word vectors."""
    multiply_adds: str = ""

    def cells(self, dense: _Row) -> tuple[str, ...]:
        """In the order of `_COLUMNS`."""
        return (
            self.name,
            f"{self.exact_match:.2f}",
            f"{self.f1:.2f}",
            f"{dense.f1 - self.f1:.2f}",
            *map(str, self.sizes),
            self.weights,
            self.multiply_adds,
        )


_PAPER_DENSE = _Row("paper: dense", 67.98, 77.85, (100,) * 6, "2.69M")
_PAPER_FINE_TUNED = (
    _Row("paper: ISS", 67.21, 76.71, (100, 95, 78, 82, 71, 52), "2.08M"),
    _Row("paper: ISS", 66.59, 76.40, (84, 90, 38, 46, 34, 21), "1.48M"),
    _Row("paper: ISS", 65.29, 75.47, (54, 47, 22, 30, 18, 12), "1.03M"),
    _Row("paper: ISS", 64.81, 75.22, (52, 50, 19, 26, 15, 12), "1.01M"),
)
_PAPER_FROM_SCRATCH = (
    _Row("paper: ISS", 67.36, 77.16, (87, 81, 87, 92, 74, 96), "2.29M"),
    _Row("paper: ISS", 66.32, 76.22, (51, 33, 42, 58, 37, 26), "1.17M"),
    _Row("paper: ISS", 65.36, 75.78, (20, 33, 40, 38, 31, 16), "0.95M"),
    _Row("paper: ISS", 64.60, 74.99, (23, 22, 35, 35, 25, 14), "0.88M"),
)


def fine_tuned_table(records: Sequence[Record]) -> str:
    """Table 3, the paper's rows first; the paper's dense model reads 100d word vectors.

    Args:
        records: Of any runs; those of BiDAF on SQuAD are taken.
    """
    return _table(_PAPER_FINE_TUNED, records, fine_tuned=True)


def from_scratch_table(records: Sequence[Record]) -> str:
    """Table 4, likewise."""
    return _table(_PAPER_FROM_SCRATCH, records, fine_tuned=False)


def _table(paper: Sequence[_Row], records: Sequence[Record], *, fine_tuned: bool) -> str:
    answering = [record for record in records if record["config"].get("task") == "answer"]
    dense = [_row(record) for record in answering if record["config"]["variant"] == "dense"]
    sparse = [
        _row(record)
        for record in answering
        if record["config"]["variant"] == "iss"
        and (record["config"]["start_from"] is not None) == fine_tuned
    ]
    smaller_last = sorted(sparse, key=lambda row: -row.f1)
    published = [row.cells(_PAPER_DENSE) for row in (_PAPER_DENSE, *paper)]
    ours = [row.cells(dense[0] if dense else row) for row in (*dense, *smaller_last)]
    return markdown_table(_COLUMNS, [*published, *ours])


def _row(record: Record) -> _Row:
    return _Row(
        record["name"],
        record["metrics"]["exact_match"],
        record["metrics"]["f1"],
        tuple(record["hidden_sizes"][_CONTEXTUAL:]),
        f"{record['parameters'] / 1e6:.2f}M",
        f"{record['multiply_adds_per_token']:,}",
    )
