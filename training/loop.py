"""The training loop: epochs of mini-batches, checkpoints, live shrinking, validation."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from training.checkpoint import save_document
from training.distributed import copy_first_, from_first, is_first, largest
from training.errors import DivergedError, Interrupted
from training.experiment import Loss, kept_epoch
from training.journal import Journal
from training.machine import peak_memory_bytes
from training.plots import LENGTH, SIZE
from training.run_folder import RunFolder
from training.session import Session
from training.step import remove_dead_, train_step
from training.stopping import StopRequest

__all__ = ["AfterEpoch", "Enough", "Loop", "log_columns"]

AfterEpoch = Callable[[Mapping[str, Any]], None]
"""Gets the summary of an epoch when all of it is saved; may raise `Enough`."""

_HOPELESS = 100.0
"""Nats a prediction: ten times those of guessing, from where nothing comes back."""


class Enough(Exception):  # noqa: N818 - no error: the run has come as far as was asked
    """The rest of a run is left for later."""


@dataclass(eq=False)
class Loop:
    """Trains a session to its end, or until it is asked to stop."""

    session: Session
    folder: RunFolder
    journal: Journal
    stop: StopRequest
    checkpoint_seconds: float
    """Longest time between two checkpoints."""
    after_epoch: AfterEpoch | None = None

    def __post_init__(self) -> None:
        self._experiment = self.session.experiment
        self._config = self._experiment.config
        self._saved_at = time.monotonic()
        self._clock = time.monotonic()

    def run(self) -> None:
        """All epochs that are left.

        Raises:
            Interrupted: After a signal, with everything saved.
            DivergedError: If the loss is no number any more.
            RunError: If the disk is full, or the folder was moved or deleted.
        """
        self._clock = time.monotonic()
        copy_first_(self.session.model.parameters())
        while self.session.position.epoch < self._config.epochs:
            self._train_epoch()
            self._finish_epoch()

    def _train_epoch(self) -> None:
        session, position = self.session, self.session.position
        learning_rate = self._config.learning_rate_in(position.epoch)
        while position.step < self._experiment.steps_per_epoch:
            loss, norm = train_step(session, position.step, learning_rate)
            if not loss.nats < _HOPELESS * loss.count:  # true of NaN as well
                raise DivergedError(
                    f"training diverged in step {position.total_steps + 1}, loss {loss.nats:.3g}: "
                    f"lower learning_rate (now {learning_rate:g}) or clip "
                    f"(now {self._config.clip:g})"
                )
            self._count(loss)
            if _is_due(position.total_steps, self._config.shrink_every):
                self._shrink()
            if _is_due(position.total_steps, self._config.log_every):
                self._log_interval(learning_rate, norm)
            self._report()
            self._save_if_due()

    def _finish_epoch(self) -> None:
        """Validate, keep the best weights, and close the books of the epoch."""
        session, position, experiment = self.session, self.session.position, self._experiment
        self._shrink()
        self._save()  # validation can take minutes: a kill in it must not cost the epoch
        valid = from_first(lambda: experiment.validate(session, self._stop_if_asked))
        self._tick()
        learning_rate = self._config.learning_rate_in(position.epoch)
        train = experiment.training_value(position.epoch_nats, position.epoch_count)
        milliseconds = 1e3 * position.epoch_seconds / experiment.steps_per_epoch
        summary: dict[str, Any] = {
            "epoch": position.epoch + 1,
            "learning_rate": learning_rate,
            experiment.training_figure: train,
            **valid,
            "hidden_sizes": list(session.hidden_sizes),
            "seconds": position.epoch_seconds,
            "milliseconds_per_step": milliseconds,
        }
        position.epochs.append(summary)
        self._add_row(learning_rate=learning_rate, **{experiment.training_figure: train}, **valid)
        position.epoch += 1
        position.step = position.epoch_count = 0
        position.epoch_nats = position.epoch_seconds = 0.0
        session.state = None
        if kept_epoch(self._config, experiment.quality, position.epochs) is summary:
            position.best, position.best_epoch = valid[experiment.quality.name], position.epoch
            if is_first():
                weights = experiment.weights_to_keep(session)
                best = {**session.weights_document(weights), "epoch": position.epoch, **valid}
                self.folder.check_there()
                save_document(self.folder.best, best)
        if session.evolution is not None and position.epoch < self._config.epochs:
            copy_first_(session.model.parameters())
            session.evolution.evolve_(session.optimizer)
        self._save()
        figures = ", ".join(f"{_title(name)} {value:.2f}" for name, value in valid.items())
        self.journal.say(
            f"epoch {summary['epoch']}/{self._config.epochs}: "
            f"{_title(experiment.training_figure)} {train:.2f}, {figures}, "
            f"sizes {_sizes(session)}, {summary['seconds']:.0f} s "
            f"({milliseconds:.0f} ms a step), lr {learning_rate:.4g}"
        )
        if self.after_epoch is not None:
            self.after_epoch(summary)

    def _count(self, loss: Loss) -> None:
        position = self.session.position
        seconds = self._tick()
        position.step += 1
        position.total_steps += 1
        position.epoch_nats += loss.nats
        position.epoch_count += loss.count
        position.epoch_seconds += seconds
        position.interval_nats += loss.nats
        position.interval_count += loss.count
        position.interval_steps += 1
        position.interval_seconds += seconds

    def _tick(self) -> float:
        """Seconds since the last call, added to the run's wall time."""
        now = time.monotonic()
        seconds, self._clock = now - self._clock, now
        self.session.position.seconds += seconds
        return seconds

    def _shrink(self) -> None:
        if self._config.shrink_every and remove_dead_(self.session):
            self.session.position.epoch_seconds += self._tick()

    def _log_interval(self, learning_rate: float, norm: float) -> None:
        position, experiment = self.session.position, self._experiment
        train = experiment.training_value(position.interval_nats, position.interval_count)
        self._add_row(
            learning_rate=learning_rate,
            gradient_norm=norm,
            milliseconds_per_step=1e3 * position.interval_seconds / position.interval_steps,
            **{experiment.training_figure: train},
        )
        position.interval_nats = position.interval_seconds = 0.0
        position.interval_count = position.interval_steps = 0

    def _add_row(self, **figures: float) -> None:
        position = self.session.position
        row: dict[str, Any] = {
            "step": position.total_steps,
            "epoch": position.total_steps / self._experiment.steps_per_epoch,
            "seconds": position.seconds,
            **figures,
            **self._sizes(),
            **self._lengths(),
        }
        position.rows.append(row)
        self.journal.row(row)

    def _sizes(self) -> dict[str, int]:
        names, sizes = self.session.layer_names, self.session.hidden_sizes
        return {f"{SIZE}{name}": size for name, size in zip(names, sizes, strict=True)}

    def _lengths(self) -> dict[str, float]:
        lengths = self.session.group_lengths
        return {f"{LENGTH}{name}": float(own.median()) for name, own in lengths.items()}

    def _report(self) -> None:
        position, experiment = self.session.position, self._experiment
        train = experiment.training_value(position.epoch_nats, position.epoch_count)
        figures = {experiment.training_figure: f"{train:.2f}", "sizes": _sizes(self.session)}
        if position.best is not None:
            figures[f"best {experiment.quality.name}"] = f"{position.best:.2f}"
        self.journal.step(f"epoch {position.epoch + 1}/{self._config.epochs}", figures)

    def _save_if_due(self) -> None:
        # All processes of the run save or stop after the same mini-batch.
        asked, since = largest(self.stop.signal_number or 0, time.monotonic() - self._saved_at)
        if asked or since >= self.checkpoint_seconds:
            self._save()
        if asked:
            self.stop.signal_number = int(asked)
            self._stop_if_asked()

    def _stop_if_asked(self) -> None:
        if self.stop.signal_number is not None:
            raise Interrupted(
                self.stop.signal_number,
                f"stopped in epoch {self.session.position.epoch + 1}, step "
                f"{self.session.position.step}; everything is saved in {self.folder.path}: the "
                "same command continues",
            )

    def _save(self) -> None:
        self._tick()
        position = self.session.position
        position.peak_memory_bytes = max(position.peak_memory_bytes, peak_memory_bytes())
        document = self.session.to_document()
        if is_first():
            self.folder.check_there()
            save_document(self.folder.checkpoint, document)
        self._saved_at = time.monotonic()
        self._tick()  # writing is part of the run's time, not of the next mini-batch's


def log_columns(session: Session) -> list[str]:
    """Columns of a session's log; training figures are since the line before (or of the epoch)."""
    experiment = session.experiment
    return [
        *("step", "epoch", "seconds", "learning_rate"),
        experiment.training_figure,
        *experiment.validation_figures,
        *("gradient_norm", "milliseconds_per_step"),
        *(f"{SIZE}{layer}" for layer in session.layer_names),
        *(f"{LENGTH}{layer}" for layer in session.regularised_layers),
    ]


def _is_due(step: int, every: int) -> bool:
    return every > 0 and step % every == 0


def _title(name: str) -> str:
    return name.replace("_", " ")


def _sizes(session: Session) -> str:
    return "/".join(str(size) for size in session.hidden_sizes)
