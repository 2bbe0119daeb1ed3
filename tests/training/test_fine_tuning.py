"""Fine-tuning starts from a dense run, or from the artifact that was made of one."""

import json
import re
import shutil
from pathlib import Path

import pytest

from tests.training.conftest import set_options
from training.cli import main

DENSE = "ptb-lstm-small-dense"


@pytest.fixture(scope="module")
def dense(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the finished dense run in ``runs``, and its artifact in ``models``."""
    folder = tmp_path_factory.mktemp("dense")
    where = ["--data", str(data), "--runs", str(folder / "runs"), "--threads", "1"]
    assert main(["run", DENSE, *where, *set_options()]) == 0
    assert (
        main(["export", DENSE, *where, "--models", str(folder / "models"), "--stored", "float32"])
        == 0
    )
    return folder


def fine_tune(data: Path, runs: Path, models: Path, *more: str) -> int:
    where = ["--data", str(data), "--runs", str(runs), "--models", str(models), "--threads", "1"]
    settings = set_options("epochs=1", "learning_rate=0.001", *more)
    return main(["run", "ptb-lstm-small-iss-finetune", *where, *settings])


def without_checksum(source: dict[str, str]) -> dict[str, str]:
    assert re.fullmatch("[0-9a-f]{64}", source["sha256"])
    return {name: value for name, value in source.items() if name != "sha256"}


def test_an_artifact_is_as_good_a_start_as_its_run(dense: Path, data: Path, tmp_path: Path) -> None:
    runs = tmp_path / "has-the-run"
    shutil.copytree(dense / "runs", runs)
    assert fine_tune(data, runs, tmp_path / "no-models") == 0
    assert fine_tune(data, tmp_path / "empty", dense / "models") == 0
    of_run, of_artifact = (
        json.loads((folder / "ptb-lstm-small-iss-finetune" / "record.json").read_text())
        for folder in (runs, tmp_path / "empty")
    )
    trained = json.loads((dense / "runs" / DENSE / "record.json").read_text())
    assert of_artifact["metrics"] == of_run["metrics"]
    assert of_run["metrics"] == pytest.approx(trained["metrics"], rel=0.1)  # it went on from there
    started = {"name": DENSE, "created": trained["created"], "stored_as": "float32"}
    assert started | {"kind": "run"} == without_checksum(of_run["started_from"])
    assert started | {"kind": "artifact"} == without_checksum(of_artifact["started_from"])


def test_it_needs_one_of_them(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert fine_tune(data, tmp_path / "runs", tmp_path / "models") == 2
    assert f"python -m training run {DENSE}" in capsys.readouterr().err


def test_it_goes_on_when_they_are_gone(dense: Path, data: Path, tmp_path: Path) -> None:
    assert fine_tune(data, tmp_path, dense / "models") == 0
    (tmp_path / "ptb-lstm-small-iss-finetune" / "record.json").unlink()
    assert fine_tune(data, tmp_path, tmp_path / "no-models") == 0


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("hidden_sizes=12,11", "hidden_sizes (12, 10) (config: (12, 11))"),
        ("cell=gru", "cell lstm (config: gru)"),
        ("vocabulary_limit=9", "has other words"),
    ],
)
def test_another_network_is_refused(
    setting: str,
    message: str,
    dense: Path,
    data: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert fine_tune(data, tmp_path, dense / "models", setting) == 2
    assert message in capsys.readouterr().err


def test_a_run_on_as_many_but_other_words_is_refused(
    dense: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    both = shutil.copytree(data, tmp_path / "data")
    (both / "cows").mkdir()
    for file in (data / "tiny").iterdir():
        words = file.read_text().replace("cat", "cow")
        (both / "cows" / file.name.replace("tiny", "cows")).write_text(words)
    runs = shutil.copytree(dense / "runs", tmp_path / "runs")
    assert fine_tune(both, runs, tmp_path / "no-models", "corpus=cows") == 2
    assert f"{DENSE} has other words" in capsys.readouterr().err
