"""``docs/results.md``: every table of the papers with the recorded runs, and what is ours alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from training.tables.classification import classifiers_table
from training.tables.language_modelling import (
    highway_table,
    l1_table,
    other_cells_table,
    stacked_table,
)
from training.tables.markdown import markdown_table
from training.tables.question_answering import fine_tuned_table, from_scratch_table
from training.tables.records import Record
from training.tables.repeats import REPEATS_COLUMNS, group_repeats
from training.tables.timings import CLASSIFIER_TIMINGS, Timings

__all__ = ["CLASSIFIERS", "SECTIONS", "classifiers_picture", "results"]

SECTIONS = {
    "table-1": ("Table 1: two LSTM layers of 1500 units on the Penn Treebank", stacked_table),
    "other-cells": ("The same with other sizes and cells", other_cells_table),
    "table-2": ("Table 2: recurrent highway networks on the Penn Treebank", highway_table),
    "table-3": ("Table 3: BiDAF on SQuAD, ISS by fine-tuning", fine_tuned_table),
    "table-4": ("Table 4: BiDAF on SQuAD, ISS from scratch", from_scratch_table),
    "appendix-a": ("Appendix A: whole components emptied by plain l1", l1_table),
}
"""Title of each section, and what makes its table of the records."""

CLASSIFIERS = {
    "imdb": "Sentiment: dense, SET and ISS on IMDB's reviews",
    "sanders": "Sentiment: dense, SET and ISS on the Sanders tweets",
}
"""Title of the section of each corpus of classifiers."""

_OPENING = """\
# Results

The tables of Wen et al., *Learning Intrinsic Sparse Structures within Long Short-Term Memory*
([ICLR 2018](https://arxiv.org/abs/1709.05027)), each with this project's runs below the paper's
rows. Perplexities are of the validation and test split, EM and F1 of SQuAD's development split;
*fewer* is the dense model's multiply-adds over a model's. Generated from [records](records) by

```sh
.venv/bin/python -m training tables --write docs/results.md
```"""


def classifiers_picture(corpus: str) -> str:
    """Where the picture of a corpus is, seen from the document."""
    return f"images/classifiers-{corpus}.png"


def results(records: Sequence[Record], timings: Timings, remarks: Mapping[str, str]) -> str:
    """The whole document, as Markdown.

    Args:
        records: Of finished runs.
        timings: Of classifiers on the engines.
        remarks: What is to be said of a section, by its key in `SECTIONS`.
    """
    parts = [_OPENING]
    for key, (title, table) in SECTIONS.items():
        ours = table(records)
        parts += [f"## {title}", ours]
        if ours == table([]):
            parts.append("No run is recorded yet.")
        if key in remarks:
            parts.append(remarks[key])
    for corpus, title in CLASSIFIERS.items():
        compared = classifiers_table(records, timings, corpus)
        if compared is not None:
            picture = f"![{title}]({classifiers_picture(corpus)})"
            below = filter(None, (_describe(timings, corpus), picture, remarks.get(corpus)))
            parts += [f"## {title}", compared, *below]
    runs = group_repeats(records)
    overview = markdown_table(REPEATS_COLUMNS, [each.cells() for each in runs])
    commands = "\n".join(each.command() for each in runs)
    parts += ["## The runs", overview, f"```sh\n{commands}\n```"]
    return "\n\n".join(parts) + "\n"


def _describe(timings: Timings, corpus: str) -> str | None:
    """What the times of a corpus's models are; None if none of them was timed."""
    models = dict.fromkeys(t.model for t in timings.all if t.model.startswith(f"{corpus}-"))
    if not models:
        return None
    paths = " ".join(f"models/{model}" for model in models)
    return (
        f"Times are medians on one thread of onnxruntime in fp32 and, as CSR, of torch's sparse "
        f"kernels ({timings.conditions}), by\n\n```sh\n.venv/bin/python -m service.benchmark "
        f"--models {paths} \\\n    --json docs/records/{CLASSIFIER_TIMINGS}\n```"
    )
