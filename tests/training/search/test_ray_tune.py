"""The same search by Ray Tune, on this machine."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.training.conftest import TINY_ISS, set_options
from tests.waiting import wait_until
from training.run_folder import RunFolder
from training.search.progress import epochs_done

pytest.importorskip("ray.tune", reason="the extra 'search' is not installed")


ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "RAY_USAGE_STATS_ENABLED": "0"}


def command(data: Path, runs: Path, epochs: int) -> list[str]:
    settings = (*TINY_ISS, "batch_size=5", "bptt_steps=12", "learning_rate=0.6", f"epochs={epochs}")
    where = ["--data", str(data), "--runs", str(runs), "--as", "tried", "--threads", "1"]
    search = ["search", "ptb-lstm-small-iss", *where, "--try", "lambda=0.02,0.05", "--ray"]
    more = ["--reduction", "2", *set_options(*settings)]
    return [sys.executable, "-m", "training", *search, *more]


def search(data: Path, runs: Path, epochs: int = 2) -> str:
    result = subprocess.run(
        command(data, runs, epochs), capture_output=True, text=True, check=False, env=ENVIRONMENT
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_trials_are_ordinary_runs_and_are_not_run_again(data: Path, tmp_path: Path) -> None:
    table = search(data, tmp_path).split("\n\n")[-2]
    assert "lambda-0.02" in table
    assert "lambda-0.05" in table
    record = tmp_path / "tried" / "lambda-0.02" / "record.json"
    assert json.loads(record.read_text())["config"]["lambda"] == 0.02
    before = {path: path.stat().st_mtime_ns for path in tmp_path.glob("tried/*/*.pt")}
    assert len(before) >= 2
    assert search(data, tmp_path).split("\n\n")[-2] == table
    assert {path: path.stat().st_mtime_ns for path in tmp_path.glob("tried/*/*.pt")} == before


def epochs_of(runs: Path) -> dict[str, int]:
    """How many epochs each trial has done."""
    folders = {path.parent for path in runs.glob("tried/lambda-*/checkpoint.pt")}
    return {folder.name: len(epochs_done(RunFolder(folder))) for folder in folders}


def test_a_search_that_was_stopped_goes_on(data: Path, tmp_path: Path) -> None:
    epochs = 40
    process = subprocess.Popen(
        command(data, tmp_path, epochs), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        env=ENVIRONMENT,
    )  # fmt: skip
    try:
        wait_until(
            lambda: any(epochs_of(tmp_path).values()), "a first epoch", seconds=120, process=process
        )
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) != 0
    finally:
        process.kill()
    assert max(epochs_of(tmp_path).values()) < epochs

    table = search(data, tmp_path, epochs).split("\n\n")[-2]
    assert "lambda-0.02" in table
    assert "lambda-0.05" in table
    assert max(epochs_of(tmp_path).values()) == epochs
    for log in tmp_path.glob("tried/lambda-*/training.log"):
        trained = re.findall(r" epoch (\d+)/\d+: train", log.read_text())
        assert len(trained) == len(set(trained))  # none of them twice
