"""One run from its config to its record: start or continue, train, measure, write up."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

from issrnn.vocabulary import END
from training.checkpoint import load_document, save_document
from training.config import TrainingConfig
from training.corpus import Corpus, load_corpus
from training.errors import Interrupted, RunError, TrainingError, reason
from training.files import write_json
from training.journal import Journal
from training.loop import Loop, log_columns
from training.machine import describe_machine, git_commit
from training.measure import measure_splits, plain_network
from training.network import resolve
from training.plots import plot_run
from training.run_folder import RunFolder
from training.session import Session, start
from training.stopping import StopRequest, stop_requests
from training.streams import Streams

__all__ = ["RunOptions", "run"]


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """Where and how to run; nothing here changes the result."""

    data: Path
    """The data directory."""
    runs: Path
    """Holds one folder a run."""
    name: str
    """Folder of this run."""
    device: torch.device
    checkpoint_seconds: float = 600.0
    """Longest time between two checkpoints."""


def run(config: TrainingConfig, options: RunOptions) -> dict[str, Any]:
    """Train to the end and return the record; a run that stopped before goes on where it was.

    Args:
        config: May hold ``auto``, which this machine decides.
        options: Paths and device.

    Returns:
        The content of ``record.json``.

    Raises:
        TrainingError: With one line that says what is wrong.
        Interrupted: After SIGTERM or SIGINT; the same call continues.
    """
    config = resolve(config, options.device)
    folder = RunFolder(options.runs / options.name)
    corpus = load_corpus(options.data, config.corpus, config.vocabulary_limit)
    source = _source_weights(config, options.runs)
    with folder.opened_for(config), stop_requests() as stop:
        if folder.record_file.exists():
            return folder.read_record()
        session = _open_session(folder, config, corpus, options.device, source)
        _train(session, corpus, folder, stop, options.checkpoint_seconds)
        record = _measure(session, corpus, folder, stop)
        plot_run(folder.plot, folder.name, session.position.rows)
        write_record(folder, record)
    return record


def write_record(folder: RunFolder, record: dict[str, Any]) -> None:
    """Write ``record.json``, which marks the run as finished.

    Raises:
        RunError: If it cannot be written.
    """
    try:
        write_json(folder.record_file, record)
    except OSError as error:
        raise RunError(f"cannot write {folder.record_file}: {reason(error)}") from error


def _open_session(
    folder: RunFolder,
    config: TrainingConfig,
    corpus: Corpus,
    device: torch.device,
    source: dict[str, Any] | None,
) -> Session:
    if folder.checkpoint.exists():
        document = load_document(folder.checkpoint)
        if document.get("data_sha256") != corpus.sha256:
            raise RunError(f"{folder.path} was trained on other data than {config.corpus} is now")
        try:
            session = Session.from_document(document, config, device)
        except (KeyError, RuntimeError, TypeError, ValueError) as error:
            raise RunError(f"{folder.checkpoint} does not fit: {reason(error)}") from error
    else:
        session = start(config, len(corpus.vocabulary), device, source)
    session.data_sha256 = corpus.sha256
    commit = git_commit()
    if commit not in session.commits:
        session.commits.append(commit)
    return session


def _source_weights(config: TrainingConfig, runs: Path) -> dict[str, Any] | None:
    if config.start_from is None:
        return None
    source = RunFolder(runs / config.start_from)
    if not source.record_file.exists():
        raise RunError(
            f"fine-tuning starts from the finished run {config.start_from}, which is not in {runs}:"
            f" python -m training run {config.start_from}"
        )
    document = load_document(source.best)
    sizes = tuple(document["architecture"]["hidden_sizes"])
    if sizes != config.hidden_sizes:
        raise RunError(f"{source.path} has sizes {sizes}, the config {config.hidden_sizes}")
    weights: dict[str, Any] = document["weights"]
    return weights


def _train(
    session: Session,
    corpus: Corpus,
    folder: RunFolder,
    stop: StopRequest,
    checkpoint_seconds: float,
) -> None:
    config, position = session.config, session.position
    steps = len(Streams.for_training(corpus.train, config.batch_size, config.bptt_steps))
    columns = log_columns(len(config.hidden_sizes))
    with Journal(
        folder,
        columns,
        position.rows,
        done_steps=position.total_steps,
        total_steps=steps * config.epochs,
    ) as journal:
        journal.say(_opening(session, steps))
        try:
            Loop(session, corpus, folder, journal, stop, checkpoint_seconds).run()
        except TrainingError as error:
            journal.log(f"error: {error}")
            raise
        except Interrupted as interruption:
            journal.log(str(interruption))
            raise


def _opening(session: Session, steps: int) -> str:
    config, position = session.config, session.position
    verb = f"continuing after step {position.total_steps}" if position.total_steps else "starting"
    return (
        f"{verb}: {config.preset}, {steps} steps an epoch, {config.recurrent} {config.cell}, "
        f"{config.precision}, {describe_machine(session.device)}, commit {session.commits[-1][:12]}"
    )


def _measure(
    session: Session, corpus: Corpus, folder: RunFolder, stop: StopRequest
) -> dict[str, Any]:
    """Figures of the best weights, computed in fp32, and all that is worth recording."""
    config, position = session.config, session.position
    began = time.monotonic()
    best = load_document(folder.best)
    model = plain_network(best)
    model.to(session.device)
    splits = {"valid": corpus.valid, "test": corpus.test}
    metrics = measure_splits(model, splits, corpus.vocabulary.ids[END], stop)
    position.seconds += time.monotonic() - began
    save_document(folder.checkpoint, session.to_document())
    return {
        "name": folder.name,
        "config": config.to_document(),
        "seed": config.seed,
        "commits": session.commits,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": describe_machine(session.device),
        "torch": torch.__version__,
        "data_sha256": corpus.sha256,
        "wall_time_seconds": position.seconds,
        "steps": position.total_steps,
        "best_epoch": position.best_epoch,
        "hidden_sizes": list(model.architecture.hidden_sizes),
        "parameters": sum(p.numel() for p in model.parameters()),
        "multiply_adds_per_token": model.architecture.multiply_adds_per_token(),
        "metrics": metrics,
        "epochs": position.epochs,
    }
