"""The command line: every failure is one line and exit code 2, and leaves nothing behind."""

import errno
import fcntl
import json
import os
import shutil
from pathlib import Path

import pytest

from tests.training.conftest import TINY, files_limited_to, run_command, write_corpus
from training.cli import main
from training.presets import PRESETS


def run(data: Path, runs: Path, preset: str, *more: str, name: str = "first") -> int:
    return main(run_command(preset, name, data, runs, *TINY, *more))


@pytest.fixture(scope="module")
def runs(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one finished run, ``first``."""
    folder = tmp_path_factory.mktemp("runs")
    assert run(data, folder, "ptb-lstm-small-dense") == 0
    return folder


def test_a_run_leaves_everything_a_reader_needs(runs: Path) -> None:
    files = {path.name for path in (runs / "first").iterdir()} - {".lock"}
    assert files == {
        *("config.json", "checkpoint.pt", "best.pt", "record.json", "log.csv"),
        *("training.log", "plot.png", "tensorboard"),
    }
    record = json.loads((runs / "first" / "record.json").read_text())
    assert record["hidden_sizes"] == [12, 10]
    assert len(record["epochs"]) == record["config"]["epochs"] == 2
    assert 50e6 < record["peak_memory_bytes"] < 50e9  # torch alone takes more than the first
    assert 1 < record["metrics"]["test_perplexity"] < 20
    assert set(record["data_sha256"]) == {f"tiny.{s}.txt" for s in ("train", "valid", "test")}
    assert (runs / "first" / "plot.png").read_bytes().startswith(b"\x89PNG")
    assert list((runs / "first" / "tensorboard").glob("events.*"))
    assert "epoch 2/2: train" in (runs / "first" / "training.log").read_text()


def test_a_finished_run_is_not_run_again(
    runs: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = (runs / "first" / "checkpoint.pt").stat().st_mtime_ns
    assert run(data, runs, "ptb-lstm-small-dense") == 0
    assert "first: lambda 0, valid" in capsys.readouterr().out
    assert (runs / "first" / "checkpoint.pt").stat().st_mtime_ns == before


def test_list_shows_presets_and_runs(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "--runs", str(runs)]) == 0
    output = capsys.readouterr().out
    assert all(name in output for name in PRESETS)
    assert "first: lambda 0, valid" in output


def test_evaluate_agrees_with_the_record(
    runs: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where = ["--runs", str(runs), "--data", str(data), "--threads", "1"]
    assert main(["evaluate", "first", *where]) == 0
    record = json.loads((runs / "first" / "record.json").read_text())
    assert f"test perplexity {record['metrics']['test_perplexity']:.4f}" in capsys.readouterr().out


@pytest.mark.parametrize("cell", ["gru", "rnn"])
def test_other_cells_train_with_the_same_code(cell: str, data: Path, tmp_path: Path) -> None:
    assert run(data, tmp_path, "ptb-lstm-small-dense", f"cell={cell}", "epochs=1") == 0


def error_line(capsys: pytest.CaptureFixture[str]) -> str:
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("error: ")
    assert captured.err.count("\n") == 1
    return captured.err


def test_another_config_does_not_touch_a_run(
    runs: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(data, runs, "ptb-lstm-small-dense", "clip=3", "seed=5") == 2
    message = error_line(capsys)
    assert "clip=5.0 (asked: 3.0), seed=1 (asked: 5)" in message
    assert "--as" in message


def test_a_config_that_failed_before_its_first_step_can_be_corrected(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(data, tmp_path, "ptb-lstm-small-dense", "batch_size=100000") == 2
    assert "lower batch_size" in error_line(capsys)
    assert run(data, tmp_path, "ptb-lstm-small-dense", "epochs=1") == 0


def test_a_bad_artifact_name_is_one_line(
    runs: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where = ["--runs", str(runs), "--data", str(data), "--models", str(tmp_path)]
    assert main(["export", "first", *where, "--as", "Two Words", "--threads", "1"]) == 2
    assert (
        "error: no artifact can be called 'Two Words'" in capsys.readouterr().err.splitlines()[-1]
    )
    assert not list(tmp_path.iterdir())


def test_a_damaged_record_does_not_hide_other_runs(
    runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(runs / "first", tmp_path / "first")
    for name, content in (("empty", "{}"), ("cut", '{"metr')):
        shutil.copytree(runs / "first", tmp_path / name)
        (tmp_path / name / "record.json").write_text(content)
    assert main(["list", "--runs", str(tmp_path)]) == 0
    cut, empty, first = capsys.readouterr().out.splitlines()[-3:]
    assert cut.endswith("cut: record.json is damaged")
    assert empty.endswith("empty: record.json is damaged")
    assert "first: lambda 0, valid" in first


def test_other_data_does_not_continue_a_run(
    runs: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = write_corpus(tmp_path / "other")
    with (other / "tiny" / "tiny.valid.txt").open("a") as file:
        file.write("the cat sees N shares\n")
    unfinished = tmp_path / "runs" / "first"
    unfinished.mkdir(parents=True)
    for name in ("config.json", "checkpoint.pt"):
        (unfinished / name).write_bytes((runs / "first" / name).read_bytes())
    assert run(other, tmp_path / "runs", "ptb-lstm-small-dense") == 2
    assert "other data" in error_line(capsys)


def test_a_refused_command_leaves_a_finished_run_as_it_was(
    runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = write_corpus(tmp_path / "other")
    with (other / "tiny" / "tiny.valid.txt").open("a") as file:
        file.write("the cat sees N shares\n")
    finished = tmp_path / "runs" / "first"
    shutil.copytree(runs / "first", finished)
    (finished / "shrunk.pt").write_bytes(b"what shrink made")
    names = "config.json", "record.json", "shrunk.pt"
    before = [(finished / name).read_bytes() for name in names]
    assert run(other, tmp_path / "runs", "ptb-lstm-small-dense", "epochs=3") == 2
    assert "other data" in error_line(capsys)
    assert [(finished / name).read_bytes() for name in names] == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "ptb-lstm-smal-iss"], "did you mean 'ptb-lstm-small-iss'"),
        (["run", "ptb-lstm-small-iss", "--set", "lamda=1"], "did you mean 'lambda'"),
        (["run", "ptb-lstm-small-iss", "--as", "../x"], "a run's name is no path"),
        (["run", "ptb-lstm-small-iss", "--as", ".."], "a run's name is no path"),
        (["run", "ptb-lstm-small-iss", "--device", "tpu9"], "use cpu or cuda"),
        (["run", "ptb-lstm-small-iss", "--data", "/nowhere"], "point --data at the folder"),
        (["search", "ptb-lstm-small-iss", "--try", "keep"], "--try keep: write it as"),
        (["search", "ptb-lstm-small-iss", "--try", "keep=log:1:2"], "--trials says how many"),
        (["search", "ptb-lstm-small-iss", "--try", "keep=1", "--grace", "99"], "--grace 99 is"),
        (["evaluate", "nothing"], "no run in"),
        (["evaluate", "x" * 300], "File name too long"),
        (["export", "nothing"], "no run in"),
        (["shrink", "nothing"], "no run in"),
    ],
)
def test_errors_are_one_line_and_write_nothing(
    arguments: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    assert message in error_line(capsys)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "x", "--bogus"], "unrecognized arguments: --bogus"),
        (["jump"], "invalid choice: 'jump'"),
        (["run", "x", "--threads", "0"], "must be at least 1"),
        (["run", "x", "--threads", "many"], "must be at least 1"),
        (["run", "x", "--checkpoint-seconds", "nan"], "must be a number above 0"),
        (["run", "x", "--checkpoint-seconds", "soon"], "must be a number above 0"),
        (["benchmark-sparse-step", "--epsilon", "inf"], "must be a number above 0"),
        (["shrink", "x", "--tau", "-1"], "must be auto or at least 0"),
        (["shrink", "x", "--tau", "little"], "must be auto or at least 0"),
        ([], "COMMAND"),
    ],
)
def test_wrong_options_are_one_line(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2
    assert message in error_line(capsys)


def test_a_diverging_run_says_what_to_lower(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(data, tmp_path, "ptb-lstm-small-dense", "learning_rate=1e30", "clip=1e30") == 2
    assert "lower learning_rate" in capsys.readouterr().err


def test_a_full_disk_is_one_line_and_the_run_goes_on_later(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with files_limited_to(8_000):
        assert run(data, tmp_path, "ptb-lstm-small-dense") == 2
    message = capsys.readouterr().err.splitlines()[-1]
    assert message.startswith("error: cannot write ")
    assert run(data, tmp_path, "ptb-lstm-small-dense") == 0


def test_one_process_trains_in_a_folder(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "first").mkdir()
    with (tmp_path / "first" / ".lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert run(data, tmp_path, "ptb-lstm-small-dense") == 2
    assert "another process is training" in error_line(capsys)


def test_a_folder_that_cannot_be_locked_is_not_taken_for_one_in_use(
    data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fails(*_: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", fails)
    assert run(data, tmp_path, "ptb-lstm-small-dense") == 2
    assert f"cannot lock {tmp_path / 'first' / '.lock'}: No locks available" in error_line(capsys)
