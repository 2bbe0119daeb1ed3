"""Changes of the real service under load: none of them may cost a request."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from loadtests.http import HttpError, get_text, send
from tests.artifacts import make_artifact, make_classifier, make_reader
from tests.loadtests.conftest import Run
from tests.loadtests.fake_service import fake_service


def run(*arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "loadtests", "changes", *arguments],
        check=False, capture_output=True, text=True, timeout=170,
        env=os.environ | {"OMP_NUM_THREADS": "1", "ISSRNN_DRAIN_SECONDS": "0.3"} | settings,
    )  # fmt: skip


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    make_artifact(folder / "tiny-dense", seed=1)
    make_artifact(folder / "tiny-iss", seed=2, hidden_sizes=(4, 3), variant="iss")
    make_reader(folder / "reader-dense", seed=3)
    make_classifier(folder / "mood-dense", seed=4)
    return folder


def test_no_change_costs_a_request(models: Path, tmp_path: Path) -> None:
    before = {path: path.read_bytes() for path in models.rglob("*") if path.is_file()}

    done = run(
        "--models", str(models), "--users", "3", "--seconds", "0.5", "--out", str(tmp_path)
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    record = json.loads((tmp_path / "changes.json").read_text())
    assert record["conditions"]["users"] == 3
    assert [row["change"] for row in record["rows"]] == [
        "load models anew",
        "refuse a damaged artifact",
        "change the split",
        "unload a model and load it",
        "replace all 2 workers",
    ]
    for row in record["rows"]:
        assert row["times"] >= 1
        assert row["answered"] > 0
        assert (row["refused"], row["failed"], row["problems"]) == (0, 0, {})
        counts = f"| {row['change']} | {row['times']} | {row['answered']} | 0 | 0 |"
        assert counts in done.stdout
    log = (tmp_path / "service.log").read_text()
    for action in ("model loaded", "model refused", "split changed", "model unloaded"):
        assert f'"message": "{action}"' in log
    assert {path: path.read_bytes() for path in before} == before


def test_a_request_that_is_lost_is_told(models: Path, tmp_path: Path) -> None:
    done = run(
        "--models", str(models), "--users", "6", "--seconds", "0.3", "--out", str(tmp_path),
        ISSRNN_MAX_QUEUED_REQUESTS="1",
    )  # fmt: skip
    assert done.returncode == 1
    assert "x HTTP 429" in done.stderr


def test_wrong_input_is_named(tmp_path: Path, run_here: Run) -> None:
    for arguments, message in (
        (("--models", str(tmp_path / "none")), "is no folder"),
        (("--users", "0"), "--users must be 1 or more"),
    ):
        code, _, errors = run_here("changes", *arguments)
        assert code == 2
        assert message in errors
        assert "Traceback" not in errors


def test_requests_of_an_operator_are_answered_with_a_status_and_a_reason() -> None:
    with fake_service() as (host, _):
        assert send("POST", f"{host}/models/tiny-iss/reload", "secret", {"model": None}) == (
            404,
            "",
        )
        assert "tiny-iss" in get_text(f"{host}/models")
    with pytest.raises(HttpError, match="refused"):
        send("POST", f"{host}/models/tiny-iss/reload", "secret")
