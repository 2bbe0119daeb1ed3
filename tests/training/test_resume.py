"""A run that was killed, however often and wherever, ends exactly as an unbroken one."""

import csv
import json
import random
import signal
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.training.conftest import TINY, TINY_ISS, run_command, tiny, training_process
from tests.waiting import wait_until
from training.cli import main
from training.errors import RunError
from training.experiment import Paths
from training.run import RunOptions, run

PRESET = "ptb-lstm-small-iss"
ISS = (*TINY_ISS, "tau=0.001", "momentum=0.3", "weight_drop=0.1", "dropout_words=0.1")
"""With momentum, to be shrunk as well, and all kinds of drop-out."""


def command(name: str, data: Path, runs: Path, *more: str) -> list[str]:
    return run_command(PRESET, name, data, runs, *TINY, *ISS, *more)


def start(name: str, data: Path, runs: Path, *more: str) -> Any:
    """A process of its own, to be interrupted."""
    return training_process(*command(name, data, runs, *more), "--checkpoint-seconds", "0.05")


def finish(name: str, data: Path, runs: Path, *more: str) -> None:
    assert main(command(name, data, runs, *more)) == 0


def interrupt_in_training(process: Any, folder: Path, delay: float, number: int) -> None:
    """Send a signal ``delay`` seconds after the run's first (or next) checkpoint."""
    checkpoint = folder / "checkpoint.pt"
    before = checkpoint.stat().st_mtime_ns if checkpoint.exists() else 0
    wait_until(
        lambda: checkpoint.exists() and checkpoint.stat().st_mtime_ns != before,
        "a new checkpoint",
        process=process,
    )
    time.sleep(delay)
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    assert not (folder / "record.json").exists()
    assert "Traceback" not in errors
    if number == signal.SIGKILL:
        assert process.returncode == -number
    else:
        assert process.returncode == 128 + number
        assert "everything is saved" in errors
        assert "the same command continues" in errors


def results(folder: Path) -> dict[str, Any]:
    """All that must not depend on interruptions: weights, figures, log; times left out."""
    weights = {
        f"{file}: {name}": tensor
        for file in ("checkpoint.pt", "best.pt")
        for name, tensor in torch.load(folder / file)["weights"].items()
    }
    record = json.loads((folder / "record.json").read_text())
    timed = ("seconds", "milliseconds_per_step")
    epochs = [{k: v for k, v in e.items() if k not in timed} for e in record["epochs"]]
    with (folder / "log.csv").open() as file:
        rows = [{k: v for k, v in r.items() if k not in timed} for r in csv.DictReader(file)]
    kept = ("metrics", "hidden_sizes", "steps", "best_epoch", "parameters")
    return {"weights": weights, "epochs": epochs, "rows": rows, **{k: record[k] for k in kept}}


def assert_same(broken: dict[str, Any], unbroken: dict[str, Any]) -> None:
    ours, theirs = broken.pop("weights"), unbroken.pop("weights")
    assert ours.keys() == theirs.keys()
    for name, tensor in theirs.items():
        assert torch.equal(ours[name], tensor), name
    assert broken == unbroken


def test_a_killed_run_ends_as_an_unbroken_one(data: Path, tmp_path: Path) -> None:
    finish("unbroken", data, tmp_path)
    moments = random.Random(7)
    for number in (signal.SIGKILL, signal.SIGTERM):
        process = start("broken", data, tmp_path)
        interrupt_in_training(process, tmp_path / "broken", moments.uniform(0, 0.2), number)
    finish("broken", data, tmp_path)
    unbroken = results(tmp_path / "unbroken")
    assert 2 < sum(unbroken["hidden_sizes"]) < 54
    assert_same(results(tmp_path / "broken"), unbroken)
    assert not list(tmp_path.rglob("*.partial"))


def test_a_finished_run_goes_on_under_a_longer_schedule(data: Path, tmp_path: Path) -> None:
    finish("unbroken", data, tmp_path, "epochs=2")
    finish("longer", data, tmp_path, "epochs=1")
    finish("longer", data, tmp_path, "epochs=2")
    assert_same(results(tmp_path / "longer"), results(tmp_path / "unbroken"))


def test_a_checkpoint_of_another_config_is_not_gone_on_from(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    finish("edited", data, tmp_path, "epochs=1")
    config_file = tmp_path / "edited" / "config.json"
    config = json.loads(config_file.read_text())
    config_file.write_text(json.dumps(config | {"keep": 0.5, "epochs": 2}))
    (tmp_path / "edited" / "record.json").unlink()
    assert main(command("edited", data, tmp_path, "epochs=2", "keep=0.5")) == 2
    assert "checkpoint.pt is of another config than" in capsys.readouterr().err


def test_a_run_whose_folder_is_moved_is_not_begun_anew_in_its_place(
    data: Path, tmp_path: Path
) -> None:
    where = RunOptions(
        paths=Paths(data, tmp_path / "cache"),
        runs=tmp_path,
        name="here",
        device=torch.device("cpu"),
    )
    here, there = tmp_path / "here", tmp_path / "there"
    quiet = tiny(PRESET, "log_every=9999")  # a line of the log would tell of the folder first

    def move(_: object) -> None:
        here.rename(there)

    with pytest.raises(RunError, match=r"here is gone .*: was it moved\?"):
        run(quiet, where, move)
    assert not here.exists()
    assert len(run(quiet, replace(where, name="there"))["epochs"]) == 2
