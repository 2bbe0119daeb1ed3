"""One run from its config to its record: start or continue, train, measure, write up."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import nn

from issrnn import ShrinkError
from training.checkpoint import load_document, save_document
from training.config import RunConfig
from training.distributed import from_first, is_first, largest, process_count, process_number
from training.errors import (
    DataError,
    DivergedError,
    Interrupted,
    LostProcessError,
    RunError,
    TrainingError,
    reason,
)
from training.experiment import Experiment, Paths, architecture_of
from training.fast_lstm import fastest_precision
from training.files import write_json
from training.fine_tuning import load_start
from training.journal import Journal, NoJournal
from training.loop import AfterEpoch, Enough, Loop, log_columns
from training.machine import describe_machine, git_commit, reset_peak_memory
from training.plots import plot_run
from training.run_folder import RunFolder, epochs_begun
from training.session import Session, by_layer, existing_weights, resume, start
from training.shrinking import save_shrunk, shrink_network
from training.stopping import StopRequest, stop_requests
from training.tasks import open_experiment, parse_config

__all__ = ["RunOptions", "resolve", "run", "write_record"]

ConfigT = TypeVar("ConfigT", bound=RunConfig)


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """Where and how to run; nothing here changes the result."""

    paths: Paths
    runs: Path
    """Holds one folder a run."""
    models: Path = Path("models")
    """Holds the artifacts that fine-tuning may start from."""
    name: str
    """Folder of this run."""
    device: torch.device
    checkpoint_seconds: float = 600.0
    """Longest time between two checkpoints."""


def run(
    config: RunConfig, options: RunOptions, after_epoch: AfterEpoch | None = None
) -> dict[str, Any]:
    """Train to the end and return the record; a run that stopped before goes on where it was.

    Where several processes train, each calls this; the first one alone uses the folder.

    Args:
        config: May hold ``auto``, which this machine decides.
        options: Paths and device.
        after_epoch: If it raises `Enough`, so does this; the same call continues after that epoch.

    Returns:
        The content of ``record.json``.

    Raises:
        TrainingError: With one line that says what is wrong.
        Interrupted: After SIGTERM or SIGINT; the same call continues, or returns the record.
    """
    config = from_first(lambda: resolve(config, options.device))
    folder = RunFolder(options.runs / options.name)
    experiment = open_experiment(config, options.paths)
    # A signal counts as long as it is caught: what comes after this run is not to begin.
    try:
        with stop_requests() as stop, folder.opened_for(config) if is_first() else nullcontext():
            record = _run(experiment, folder, options, stop, after_epoch)
    except (Enough, DivergedError, LostProcessError) as left:
        if stop.signal_number is None:
            raise
        how = " with the other processes" if isinstance(left, LostProcessError) else ""
        message = f"stopped{how}; the same command continues from what {folder.path} has"
        raise Interrupted(stop.signal_number, message) from left
    if stop.signal_number is not None:
        raise Interrupted(stop.signal_number, f"stopped; the run in {folder.path} is complete")
    return record


def resolve(config: ConfigT, device: torch.device) -> ConfigT:
    """The config with every ``auto`` replaced by what it means on this machine."""
    on_cpu = device.type == "cpu"
    precision = config.precision
    if precision == "auto":
        precision = fastest_precision() if on_cpu else "fp32"
    recurrent = config.recurrent
    if recurrent == "auto":
        fast = on_cpu and config.prefers_fast_layers(precision)
        recurrent = "fast" if fast or config.needs_fast_layers else "torch"
    document = config.to_document() | {"precision": precision, "recurrent": recurrent}
    return type(config).from_document(document, f"on {device.type}")


def write_record(folder: RunFolder, record: dict[str, Any]) -> None:
    """Write ``record.json``, which marks the run as finished.

    Raises:
        RunError: If it cannot be written.
    """
    write_json(folder.record_file, record)


def _run(
    experiment: Experiment[Any],
    folder: RunFolder,
    options: RunOptions,
    stop: StopRequest,
    after_epoch: AfterEpoch | None,
) -> dict[str, Any]:
    config = experiment.config
    record = from_first(lambda: folder.read_record() if folder.is_finished(config) else None)
    if record is not None:
        return record
    session = _open_session(experiment, folder, options)
    from_first(lambda: folder.take_over(config))
    commit = git_commit()
    if commit not in session.commits:
        session.commits.append(commit)
    _train(session, folder, stop, options.checkpoint_seconds, after_epoch)
    return from_first(lambda: _write_up(session, folder, stop))


def _open_session(experiment: Experiment[Any], folder: RunFolder, options: RunOptions) -> Session:
    _check_same_data(experiment)
    checkpoint = from_first(
        lambda: load_document(folder.checkpoint) if folder.checkpoint.exists() else None
    )
    if checkpoint is not None:
        return _continue(checkpoint, folder, experiment, options.device)
    begin = from_first(lambda: load_start(experiment, options.runs, options.models, options.paths))
    if begin is None:
        return start(experiment, options.device)
    session = start(experiment, options.device, begin.weights)
    session.source = begin.source
    return session


def _check_same_data(experiment: Experiment[Any]) -> None:
    """All processes stop if one has other data, before the first changes anything in the folder.

    Raises:
        DataError: Naming such a process.
    """
    differs = from_first(lambda: experiment.data_sha256) != experiment.data_sha256
    [number] = largest(process_number() if differs else 0)
    if number:
        raise DataError(
            f"process {int(number)} has other data than process 0: let --data (and --word-vectors) "
            "name the same files on every machine"
        )


def _continue(
    document: dict[str, Any],
    folder: RunFolder,
    experiment: Experiment[Any],
    device: torch.device,
) -> Session:
    if document.get("data_sha256") != experiment.data_sha256:
        raise RunError(f"{folder.path} was trained on other data than are there now")
    config: RunConfig = experiment.config
    if "config" in document:  # the first checkpoints lack it
        former = parse_config(document["config"], str(folder.checkpoint))
        if config != former and not config.goes_on_from(former, epochs_begun(document)):
            raise RunError(f"{folder.checkpoint} is of another config than {folder.config_file}")
    try:
        return resume(experiment, document, device)
    except (KeyError, RuntimeError, TypeError, ValueError) as error:
        raise RunError(f"{folder.checkpoint} does not fit: {reason(error)}") from error


def _train(
    session: Session,
    folder: RunFolder,
    stop: StopRequest,
    checkpoint_seconds: float,
    after_epoch: AfterEpoch | None,
) -> None:
    experiment, position = session.experiment, session.position
    steps = experiment.steps_per_epoch
    columns = log_columns(session)
    if is_first():
        journal = Journal(
            folder,
            columns,
            position.rows,
            done_steps=position.total_steps,
            total_steps=steps * experiment.config.epochs,
        )
    else:
        journal = NoJournal()
    with journal:
        journal.say(_opening(session, steps))
        journal.say(_describe_data(experiment.data_figures))
        reset_peak_memory()
        try:
            Loop(session, folder, journal, stop, checkpoint_seconds, after_epoch).run()
        except (TrainingError, ShrinkError) as error:
            journal.log(f"error: {error}")
            raise
        except Interrupted as interruption:
            journal.log(str(interruption))
            raise


def _opening(session: Session, steps: int) -> str:
    config, position = session.experiment.config, session.position
    verb = f"continuing after step {position.total_steps}" if position.total_steps else "starting"
    processes = f"{process_count()} processes, " if process_count() > 1 else ""
    source = session.source
    origin = f" from the {source['kind']} {source['name']}" if source else ""
    return (
        f"{verb}: {config.preset}{origin}, {steps} steps an epoch, "
        f"{config.recurrent} recurrent layers, {config.precision}, {processes}"
        f"{describe_machine(session.device)}, "
        f"commit {session.commits[-1][:12]}"
    )


def _describe_data(figures: Mapping[str, float]) -> str:
    """Counts with commas, shares as percentages."""
    shown = {
        name.replace("_", " "): f"{value:,}" if isinstance(value, int) else f"{value:.2%}"
        for name, value in figures.items()
    }
    return "data: " + ", ".join(f"{name} {value}" for name, value in shown.items())


def _write_up(session: Session, folder: RunFolder, stop: StopRequest) -> dict[str, Any]:
    """The record, after all else that is made at the end."""
    experiment = session.experiment
    record = _measure(session, folder, stop)
    names = experiment.training_figure, experiment.validation_figures
    position = session.position
    kept = position.epochs[position.best_epoch - 1]
    plot_run(folder.plot, folder.name, position.rows, *names, kept)
    write_record(folder, record)
    return record


def _measure(session: Session, folder: RunFolder, stop: StopRequest) -> dict[str, Any]:
    """Figures of the best weights, computed in fp32, and all that is worth recording."""
    experiment, position = session.experiment, session.position
    began = time.monotonic()
    best = load_document(folder.best)
    before_final_tau = None
    with torch.random.fork_rng():  # a longer schedule goes on as if nothing had been measured
        model = experiment.network_of(best).to(session.device)
        metrics = experiment.measure(model, stop)
        if tau := experiment.config.final_tau:
            before_final_tau = metrics
            model, kept = shrink_network(experiment, model, best["kept"], tau)
            folder.check_there()
            save_shrunk(folder, model, kept, tau, best["epoch"])
            metrics = experiment.measure(model, stop)
        empty = _empty_components(experiment, model) if experiment.config.l1 else []
    position.seconds += time.monotonic() - began
    folder.check_there()
    save_document(folder.checkpoint, session.to_document())
    architecture = architecture_of(model)
    return {
        "name": folder.name,
        "config": experiment.config.to_document(),
        "seed": experiment.config.seed,
        "started_from": session.source,
        "commits": session.commits,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": describe_machine(session.device),
        "processes": process_count(),
        "torch": torch.__version__,
        "data_sha256": experiment.data_sha256,
        "data": dict(experiment.data_figures),
        "wall_time_seconds": position.seconds,
        "peak_memory_bytes": position.peak_memory_bytes,
        "steps": position.total_steps,
        "best_epoch": position.best_epoch,
        "hidden_sizes": list(architecture.hidden_sizes),
        "empty_components": empty,
        "parameters": existing_weights(experiment.config, model),
        "multiply_adds_per_token": architecture.multiply_adds_per_token(),
        "metrics": metrics,
        "metrics_before_final_tau": before_final_tau,
        "epochs": position.epochs,
    }


def _empty_components(experiment: Experiment[Any], model: nn.Module) -> list[int]:
    """How many of the components it started with each layer has no more, or only as zeros."""
    groups, architecture = experiment.find_groups(model), architecture_of(model)
    zeros = by_layer(
        groups,
        [group.norms() == 0 for group in groups],
        architecture.layer_names,
        architecture.hidden_sizes,
    )
    sizes = experiment.config.hidden_sizes
    return [whole - len(mask) + int(mask.sum()) for whole, mask in zip(sizes, zeros, strict=True)]
