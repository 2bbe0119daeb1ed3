"""The same search by Ray Tune, on this machine."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.training.conftest import TINY_ISS, set_options

pytest.importorskip("ray.tune", reason="the extra 'search' is not installed")


def search(data: Path, runs: Path) -> str:
    settings = (*TINY_ISS, "batch_size=5", "bptt_steps=12", "learning_rate=0.6", "epochs=2")
    where = ["--data", str(data), "--runs", str(runs), "--as", "tried", "--threads", "1"]
    command = ["search", "ptb-lstm-small-iss", *where, "--try", "lambda=0.02,0.05", "--ray"]
    result = subprocess.run(
        [sys.executable, "-m", "training", *command, "--reduction", "2", *set_options(*settings)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1", "RAY_USAGE_STATS_ENABLED": "0"},
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
