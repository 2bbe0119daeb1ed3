"""How far the trials of a search are, and taking them further; their run folders hold it all."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from training.checkpoint import load_document
from training.errors import DivergedError
from training.experiment import kept_epoch
from training.files import write_json
from training.run import RunOptions, resolve, run
from training.run_folder import RunFolder
from training.search.space import Trial
from training.tasks import quality_of

__all__ = ["diverged", "epochs_done", "quality_after"]

_DIVERGED = "diverged.json"
"""In the folder of a trial that is not to be trained again: it would end in the same way."""


class _Enough(Exception):  # noqa: N818 - no error: the run has come as far as was asked
    """The epochs that were asked for are done."""


def quality_after(trial: Trial, where: RunOptions, epochs: int) -> float:
    """The validation figure of what a trial keeps of its first epochs; trains those still to do.

    Args:
        trial: What to train.
        where: Its ``name`` is the search's: the folder that holds those of the trials.
        epochs: How many; all of them also measures and records the run.

    Returns:
        The figure, or infinitely bad if training diverged.

    Raises:
        TrainingError, Interrupted: As `run`; the same call continues.
    """
    options = replace(where, name=f"{where.name}/{trial.name}")
    folder = RunFolder(options.runs / options.name)
    quality = quality_of(trial.config)
    worst = -math.inf if quality.higher_is_better else math.inf

    def stop(summary: Mapping[str, Any]) -> None:
        if epochs <= summary["epoch"] < trial.config.epochs:
            raise _Enough

    with folder.opened_for(resolve(trial.config, options.device)):
        if diverged(folder):
            return worst
        done = epochs_done(folder)
    if len(done) < epochs or (epochs == trial.config.epochs and not folder.record_file.exists()):
        try:
            run(trial.config, options, stop)
        except _Enough:
            pass
        except DivergedError as error:
            write_json(folder.path / _DIVERGED, {"message": str(error)})
            return worst
        done = epochs_done(folder)
    figure: float = kept_epoch(trial.config, quality, done[:epochs])[quality.name]
    return figure


def diverged(folder: RunFolder) -> bool:
    """Whether training of a trial ended because its loss was no number any more."""
    return (folder.path / _DIVERGED).exists()


def epochs_done(folder: RunFolder) -> list[dict[str, Any]]:
    """The summaries of a run's epochs so far.

    Raises:
        RunError: If its files are damaged.
    """
    if folder.record_file.exists():
        epochs: list[dict[str, Any]] = folder.read_record()["epochs"]
    elif folder.checkpoint.exists():
        epochs = load_document(folder.checkpoint)["position"]["epochs"]
    else:
        epochs = []
    return epochs
