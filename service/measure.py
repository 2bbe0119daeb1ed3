"""What a model achieves on an engine: ``python -m service.measure MODEL DATA``.

For a language model, DATA has one sentence a line, in the model's own form; the figure is the
perplexity of all lines read as one document, each line followed by ``<eos>``, as ``/score`` with
``carry_state`` reads it. For a reader, DATA is in SQuAD's layout; the figures are the exact match
and F1 of ``/answer``'s best answers, in per cent. For a classifier, DATA is the Large Movie Review
Dataset (its test split is read) or a table with the columns of the Sanders corpus; the figures are
the accuracy and macro F1 of ``/classify``'s labels, in per cent. ``--record`` puts figures into the
artifact's card, such as an int8 engine's own ``test_perplexity_int8``, ``exact_match_int8
f1_int8``, or ``test_accuracy_int8 test_macro_f1_int8``.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from issrnn.artifact import Artifact, ArtifactError, load, save
from service.cores import available_cores
from service.engines import ENGINE_NAMES, Engine, create_engine
from service.measuring.answers import measure_answers
from service.measuring.labels import measure_labels
from service.measuring.measurement import Measurement
from service.measuring.perplexity import measure_perplexity
from service.problems import FieldProblemError
from service.schemas import TaskName
from service.settings import Settings

__all__ = ["main"]

Measure = Callable[[Engine[Any, Any], Artifact, Path, Settings], Measurement]

_MEASURES: dict[TaskName, Measure] = {
    "score": measure_perplexity,
    "answer": measure_answers,
    "classify": measure_labels,
}


def main(arguments: list[str] | None = None) -> int:
    """Measure, print, and record if asked to.

    Returns:
        0, or 1 after one line on standard error.
    """
    parser = argparse.ArgumentParser(prog="python -m service.measure", description=__doc__)
    parser.add_argument("model", type=Path, help="artifact folder")
    parser.add_argument("data", type=Path, help="sentences, questions, or labelled texts")
    parser.add_argument("--engine", choices=ENGINE_NAMES, default="onnxruntime-fp32")
    parser.add_argument("--threads", type=_positive, default=len(available_cores()))
    parser.add_argument(
        "--record",
        metavar="METRIC",
        type=_metric,
        nargs="+",
        default=[],
        help="write into the card the figure whose name is in METRIC's, such as f1 in f1_int8",
    )
    options = parser.parse_args(arguments)
    try:
        artifact = load(options.model)
        measure = _MEASURES[artifact.card.task]
        engine = create_engine(options.engine, artifact, options.threads)
        # the settings a service has by default, whatever the environment says
        found = measure(engine, artifact, options.data, Settings.model_construct())
        figures = ", ".join(f"{name} {value:.3f}" for name, value in found.figures.items())
        sys.stdout.write(
            f"{artifact.card.name} on {engine.name}: {figures} over {found.subject}, "
            f"{found.seconds:.1f} s on {options.threads} threads\n"
        )
        if options.record:
            _record(options.model, artifact, found, options.record)
    except (ArtifactError, FieldProblemError, ImportError, OSError, ValueError) as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    return 0


def _record(folder: Path, artifact: Artifact, found: Measurement, names: list[str]) -> None:
    metrics = dict(artifact.card.metrics)
    for name in names:
        figures = [value for figure, value in found.figures.items() if figure in name]
        if not figures:
            known = " or ".join(found.figures)
            raise ValueError(f"--record {name}: the name of the metric must have {known} in it")
        metrics[name] = round(figures[0], 4)
    card = artifact.card.model_copy(update={"metrics": metrics})
    save(folder, card, artifact.weights, artifact.vocabulary, artifact.word_vectors)


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return value


def _metric(text: str) -> str:
    if not re.fullmatch(r"[a-z][a-z0-9_]*", text):
        raise argparse.ArgumentTypeError(
            "must be letters, digits and _, such as test_perplexity_int8"
        )
    return text


if __name__ == "__main__":
    sys.exit(main())
