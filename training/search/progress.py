"""How far the trials of a search are, and taking them further; their run folders hold it all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from training.checkpoint import load_document
from training.config import RunConfig
from training.errors import DivergedError
from training.experiment import kept_epoch
from training.files import read_json, write_json
from training.loop import Enough
from training.run import RunOptions, resolve, run
from training.run_folder import RunFolder
from training.search.space import Trial
from training.tasks import parse_config, quality_of

__all__ = ["diverged", "epochs_done", "quality_after"]

_DIVERGED = "diverged.json"
"""In the folder of a trial whose training diverged: its config, by which it would do so again."""


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

    def stop(summary: Mapping[str, Any]) -> None:
        if epochs <= summary["epoch"] < trial.config.epochs:
            raise Enough

    config = resolve(trial.config, options.device)
    with folder.opened_for(config):
        if diverged(folder, config):
            return quality.worst
        done = epochs_done(folder)
        finished = folder.is_finished(config)
    if len(done) < epochs or (epochs == trial.config.epochs and not finished):
        try:
            run(trial.config, options, stop)
        except Enough:
            pass
        except DivergedError:
            write_json(folder.path / _DIVERGED, folder.read_config().to_document())
            return quality.worst
        done = epochs_done(folder)
    figure: float = kept_epoch(trial.config, quality, done[:epochs])[quality.name]
    return figure


def diverged(folder: RunFolder, config: RunConfig) -> bool:
    """Whether training of a trial by this config ended because its loss was no number.

    Raises:
        RunError: If its files are damaged.
    """
    path = folder.path / _DIVERGED
    return path.exists() and parse_config(read_json(path), str(path)) == config


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
