"""The training loop: epochs of mini-batches, checkpoints, live shrinking, validation."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import Any

from issrnn.vocabulary import END
from training.checkpoint import save_document
from training.corpus import Corpus
from training.errors import Interrupted, RunError
from training.evaluation import perplexity
from training.journal import Journal
from training.run_folder import RunFolder
from training.session import Session
from training.step import remove_dead_, train_step
from training.stopping import StopRequest
from training.streams import Streams

__all__ = ["VALIDATION_STREAMS", "Loop", "log_columns"]

VALIDATION_STREAMS = 20
"""Streams the validation split is cut into after each epoch; the record's figures use 1."""

_HOPELESS = 100.0
"""Nats a word: ten times those of guessing, from where nothing comes back."""


@dataclass(eq=False)
class Loop:
    """Trains a session to its end, or until it is asked to stop."""

    session: Session
    corpus: Corpus
    folder: RunFolder
    journal: Journal
    stop: StopRequest
    checkpoint_seconds: float
    """Longest time between two checkpoints."""

    def __post_init__(self) -> None:
        config = self.session.config
        self._streams = Streams.for_training(
            self.corpus.train, config.batch_size, config.bptt_steps
        )
        self._saved_at = time.monotonic()
        self._clock = time.monotonic()

    def run(self) -> None:
        """All epochs that are left.

        Raises:
            Interrupted: After a signal, with everything saved.
            RunError: If the loss is no number any more or the disk is full.
        """
        self._clock = time.monotonic()
        while self.session.position.epoch < self.session.config.epochs:
            self._train_epoch()
            self._finish_epoch()

    def _train_epoch(self) -> None:
        session, position = self.session, self.session.position
        learning_rate = session.config.learning_rate_in(position.epoch)
        while position.step < len(self._streams):
            inputs, targets = self._streams.stretch(position.step)
            inputs, targets = inputs.to(session.device), targets.to(session.device)
            nats, norm = train_step(session, inputs, targets, learning_rate)
            if not nats < _HOPELESS * targets.numel():  # true of NaN as well
                raise RunError(
                    f"training diverged in step {position.total_steps + 1}, loss {nats:.3g}: lower "
                    f"learning_rate (now {learning_rate:g}) or clip (now {session.config.clip:g})"
                )
            self._count(nats, targets.numel())
            if _is_due(position.total_steps, session.config.shrink_every):
                self._shrink()
            if _is_due(position.total_steps, session.config.log_every):
                self._log_interval(learning_rate, norm)
            self._report()
            self._save_if_due()

    def _finish_epoch(self) -> None:
        """Validate, keep the best weights, and close the books of the epoch."""
        session, position = self.session, self.session.position
        self._shrink()
        self._save()  # validation can take minutes: a kill in it must not cost the epoch
        valid = perplexity(
            session.model,
            self.corpus.valid,
            self.corpus.vocabulary.ids[END],
            batch_size=VALIDATION_STREAMS,
            precision=session.config.product_precision,
            between=lambda *_: self._stop_if_asked(),
        )
        self._tick()
        learning_rate = session.config.learning_rate_in(position.epoch)
        train = _perplexity(position.epoch_nats, position.epoch_words)
        milliseconds = 1e3 * position.epoch_seconds / len(self._streams)
        summary: dict[str, Any] = {
            "epoch": position.epoch + 1,
            "learning_rate": learning_rate,
            "train_perplexity": train,
            "valid_perplexity": valid,
            "hidden_sizes": list(session.hidden_sizes),
            "seconds": position.epoch_seconds,
            "milliseconds_per_step": milliseconds,
        }
        position.epochs.append(summary)
        self._add_row(learning_rate=learning_rate, train_perplexity=train, valid_perplexity=valid)
        position.epoch += 1
        position.step = position.epoch_words = 0
        position.epoch_nats = position.epoch_seconds = 0.0
        session.state = None
        if valid < position.best_valid or not position.best_epoch:
            position.best_valid, position.best_epoch = valid, position.epoch
            save_document(
                self.folder.best,
                {
                    **session.weights_document(),
                    "epoch": position.epoch,
                    "valid_perplexity": valid,
                },
            )
        self._save()
        self.journal.say(
            f"epoch {summary['epoch']}/{session.config.epochs}: "
            f"train {train:.2f}, valid {valid:.2f}, sizes {_sizes(session)}, "
            f"{summary['seconds']:.0f} s ({milliseconds:.0f} ms a step), lr {learning_rate:.4g}"
        )

    def _count(self, nats: float, words: int) -> None:
        position = self.session.position
        seconds = self._tick()
        position.step += 1
        position.total_steps += 1
        position.epoch_nats += nats
        position.epoch_words += words
        position.epoch_seconds += seconds
        position.interval_nats += nats
        position.interval_words += words
        position.interval_seconds += seconds

    def _tick(self) -> float:
        """Seconds since the last call, added to the run's wall time."""
        now = time.monotonic()
        seconds, self._clock = now - self._clock, now
        self.session.position.seconds += seconds
        return seconds

    def _shrink(self) -> None:
        if self.session.config.shrink_every and remove_dead_(self.session):
            self.session.position.epoch_seconds += self._tick()

    def _log_interval(self, learning_rate: float, norm: float) -> None:
        position = self.session.position
        self._add_row(
            learning_rate=learning_rate,
            train_perplexity=_perplexity(position.interval_nats, position.interval_words),
            gradient_norm=norm,
            milliseconds_per_step=1e3
            * position.interval_seconds
            / (position.interval_words / self._words_per_step()),
        )
        position.interval_nats = position.interval_seconds = 0.0
        position.interval_words = 0

    def _words_per_step(self) -> int:
        return self.session.config.batch_size * self.session.config.bptt_steps

    def _add_row(self, **figures: float) -> None:
        position = self.session.position
        row: dict[str, Any] = {
            "step": position.total_steps,
            "epoch": position.total_steps / len(self._streams),
            "seconds": position.seconds,
            **figures,
            **{f"size_{n}": size for n, size in enumerate(self.session.hidden_sizes, start=1)},
        }
        position.rows.append(row)
        self.journal.row(row)

    def _report(self) -> None:
        position, config = self.session.position, self.session.config
        self.journal.step(
            f"epoch {position.epoch + 1}/{config.epochs}",
            {
                "ppl": f"{_perplexity(position.epoch_nats, position.epoch_words):.1f}",
                "best valid": f"{position.best_valid:.2f}",
                "sizes": _sizes(self.session),
            },
        )

    def _save_if_due(self) -> None:
        self._stop_if_asked(save=True)
        if time.monotonic() - self._saved_at >= self.checkpoint_seconds:
            self._save()

    def _stop_if_asked(self, *, save: bool = False) -> None:
        if self.stop.signal_number is not None:
            if save:
                self._save()
            raise Interrupted(
                self.stop.signal_number,
                f"stopped in epoch {self.session.position.epoch + 1}, step "
                f"{self.session.position.step}; everything is saved in {self.folder.path}: the "
                "same command continues",
            )

    def _save(self) -> None:
        self._tick()
        save_document(self.folder.checkpoint, self.session.to_document())
        self._saved_at = time.monotonic()
        self._tick()  # writing is part of the run's time, not of the next mini-batch's


def log_columns(layers: int) -> list[str]:
    """Columns of the log; perplexities are since the line before (or of the epoch)."""
    return [
        *("step", "epoch", "seconds", "learning_rate", "train_perplexity", "valid_perplexity"),
        *("gradient_norm", "milliseconds_per_step"),
        *(f"size_{layer}" for layer in range(1, layers + 1)),
    ]


def _is_due(step: int, every: int) -> bool:
    return every > 0 and step % every == 0


def _perplexity(nats: float, words: int) -> float:
    return math.exp(min(nats / words, 700.0)) if words else math.nan


def _sizes(session: Session) -> str:
    return "/".join(str(size) for size in session.hidden_sizes)
