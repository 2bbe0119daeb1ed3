"""``docs/results.md``: every table of the papers with the recorded runs beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from training.reproduction import run_command
from training.tables.language_modelling import (
    highway_table,
    l1_table,
    other_cells_table,
    stacked_table,
)
from training.tables.markdown import markdown_table
from training.tables.question_answering import fine_tuned_table, from_scratch_table
from training.tables.records import Record
from training.tasks import parse_config

__all__ = ["SECTIONS", "results"]

SECTIONS = {
    "table-1": ("Table 1: two LSTM layers of 1500 units on the Penn Treebank", stacked_table),
    "other-cells": ("The same with other sizes and cells", other_cells_table),
    "table-2": ("Table 2: recurrent highway networks on the Penn Treebank", highway_table),
    "table-3": ("Table 3: BiDAF on SQuAD, ISS by fine-tuning", fine_tuned_table),
    "table-4": ("Table 4: BiDAF on SQuAD, ISS from scratch", from_scratch_table),
    "appendix-a": ("Appendix A: whole components emptied by plain l1", l1_table),
}
"""Title of each section, and what makes its table of the records."""

_OPENING = """\
# Results

The tables of Wen et al., *Learning Intrinsic Sparse Structures within Long Short-Term Memory*
([ICLR 2018](https://arxiv.org/abs/1709.05027)), each with this project's runs below the paper's
rows. Perplexities are of the validation and test split, EM and F1 of SQuAD's development split;
*fewer* is the dense model's multiply-adds over a model's. Generated from [records](records) by

```sh
.venv/bin/python -m training tables --write docs/results.md
```"""


def results(records: Sequence[Record], remarks: Mapping[str, str]) -> str:
    """The whole document, as Markdown.

    Args:
        records: Of finished runs.
        remarks: What is to be said of a section, by its key in `SECTIONS`.
    """
    parts = [_OPENING]
    for key, (title, table) in SECTIONS.items():
        parts += [f"## {title}", table(records)]
        if key in remarks:
            parts.append(remarks[key])
    parts += ["## The runs", *_runs(records)]
    return "\n\n".join(parts) + "\n"


def _runs(records: Sequence[Record]) -> list[str]:
    columns = ("run", "hours", "epochs", "machine", "ended", "commits")
    rows = [
        (
            record["name"],
            f"{record['wall_time_seconds'] / 3600:.1f}",
            str(len(record["epochs"])),
            record["machine"],
            record["created"].split("T")[0],
            " ".join(commit[:8] for commit in record["commits"]),
        )
        for record in records
    ]
    commands = [
        run_command(record["name"], parse_config(record["config"], record["name"]))
        for record in records
    ]
    return [markdown_table(columns, rows), "```sh\n" + "\n".join(commands) + "\n```"]
