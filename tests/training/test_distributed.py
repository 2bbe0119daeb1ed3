"""Two processes, started by torchrun, come to what one comes to."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
import torch

from tests.training.conftest import TINY, TINY_ISS, run_command
from tests.training.question_answering.conftest import TINY_READER
from tests.training.question_answering.small_squad import write_squad, write_vectors
from tests.waiting import wait_until
from training.cli import main
from training.distributed import share

DENSE = "ptb-lstm-small-dense"
ISS = "ptb-lstm-small-iss"
UNEVEN = ("keep=1", "batch_size=5", "bptt_steps=12", "precision=fp32", "recurrent=fast")
"""Two streams for one process, three for the other."""
SHRINKING = (*TINY_ISS, "epochs=3", "lambda=0.05", "learning_rate=0.4", "tau=0.001", *UNEVEN)
"""At a higher learning rate the first steps are chaotic: they blow rounding up."""
GRU = (*SHRINKING, "cell=gru", "recurrent=torch")
HIGHWAY = (
    *("corpus=tiny", "hidden_sizes=30", "depth=2", "init_bound=0.2", "log_every=20"),
    *("lambda=0.1", "lambda_epochs=none", "lambda_after=0", "tau=0.001", "shrink_every=10"),
    *("learning_rate=0.4", "epochs=3", "flat_epochs=3"),
    *(f"dropout_{kind}=0" for kind in ("words", "inputs", "state", "output")),
    *UNEVEN[1:],
)
DROPPING = (*SHRINKING, "keep=0.9", "weight_drop=0.1", "lambda=0.02")
SPARSE = ("variant=set", "epsilon=1", "zeta=0.5", *UNEVEN)
ABORTED_AT_EXIT = "terminate called without an active exception"
"""Of gloo's threads, seldom, in a process that has done all and is exiting: torch does not always
end them in time (https://github.com/pytorch/pytorch/pull/179291)."""
READING = (*TINY_READER, "keep=1", "lambda=0.1")


def score(preset: str, name: str, data: Path, runs: Path, *settings: str) -> list[str]:
    return run_command(preset, name, data, runs, *TINY, *settings)


def answer(name: str, folder: Path, runs: Path) -> list[str]:
    vectors = ["--word-vectors", str(write_vectors(folder))]
    return [*run_command("squad-bidaf-iss", name, write_squad(folder), runs, *READING), *vectors]


def two_processes(
    *arguments: str, restarts: int = 0, program: str | None = None
) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [
            *(sys.executable, "-m", "torch.distributed.run", "--standalone"),
            *("--nproc-per-node", "2", "--max-restarts", str(restarts)),
            *(("--no-python", program) if program else ("-m", "tests.training.commands")),
            *arguments,
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1", "TORCH_DISABLE_SHARE_RDZV_TCP_STORE": "1"},
    )


def wait_for(process: subprocess.Popen[str], file: Path) -> None:
    wait_until(file.exists, str(file), seconds=300, process=process)


@contextmanager
def in_float64() -> Iterator[None]:
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(torch.float32)


@pytest.fixture(scope="module")
def one(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs of one process."""
    runs = tmp_path_factory.mktemp("one")
    with in_float64():
        assert main(score(DENSE, "dense", data, runs, *UNEVEN)) == 0
        assert main(score(ISS, "iss", data, runs, *SHRINKING)) == 0
        assert main(score(ISS, "gru", data, runs, *GRU)) == 0
        assert main(run_command("ptb-rhn-small-iss-0.004", "rhn", data, runs, *HIGHWAY)) == 0
        assert main(score(DENSE, "set", data, runs, *SPARSE)) == 0
    assert main(answer("reader", tmp_path_factory.mktemp("squad"), runs)) == 0
    return runs


@pytest.fixture(scope="module")
def two(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same runs of two processes, and one with drop-out."""
    runs = tmp_path_factory.mktemp("two")
    process = two_processes(
        *("float64", *score(DENSE, "dense", data, runs, *UNEVEN), "+"),
        *("float64", *score(ISS, "iss", data, runs, *SHRINKING), "+"),
        *("float64", *score(ISS, "gru", data, runs, *GRU), "+"),
        *("float64", *run_command("ptb-rhn-small-iss-0.004", "rhn", data, runs, *HIGHWAY), "+"),
        *("float64", *score(ISS, "dropping", data, runs, *DROPPING), "+"),
        *("float64", *score(DENSE, "set", data, runs, *SPARSE), "+"),
        *("float32", *answer("reader", tmp_path_factory.mktemp("squad"), runs)),
    )
    output, errors = process.communicate(timeout=300)
    assert process.returncode == 0 or ABORTED_AT_EXIT in errors, errors
    assert len(list(runs.glob("*/record.json"))) == 7
    assert output.count("\n") <= 7  # only one of them speaks
    return runs


def record(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / "record.json").read_text())
    return content


def assert_same(folder: Path, reference: Path, tolerance: float) -> None:
    """The same units left, and the same weights and figures."""
    for file in ("checkpoint.pt", "best.pt"):
        ours, theirs = torch.load(folder / file), torch.load(reference / file)
        assert ours["kept"] == theirs["kept"]
        for name, weight in theirs["weights"].items():
            torch.testing.assert_close(ours["weights"][name], weight, rtol=0, atol=tolerance)
    for mine, other in zip(record(folder)["epochs"], record(reference)["epochs"], strict=True):
        for name in ("train_perplexity", "valid_perplexity"):
            assert mine[name] == pytest.approx(other[name])
        assert mine["hidden_sizes"] == other["hidden_sizes"]


@pytest.mark.parametrize("name", ["dense", "iss", "gru", "rhn", "set"])
def test_two_processes_come_to_what_one_comes_to(name: str, one: Path, two: Path) -> None:
    assert_same(two / name, one / name, 1e-9)
    assert record(two / name)["processes"] == 2


@pytest.mark.parametrize(("name", "whole"), [("iss", 54), ("gru", 54), ("rhn", 30)])
def test_components_died_while_two_processes_trained(name: str, whole: int, two: Path) -> None:
    sizes = [sum(epoch["hidden_sizes"]) for epoch in record(two / name)["epochs"]]
    assert whole > sizes[1] >= sizes[2] > 2


def test_questions_are_shared(one: Path, two: Path) -> None:
    alone, shared = (record(runs / "reader")["epochs"] for runs in (one, two))
    for mine, other in zip(shared, alone, strict=True):
        assert mine["train_loss"] == pytest.approx(other["train_loss"], rel=1e-4)
        assert mine["hidden_sizes"] == other["hidden_sizes"]


@pytest.fixture(scope="module")
def interrupted(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run with drop-out, one process of which was killed, and one that was asked to stop."""
    runs = tmp_path_factory.mktemp("interrupted")
    often = ["--checkpoint-seconds", "0.05"]
    process = two_processes(
        *("float64", *score(ISS, "dropping", data, runs, *DROPPING), *often, "+"),
        *("float64", *score(ISS, "iss", data, runs, *SHRINKING), *often),
        restarts=1,
    )
    wait_for(process, runs / "dropping" / "checkpoint.pt")
    psutil.Process(process.pid).children()[0].kill()
    wait_for(process, runs / "iss" / "checkpoint.pt")
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=300)
    assert process.returncode != 0
    assert errors.count("everything is saved") == 1
    return runs


def test_a_killed_process_is_replaced_and_changes_nothing(interrupted: Path, two: Path) -> None:
    assert "continuing after step" in (interrupted / "dropping" / "training.log").read_text()
    assert_same(interrupted / "dropping", two / "dropping", 0)


def test_one_process_goes_on_where_two_were_stopped(
    interrupted: Path, one: Path, data: Path
) -> None:
    folder = interrupted / "iss"
    assert not (folder / "record.json").exists()
    state = torch.load(folder / "checkpoint.pt")["state"]
    assert state[0][0].shape[1] == 5  # streams of both
    with in_float64():
        assert main(score(ISS, "iss", data, interrupted, *SHRINKING)) == 0
    assert_same(folder, one / "iss", 1e-9)


def test_a_process_with_other_data_stops_all(data: Path, tmp_path: Path) -> None:
    for rank in ("0", "1"):
        shutil.copytree(data, tmp_path / rank)
    with (tmp_path / "1" / "tiny" / "tiny.test.txt").open("a") as file:
        file.write("the cat sees N shares\n")
    arguments = score(DENSE, "dense", tmp_path / "RANK", tmp_path / "runs", *UNEVEN)
    own_data = 'exec "$0" -m tests.training.commands float32 "${@/%RANK/$RANK}"'
    process = two_processes("-c", own_data, sys.executable, *arguments, program="bash")
    _, errors = process.communicate(timeout=300)
    assert process.returncode != 0
    assert errors.count("error: process 1 has other data than process 0: let --data") == 2
    assert not (tmp_path / "runs" / "dense" / "training.log").exists()


@pytest.mark.parametrize("count", [0, 1, 20])
def test_a_process_that_is_alone_has_all(count: int) -> None:
    assert list(range(count))[share(count)] == list(range(count))
