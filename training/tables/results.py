"""``docs/results.md``: every table of the papers with the recorded runs, and what is ours alone."""

from __future__ import annotations

from collections.abc import Sequence

from training.sparse_products import products_table
from training.tables.classification import classifiers_table
from training.tables.engines import PAPER_TIMES, engines_table
from training.tables.evidence import CLASSIFIER_TIMINGS, LARGE_TIMINGS, PRODUCTS, Evidence
from training.tables.language_modelling import (
    highway_table,
    l1_table,
    other_cells_table,
    stacked_table,
)
from training.tables.markdown import markdown_table
from training.tables.question_answering import fine_tuned_table, from_scratch_table
from training.tables.repeats import REPEATS_COLUMNS, group_repeats
from training.tables.storage import storage_table
from training.tables.timings import Timings

__all__ = ["CLASSIFIERS", "PRODUCTS_PICTURE", "SECTIONS", "classifiers_picture", "results"]

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
*fewer* is the dense model's multiply-adds over a model's. Generated from [records](records) of runs
and benchmarks and from the cards of the models that ship, by

```sh
.venv/bin/python -m training tables --write docs/results.md
```

Where commands below say `python`, that of `.venv/bin` is meant."""


PRODUCTS_PICTURE = "images/sparse-products.png"
"""Where the picture of Fig. 1 is, seen from the document."""

_CLASSIFIER_TIMES = (
    "Multiply-adds are those of the engine that does the fewest: with times as CSR, of the sparse "
    "kernels, which leave out weights that are zero. "
    "Times are medians on one thread of onnxruntime in fp32 and, as CSR, of torch's sparse kernels"
)

_STORAGE = """\
## What storing costs

Figures of the artifacts in `models/`: of the weights as they were trained (measured by
`training run`), of what the artifact's file gives back (by `training export`), both computed in
fp32, and of an engine that computes in int8 (by `python -m service.measure models/NAME DATA
--engine onnxruntime-int8`, DATA being the test split of the model's task)."""


def classifiers_picture(corpus: str) -> str:
    """Where the picture of a corpus is, seen from the document."""
    return f"images/classifiers-{corpus}.png"


def results(evidence: Evidence) -> str:
    """The whole document, as Markdown."""
    parts = [_OPENING]
    for key, (title, table) in SECTIONS.items():
        ours = table(evidence.runs)
        parts += [f"## {title}", ours]
        if ours == table([]):
            parts.append("No run is recorded yet.")
        parts += _remark(evidence, key)
        if key == "table-1":
            parts += _times(evidence)
    parts += _products(evidence) + _storage(evidence)
    for corpus, title in CLASSIFIERS.items():
        timings = evidence.classifiers
        compared = classifiers_table(evidence.runs, timings, corpus)
        if compared is not None:
            models = [t.model for t in timings.all if t.model.startswith(f"{corpus}-")]
            picture = f"![{title}]({classifiers_picture(corpus)})"
            parts += [f"## {title}", compared]
            if models:
                parts.append(_CLASSIFIER_TIMES + _command(timings, models, CLASSIFIER_TIMINGS))
            parts += [picture, *_remark(evidence, corpus)]
    runs = group_repeats(evidence.runs)
    overview = markdown_table(REPEATS_COLUMNS, [each.cells() for each in runs])
    commands = "\n".join(each.command() for each in runs)
    parts += ["## The runs", overview, f"```sh\n{commands}\n```"]
    return "\n\n".join(parts) + "\n"


def _remark(evidence: Evidence, key: str) -> list[str]:
    return [evidence.remarks[key]] if key in evidence.remarks else []


def _times(evidence: Evidence) -> list[str]:
    table = engines_table(evidence.large, PAPER_TIMES)
    if table is None:
        return []
    models = [timing.model for timing in evidence.large.all]
    below = "Medians" + _command(evidence.large, models, LARGE_TIMINGS)
    return ["### Times", table, below, *_remark(evidence, "times")]


def _products(evidence: Evidence) -> list[str]:
    if evidence.products is None:
        return []
    return [
        "## Fig. 1: matrix products, dense, sparse and smaller",
        products_table(evidence.products.products),
        f"Speed-ups over the dense product ({evidence.products.conditions}), by\n\n```sh\n"
        f".venv/bin/python -m training benchmark-products --record docs/records/{PRODUCTS}\n```",
        f"![Speed-up against sparsity]({PRODUCTS_PICTURE})",
        *_remark(evidence, "products"),
    ]


def _storage(evidence: Evidence) -> list[str]:
    table = storage_table(evidence.stored, evidence.runs)
    return [] if table is None else [_STORAGE, table, *_remark(evidence, "storage")]


def _command(timings: Timings, models: Sequence[str], record: str) -> str:
    """How models were timed."""
    paths = " ".join(f"models/{model}" for model in dict.fromkeys(models))
    return (
        f" ({timings.conditions}), by\n\n```sh\n.venv/bin/python -m service.benchmark "
        f"--rounds {timings.all[0].rounds} \\\n    --models {paths} \\\n"
        f"    --json docs/records/{record}\n```"
    )
