"""What a run writes while it trains: CSV, TensorBoard events, log lines and a progress bar."""

from __future__ import annotations

import csv
import logging
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from torch.utils.tensorboard import SummaryWriter
from tqdm import tqdm

from training.errors import RunError, reason
from training.progress import progress_bar
from training.run_folder import RunFolder

__all__ = ["Journal", "NoJournal"]

Row = Mapping[str, Any]


class Journal:
    """The open log files of a run; use it as a context manager.

    A resumed run goes on from the rows its checkpoint holds: later ones, which a killed process
    wrote, are dropped and come again.
    """

    def __init__(
        self,
        folder: RunFolder,
        columns: Sequence[str],
        rows: Sequence[Row],
        *,
        done_steps: int,
        total_steps: int,
    ) -> None:
        """Open the files.

        Args:
            folder: Where they are.
            columns: Of the CSV file.
            rows: Lines of the log so far.
            done_steps: Mini-batches done so far.
            total_steps: Mini-batches of the whole run.

        Raises:
            RunError: If one cannot be written.
        """
        self._columns = columns
        try:
            self._csv = _rewrite(folder.csv, columns, rows)
            self._events = SummaryWriter(str(folder.tensorboard), purge_step=done_steps + 1)
            self._logger, self._handler = _open_log(folder.log)
        except OSError as error:
            raise RunError(f"cannot write in {folder.path}: {reason(error)}") from error
        self._bar = progress_bar("", total_steps, "step", done_steps)

    def __enter__(self) -> Self:
        self._thread_hook = threading.excepthook
        threading.excepthook = self._after_thread
        return self

    def _after_thread(self, args: threading.ExceptHookArgs) -> None:
        """Keep TensorBoard's thread from printing a full disk: its next call raises the same."""
        if not isinstance(args.exc_value, OSError):
            self._thread_hook(args)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._bar.close()
        self._logger.removeHandler(self._handler)
        failures = []
        for close in (self._csv.close, self._events.close, self._handler.close):
            try:
                close()
            except OSError as failure:  # what was not written yet finds no room
                failures.append(failure)
        threading.excepthook = self._thread_hook
        if failures and error is None:
            raise RunError(f"cannot write the log: {reason(failures[0])}") from failures[0]

    def step(self, description: str, figures: Mapping[str, str]) -> None:
        """One mini-batch is done."""
        self._bar.set_description(description, refresh=False)
        self._bar.set_postfix(figures, refresh=False)
        self._bar.update()

    def row(self, row: Row) -> None:
        """Add a line to the CSV file and its figures to TensorBoard.

        Raises:
            RunError: If the disk is full.
        """
        try:
            csv.DictWriter(self._csv, self._columns).writerow(row)
            self._csv.flush()
            for name, value in row.items():
                if isinstance(value, int | float) and name != "step":
                    self._events.add_scalar(name, value, row["step"])
        except OSError as error:
            raise RunError(f"cannot write the log: {reason(error)}") from error

    def say(self, message: str) -> None:
        """A line for people, on stderr and in the log file."""
        tqdm.write(message, file=sys.stderr)
        self.log(message)

    def log(self, message: str) -> None:
        """A line in the log file; lost if the disk is full."""
        self._logger.info(message)


class NoJournal(Journal):
    """That of a process that writes nothing, since another writes for it."""

    def __init__(self) -> None:
        """Open nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        pass

    def step(self, description: str, figures: Mapping[str, str]) -> None:
        """Do nothing; so do the others."""

    def row(self, row: Row) -> None:
        """Do nothing."""

    def log(self, message: str) -> None:
        """Do nothing."""

    def say(self, message: str) -> None:
        """Do nothing."""


def _rewrite(path: Path, columns: Sequence[str], rows: Sequence[Row]) -> Any:
    file = path.open("w", encoding="utf-8", newline="")
    writer = csv.DictWriter(file, columns)
    writer.writeheader()
    writer.writerows(rows)
    file.flush()
    return file


class _LogFile(logging.FileHandler):
    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        """Print no traceback of a full disk, which the next checkpoint says in one line."""
        if not isinstance(sys.exception(), OSError):
            super().handleError(record)


def _open_log(path: Path) -> tuple[logging.Logger, logging.Handler]:
    handler = _LogFile(path, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    logger = logging.getLogger("training")
    logger.setLevel(logging.INFO)
    logger.propagate = False
    logger.addHandler(handler)
    return logger, handler
