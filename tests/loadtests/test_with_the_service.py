"""The comparison starts the real service, measures it and stops it."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import psutil

from loadtests.record import read_record
from tests.artifacts import make_artifact, make_classifier, make_reader


def compare(out: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "loadtests", "compare", "--serve", "--out", str(out), *arguments],
        check=False,
        capture_output=True,
        text=True,
        timeout=90,
        env=os.environ | {"OMP_NUM_THREADS": "1"} | environment,
    )


def test_all_tasks_of_a_real_service_with_keys_are_compared(tmp_path: Path) -> None:
    models = tmp_path / "models"
    make_artifact(models / "tiny-dense", seed=1)
    make_artifact(models / "tiny-iss", seed=2, hidden_sizes=(4, 3), variant="iss")
    make_reader(models / "reader-dense", seed=3)
    make_reader(models / "reader-iss", seed=4, hidden_sizes=(2, 3) * 4, variant="iss")
    make_classifier(models / "mood-dense", seed=5)
    make_classifier(models / "mood-iss", seed=6, hidden_sizes=(3,), variant="iss")
    plan = (
        "--quick", "--users", "2", "--rates", "30", "--duration", "0.5", "--warm-up", "0.1",
        "--top-k", "3",
    )  # fmt: skip

    key = "the load test's own key"
    keys = json.dumps({"loadtest": {"sha256": hashlib.sha256(key.encode()).hexdigest()}})
    done = compare(
        tmp_path / "report",
        *("--models", str(models), *plan),
        ISSRNN_DRAIN_SECONDS="0",
        ISSRNN_API_KEYS=keys,
        LOADTEST_API_KEY=key,
    )

    assert done.returncode == 0, done.stderr
    assert all(key not in path.read_text() for path in (tmp_path / "report").glob("*.json"))
    record = read_record(tmp_path / "report")
    assert record.complete
    names = {model["name"]: model for model in record.models}
    families = ("tiny", "reader", "mood")
    assert list(names) == [f"{name}-{kind}" for name in families for kind in ("dense", "iss")]
    assert names["tiny-iss"]["hidden_sizes"] == [4, 3]
    assert names["reader-iss"]["hidden_sizes"] == [2, 3] * 4
    assert record.conditions["service_settings"]["ISSRNN_DRAIN_SECONDS"] == "0"
    assert {row.scenario for row in record.rows} == {"score", "answer", "classify", "mix"}
    assert all(not row.failed and not row.refused for row in record.rows)
    whole = [row for row in record.rows if row.task in (row.scenario, "all")]
    assert len(whole) == 16
    assert all(row.requests for row in whole)
    # a few requests may take less than a tick of the system's clock: not each window shows time
    used = [row.service_cpu for row in whole if row.service_cpu is not None]
    assert len(used) == 16
    assert max(used) > 0
    of_tasks = [row for row in whole if row.task != "all" and row.throughput]
    assert of_tasks
    assert all((row.tokens_per_second or 0) > row.throughput for row in of_tasks)
    assert all(row.right is not None for row in whole if row.task not in {"score", "all"})
    running = [p.info["environ"] or {} for p in psutil.process_iter(["environ"])]
    assert not any(e.get("ISSRNN_MODELS_DIR") == str(models) for e in running)


def test_a_service_that_does_not_start_shows_its_log(tmp_path: Path) -> None:
    done = compare(tmp_path / "report", ISSRNN_PORT="", ISSRNN_MAX_BATCH="none")
    assert done.returncode == 2
    assert "the service ended with code 2" in done.stderr
    assert "ISSRNN_MAX_BATCH" in done.stderr
    assert "Traceback" not in done.stderr
