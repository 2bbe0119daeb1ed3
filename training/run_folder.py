"""The folder of one run: where its files are, and that only one process trains in it."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from issrnn import artifact
from training.checkpoint import load_document
from training.config import RunConfig
from training.errors import RunError, reason
from training.files import read_json, remove_leftovers, write_json
from training.tasks import parse_config

__all__ = ["RunFolder", "epochs_begun"]


class RunFolder:
    """Names of a run's files, and their reading and writing as a whole."""

    def __init__(self, path: Path) -> None:
        """Refer to a folder, which need not exist yet.

        Args:
            path: ``RUNS/NAME``.
        """
        self.path = path
        self.config_file = path / "config.json"
        self.checkpoint = path / "checkpoint.pt"
        """The complete state of training, to continue from."""
        self.best = path / "best.pt"
        """Weights with the best figure of the validation split."""
        self.shrunk = path / "shrunk.pt"
        """What ``python -m training shrink`` made of the best weights."""
        self.record_file = path / "record.json"
        self.csv = path / "log.csv"
        self.log = path / "training.log"
        self.plot = path / "plot.png"
        self.tensorboard = path / "tensorboard"

    @property
    def name(self) -> str:
        """Name of the run."""
        return self.path.name

    @contextmanager
    def opened_for(self, config: RunConfig) -> Iterator[None]:
        """Hold the folder for one run of this config; make it where it does not exist.

        What another config left there stays until `take_over`.

        Raises:
            RunError: If another process trains in it, it holds a run of another config or an
                artifact, or it cannot be locked or written.
        """
        try:
            self._refuse_artifact()
            self.path.mkdir(parents=True, exist_ok=True)
            lock = (self.path / ".lock").open("wb")
        except OSError as error:
            raise RunError(f"cannot write the run folder {self.path}: {reason(error)}") from error
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise RunError(f"another process is training in {self.path}") from error
            except OSError as error:
                raise RunError(
                    f"cannot lock {lock.name}: {reason(error)}; let --runs name a folder of a file "
                    "system with locks"
                ) from error
            remove_leftovers(self.path)
            self._admit(config)
            yield

    def read_config(self) -> RunConfig:
        """The config of the run.

        Raises:
            RunError: If there is no run in this folder.
        """
        self._refuse_artifact()
        return parse_config(self._read(self.config_file), str(self.config_file))

    def read_record(self) -> dict[str, Any]:
        """The record of a finished run.

        Raises:
            RunError: If it is not finished, or none is there.
        """
        self._refuse_artifact()
        if not self.record_file.exists() and self.config_file.exists():
            raise RunError(f"the run in {self.path} is not finished; the same `run` continues it")
        record: dict[str, Any] = self._read(self.record_file)
        return record

    def check_there(self) -> None:
        """Check, before writing, that the folder of a run in progress still is where it was.

        A write would make it anew, with a part of the run that nothing can go on from.

        Raises:
            RunError: If it was moved or deleted.
        """
        try:
            self.config_file.stat()
        except OSError as error:
            raise RunError(
                f"{self.path} is gone ({self.config_file.name}: {reason(error)}): was it moved? "
                "`run` with --runs and --as of its new place continues it"
            ) from error

    def is_finished(self, config: RunConfig) -> bool:
        """Whether it holds the record of a run of this config, not of one it goes on from.

        Raises:
            RunError: If a file is damaged.
        """
        return self.record_file.exists() and self.read_config() == config

    def take_over(self, config: RunConfig) -> None:
        """Make it the folder of this config, by which `opened_for` has opened it.

        The results of a config that this one goes on from are no longer those of the run.

        Raises:
            RunError: If it cannot be written.
        """
        if self.read_config() == config:
            return
        for result in (self.record_file, self.shrunk):
            result.unlink(missing_ok=True)
        self._write(config)

    def _refuse_artifact(self) -> None:
        """An artifact has a ``config.json`` too: not to be taken for a run's, nor replaced by one.

        Raises:
            RunError: If the folder is an artifact's.
        """
        if (self.path / artifact.WEIGHTS_FILE).exists():
            raise RunError(f"{self.path} is an artifact, no run: name the run it was made of")

    def _admit(self, config: RunConfig) -> None:
        """Check that a config may have the folder: if it is new, or nothing that was done is lost.

        Before its first checkpoint a run may get any; later, one that goes on from what was done.
        """
        begun = self.checkpoint.exists() or self.best.exists() or self.record_file.exists()
        if not (begun and self.config_file.exists()):
            self._write(config)
            return
        former = self.read_config()
        old, asked = former.to_document(), config.to_document()
        differences = [
            f"{name}={old.get(name)} (asked: {asked[name]})"
            for name in asked
            if old.get(name) != asked[name]
        ]
        if not differences:
            return
        if not (
            self.checkpoint.exists()
            and config.goes_on_from(former, epochs_begun(load_document(self.checkpoint)))
        ):
            raise RunError(
                f"{self.path} holds a run with {', '.join(differences)}; "
                "give this one a name of its own with --as"
            )

    def _write(self, config: RunConfig) -> None:
        write_json(self.config_file, config.to_document())

    def _read(self, path: Path) -> Any:
        if not path.exists():
            raise RunError(f"no run in {self.path}: there is no {path.name}")
        return read_json(path)


def epochs_begun(checkpoint: Mapping[str, Any]) -> int:
    """How many epochs of a run have a mini-batch behind them."""
    position = checkpoint["position"]
    return int(position["epoch"]) + int(position["step"] > 0)
