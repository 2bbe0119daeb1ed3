"""The results of a search: a table of all its trials, and what quality costs, as a picture."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from matplotlib.figure import Figure

from training.checkpoint import load_document
from training.experiment import Quality, kept_epoch, parse_architecture
from training.files import write_whole
from training.plots import write_figure
from training.run_folder import RunFolder
from training.search.progress import diverged, epochs_done
from training.tables.markdown import markdown_table
from training.tasks import quality_of

__all__ = [
    "Result",
    "pareto_front",
    "plot_results",
    "read_results",
    "results_table",
    "write_results",
]


@dataclass(frozen=True)
class Result:
    """What became of a trial."""

    name: str
    settings: dict[str, Any]
    """Its config."""
    epochs: int
    """How many are done."""
    finished: bool
    quality: float
    """Of the record, if it is finished, or of the weights kept so far; infinitely bad if training
    diverged."""
    sizes: tuple[int, ...]
    """Units of each recurrent layer; of a trial that diverged in its first epoch, the config's."""
    multiply_adds: int
    """For each token, computed densely; 0 of a trial that diverged in its first epoch."""
    weights: int
    """Those that exist; 0 of a trial that diverged in its first epoch."""


def read_results(folder: Path) -> tuple[Quality | None, list[Result]]:
    """What there is of a search.

    Args:
        folder: Holds the folder of each trial.

    Returns:
        What quality means, None if there is no trial; and the trials that have done an epoch or
        diverged, best first.

    Raises:
        TrainingError: If a file is damaged.
    """
    runs = [RunFolder(path.parent) for path in sorted(folder.glob("*/config.json"))]
    if not runs:
        return None, []
    quality = quality_of(runs[0].read_config())
    results = [result for run in runs if (result := _result(run, quality)) is not None]
    results.sort(key=lambda result: _cost(result, quality))
    return quality, results


def pareto_front(results: Sequence[Result], quality: Quality) -> list[Result]:
    """The finished trials than which none is both better and smaller, the smallest first."""

    def figures(result: Result) -> tuple[float, ...]:
        return result.multiply_adds, result.weights, _cost(result, quality)

    def beats(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
        return one != other and all(ours <= theirs for ours, theirs in zip(one, other, strict=True))

    finished = [result for result in results if result.finished]
    front = [
        result
        for result in finished
        if not any(beats(figures(other), figures(result)) for other in finished)
    ]
    return sorted(front, key=figures)


def results_table(results: Sequence[Result], quality: Quality) -> str:
    """All trials as Markdown: the settings they differ in, how far they are, quality and size."""
    settings = [result.settings for result in results]
    differing = [
        field
        for field in settings[0]
        if any(other.get(field) != settings[0][field] for other in settings)
    ]
    front = pareto_front(results, quality)
    rows = [
        (
            result.name,
            *(_text(result.settings.get(field)) for field in differing),
            f"{result.epochs}/{result.settings['epochs']}",
            f"{result.quality:.2f}" if math.isfinite(result.quality) else "diverged",
            "/".join(map(str, result.sizes)),
            f"{result.multiply_adds:,}" if result.multiply_adds else "",
            f"{result.weights:,}" if result.weights else "",
            "yes" if result in front else "",
        )
        for result in results
    ]
    title = quality.name.replace("_", " ")
    size = ("sizes", "multiply-adds a token", "weights")
    columns = ("trial", *differing, "epochs", title, *size, "on front")
    return markdown_table(columns, rows)


def plot_results(path: Path, title: str, results: Sequence[Result], quality: Quality) -> None:
    """Draw quality against multiply-adds, and the front.

    Raises:
        RunError: If the picture cannot be written.
    """
    figure = Figure(figsize=(8, 5), layout="constrained")
    axes = figure.subplots()
    front = pareto_front(results, quality)
    for label, style, chosen in (
        (
            "stopped early",
            "C7x",
            [r for r in results if not r.finished and math.isfinite(r.quality)],
        ),
        ("finished", "C0o", [result for result in results if result.finished]),
        ("none is better and smaller", "C0-", front),
    ):
        if chosen:
            costs, figures = [r.multiply_adds for r in chosen], [r.quality for r in chosen]
            axes.plot(costs, figures, style, label=label)
    for result in front:
        axes.annotate(
            result.name,
            (result.multiply_adds, result.quality),
            xytext=(4, 4),
            textcoords="offset points",
            fontsize=8,
        )
    axes.set(
        title=title,
        xlabel="multiply-adds a token",
        ylabel=quality.name.replace("_", " "),
        xscale="log",
    )
    axes.grid(alpha=0.3, which="both")
    if axes.lines:  # none where all trials diverged
        axes.legend()
    write_figure(path, figure)


def write_results(folder: Path) -> str:
    """Write ``results.md`` and ``pareto.png`` into a search's folder.

    Returns:
        The table; empty if no trial has done an epoch or diverged yet.

    Raises:
        TrainingError: If files of a trial are damaged, or these cannot be written.
    """
    quality, results = read_results(folder)
    if quality is None or not results:
        return ""
    table = results_table(results, quality)
    plot_results(folder / "pareto.png", folder.name, results, quality)
    page = f"# {folder.name}\n\n{table}\n\n{_REMARK}\n\n![quality against size](pareto.png)\n"
    write_whole(folder / "results.md", lambda file: file.write(page.encode()))
    return table


_REMARK = (
    "Best first. Figures of finished trials are those of their records; of others, the best of the "
    "validations while training. On the front are the finished trials than which none is both "
    "better and smaller."
)


def _result(run: RunFolder, quality: Quality) -> Result | None:
    """What became of a trial; None if nothing has yet."""
    config, epochs = run.read_config(), epochs_done(run)
    if finished := run.record_file.exists():
        record = run.read_record()
        figure = _recorded(record["metrics"], quality)
        sizes, multiply_adds = record["hidden_sizes"], record["multiply_adds_per_token"]
        weights = record["parameters"]
    elif not epochs:
        if not diverged(run, config):
            return None
        figure, sizes, multiply_adds, weights = quality.worst, config.hidden_sizes, 0, 0
    else:
        best = load_document(run.best)
        architecture = parse_architecture(best["architecture"])
        figure = kept_epoch(config, quality, epochs)[quality.name]
        if diverged(run, config):
            figure = quality.worst
        sizes, multiply_adds = architecture.hidden_sizes, architecture.multiply_adds_per_token()
        weights = (
            sum(int(weight.count_nonzero()) for weight in best["weights"].values())
            if config.epsilon
            else sum(torch.Size(shape).numel() for shape in architecture.shapes().values())
        )
    return Result(
        name=run.name,
        settings=config.to_document(),
        epochs=len(epochs),
        finished=finished,
        quality=figure,
        sizes=tuple(sizes),
        multiply_adds=multiply_adds,
        weights=weights,
    )


def _recorded(metrics: dict[str, float], quality: Quality) -> float:
    """Where a task has no other split, its metrics do not name the validation split."""
    if quality.name in metrics:
        return metrics[quality.name]
    return metrics[quality.name.removeprefix("valid_")]


def _cost(result: Result, quality: Quality) -> float:
    """Quality turned so that less is better."""
    return -result.quality if quality.higher_is_better else result.quality


def _text(value: Any) -> str:
    return "/".join(map(str, value)) if isinstance(value, list) else str(value)
