"""Trials are compared at rungs, the worse ones stop, and nothing that is done is done again."""

import json
import signal
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch

from tests.training.conftest import TINY_ISS, set_options, tiny, training_process
from tests.waiting import wait_until
from training.checkpoint import load_document
from training.cli import main
from training.errors import ConfigError, Interrupted
from training.experiment import Paths
from training.loop import Enough
from training.run import RunOptions, run
from training.search.halving import Halving

FAST = (*TINY_ISS, "batch_size=5", "bptt_steps=12", "learning_rate=0.6", "epochs=3")
PRESET = "ptb-lstm-small-iss"
LAMBDAS = "lambda=0.02,0.03,0.05"
"""The smaller, the better after an epoch."""


def arguments(data: Path, runs: Path, *more: str) -> list[str]:
    where = ["--data", str(data), "--runs", str(runs), "--threads", "1", "--as", "tried"]
    return ["search", PRESET, *where, "--reduction", "2", *set_options(*FAST), *more]


def epochs(runs: Path) -> dict[str, int]:
    """Done by each trial."""
    files = (runs / "tried").glob("*/checkpoint.pt")
    return {path.parent.name: load_document(path)["position"]["epoch"] for path in files}


@pytest.fixture(scope="module")
def runs(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a finished search."""
    folder = tmp_path_factory.mktemp("runs")
    assert main(arguments(data, folder, "--try", LAMBDAS)) == 0
    return folder


def test_rungs_are_powers_and_the_end() -> None:
    assert Halving(1, 3).rungs(18) == [1, 3, 9, 18]
    assert Halving(2, 2).rungs(8) == [2, 4, 8]
    assert Halving(5, 3).rungs(5) == [5]
    assert Halving(1, 1).rungs(18) == [18]
    with pytest.raises(ConfigError, match="--grace 4 is above the 3 epochs"):
        Halving(4, 2).rungs(3)


def test_the_worse_trials_are_stopped(runs: Path) -> None:
    assert epochs(runs) == {"lambda-0.02": 3, "lambda-0.03": 1, "lambda-0.05": 1}
    assert [path.parent.name for path in runs.glob("tried/*/record.json")] == ["lambda-0.02"]


def test_a_trial_that_paused_at_rungs_is_the_same_run(
    runs: Path, data: Path, tmp_path: Path
) -> None:
    where = ["--data", str(data), "--runs", str(tmp_path), "--threads", "1", "--as", "unbroken"]
    assert main(["run", PRESET, *where, *set_options(*FAST, "lambda=0.02")]) == 0
    paused, unbroken = (
        torch.load(folder / "checkpoint.pt")["weights"]
        for folder in (runs / "tried" / "lambda-0.02", tmp_path / "unbroken")
    )
    for name, weight in unbroken.items():
        assert paused[name].equal(weight), name


def test_a_search_that_is_done_trains_nothing(
    runs: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {path: path.stat().st_mtime_ns for path in runs.glob("tried/*/*.pt")}
    assert main(arguments(data, runs, "--try", LAMBDAS)) == 0
    assert {path: path.stat().st_mtime_ns for path in runs.glob("tried/*/*.pt")} == before
    assert "1 epochs: 3 trials, best lambda-0.02 (valid perplexity" in capsys.readouterr().out


def test_a_search_says_that_there_are_fewer_trials(
    runs: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments(data, runs, "--try", LAMBDAS, "--trials", "5")) == 0
    assert capsys.readouterr().out.startswith("3 trials instead of 5: no more of them differ\n")


def test_other_settings_beside_what_is_tried_are_another_search(
    runs: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments(data, runs, "--try", LAMBDAS, "--set", "clip=3")) == 2
    assert "clip=5.0 (asked: 3.0)" in capsys.readouterr().err


def test_a_search_goes_on_where_it_was_stopped(data: Path, tmp_path: Path) -> None:
    options = arguments(data, tmp_path, "--try", "lambda=0.02,0.03", "--reduction", "1")
    process = training_process(*options)
    finished = tmp_path / "tried" / "lambda-0.02" / "record.json"
    second = tmp_path / "tried" / "lambda-0.03" / "checkpoint.pt"
    wait_until(second.exists, "the second trial's checkpoint", seconds=300, process=process)
    process.send_signal(signal.SIGTERM)
    output, errors = process.communicate(timeout=300)
    assert process.returncode == 128 + signal.SIGTERM
    assert "the same command continues" in errors
    assert "| lambda-0.02 |" in output
    before = finished.stat().st_mtime_ns
    assert main(options) == 0
    assert set(epochs(tmp_path).values()) == {3}
    assert finished.stat().st_mtime_ns == before


@pytest.mark.skipif(find_spec("ray") is not None, reason="Ray is installed")
def test_ray_is_optional(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments(data, tmp_path, "--try", LAMBDAS, "--ray")) == 2
    assert "--ray needs the packages of the extra 'search'" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_trial_that_diverges_is_the_worst(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tried = ("--try", "learning_rate=1e30,0.6", "--set", "clip=1e30", "--set", "epochs=2")
    assert main(arguments(data, tmp_path, *tried)) == 0
    assert "learning_rate-1e30: training diverged" in capsys.readouterr().out
    last = (tmp_path / "tried" / "results.md").read_text().split("| learning_rate-1e30 |")[1]
    cells = [cell.strip() for cell in last.splitlines()[0].split("|")]
    assert cells[1:] == ["0/2", "diverged", "30/24", "", "", "", ""]  # the last: after the row
    [record] = tmp_path.glob("tried/*/record.json")
    assert json.loads(record.read_text())["config"]["learning_rate"] == 0.6


def test_a_trial_that_diverged_is_not_trained_again(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tried = ("--try", "learning_rate=1e30,0.6", "--set", "clip=1e30", "--set", "epochs=2")
    assert main(arguments(data, tmp_path, *tried)) == 0
    (log,) = tmp_path.glob("tried/learning_rate-1e30/training.log")
    before = log.read_text()
    capsys.readouterr()
    assert main(arguments(data, tmp_path, *tried)) == 0
    assert "learning_rate-1e30: training diverged" in capsys.readouterr().out
    assert log.read_text() == before


def test_a_trial_that_diverged_under_other_settings_is_trained(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def search(clip: str) -> str:
        tried = ("--try", "learning_rate=1e30", "--set", f"clip={clip}", "--set", "epochs=1")
        main(arguments(data, tmp_path, *tried))
        return capsys.readouterr().out

    assert "training diverged" in search("1e30")
    assert "training diverged" not in search("1e-40")


ONE_EPOCH = ("epochs=1", "batch_size=20", "bptt_steps=20")


def test_a_signal_while_the_record_is_written_ends_the_search(
    data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def interrupted(*_: object) -> None:
        signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr("training.run.plot_run", interrupted)
    options = arguments(data, tmp_path, "--try", "lambda=0.02,0.03", *set_options(*ONE_EPOCH))
    assert main(options) == 128 + signal.SIGTERM
    assert "lambda-0.02 is complete" in capsys.readouterr().err
    assert [path.parent.name for path in tmp_path.glob("tried/*/config.json")] == ["lambda-0.02"]
    assert (tmp_path / "tried" / "lambda-0.02" / "record.json").exists()


def test_a_signal_at_the_very_end_of_a_rung_ends_the_search(data: Path, tmp_path: Path) -> None:
    def enough(_: object) -> None:
        signal.raise_signal(signal.SIGINT)
        raise Enough

    where = RunOptions(
        paths=Paths(data, tmp_path / "cache"),
        runs=tmp_path,
        name="tried",
        device=torch.device("cpu"),
    )
    with pytest.raises(Interrupted, match="the same command continues") as stopped:
        run(tiny(PRESET, *ONE_EPOCH, "epochs=2"), where, enough)
    assert stopped.value.signal_number == signal.SIGINT
