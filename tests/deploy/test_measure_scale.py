"""What more processes bring: how it is counted and summarised. `test_ray` and the workers' tests
run them."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import deploy.measure_scale
from deploy.measure_scale import (
    machine,
    main,
    ray_config,
    ready_processes,
    recorded_settings,
    summarise,
    table,
)


def row(count: int, throughput: float, **more: Any) -> dict[str, Any]:
    common = {
        "scenario": "score", "task": "score", "variant": "tiny-iss", "loop": "closed", "load": 4.0,
        "p50_ms": 10.0, "p99_ms": 20.0, "failed": 0.0, "refused": 0.0, "service_cpu": 1.5,
        "repeat": 0,
    }  # fmt: skip
    return common | {"count": count, "throughput": throughput} | more


def test_ratios_are_of_neighbours_in_time() -> None:
    measured = [(1, 90.0), (2, 180.0), (1, 110.0), (2, 209.0), (1, 100.0), (2, 150.0)]
    rows = [
        row(count, throughput, repeat=place // 2)
        for place, (count, throughput) in enumerate(measured)
    ]
    one, two = summarise(rows)
    assert (one["count"], one["throughput"], one["ratios"]) == (1, 100.0, [1.0, 1.0, 1.0])
    assert (two["count"], two["throughput"], two["ratios"]) == (2, 180.0, [1.5, 1.9, 2.0])
    text = table([one, two], "workers")
    assert "| tiny-iss | closed | 4 | 1 | 100 | 1.00x | 10.0 | 20.0 | 0.0% | 1.5 |" in text
    assert "| 2 | 180 | 1.90x (1.50 to 2.00) | 10.0 |" in text


def test_the_tasks_of_a_mix_are_told_apart() -> None:
    mixed = [row(1, 9.0, scenario="mix", task=task) for task in ("all", "score", "answer")]
    text = table(summarise([row(1, 50.0), *mixed]), "workers")
    for label in ("score", "mix: all", "mix: score", "mix: answer"):
        assert f"| {label} | tiny-iss | closed | 4 | 1 |" in text


def test_a_load_at_which_nothing_was_answered_has_no_ratio() -> None:
    rows = [row(1, 0.0, p50_ms=None, p99_ms=None, failed=1.0), row(2, 10.0)]
    one, two = summarise(rows)
    assert one["ratios"] == two["ratios"] == []
    assert "| 2 | 10 | - | 10.0 |" in table([one, two], "workers")


def test_the_record_tells_the_machine_but_not_where_a_load_test_ran() -> None:
    own = dict.fromkeys(("command", "placement", "date", "load_average_before"), "...")
    conditions = {"cores": 2, "commit": "abc", **own}
    assert machine(conditions) == {"cores": 2, "commit": "abc"}


def test_replicas_are_told_apart_by_their_start_and_workers_count_themselves() -> None:
    starts = iter([1.5, 2.5] * 10)
    assert ready_processes(lambda: f"process_start_time_seconds {next(starts)}\n") == 2
    assert ready_processes(lambda: "process_start_time_seconds 1\nissrnn_workers 3.0\n") == 3


def test_a_measurement_fixes_the_number_of_replicas() -> None:
    config = ray_config(replicas=2, port=8123)
    (application,) = config["applications"]
    (deployment,) = application["deployments"]
    assert deployment["num_replicas"] == 2
    assert "autoscaling_config" not in deployment
    assert config["http_options"]["port"] == 8123


def test_each_load_has_the_cores_it_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    commands: list[list[str]] = []

    @contextmanager
    def running(*_: Any) -> Iterator[tuple[str, int]]:
        yield "http://service", 17

    def load_test(command: list[str], **_: Any) -> subprocess.CompletedProcess[bytes]:
        commands.append(command)
        folder = Path(command[command.index("--out") + 1])
        folder.mkdir()
        rows = [row(1, 5.0, load=1.0, service_cpu=0.2), row(1, 90.0, load=16.0, service_cpu=1.9)]
        record = {"rows": rows, "models": [], "conditions": {"load_average_before": 0.0}}
        (folder / "record.json").write_text(json.dumps(record))
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(deploy.measure_scale, "running", running)
    monkeypatch.setattr(subprocess, "run", load_test)
    out = str(tmp_path / "scale")
    assert main(["workers", "1", "--repeats", "1", "--out", out, "--", "--users", "1", "16"]) == 0
    (command,) = commands
    assert command[command.index("--service-pid") + 1] == "17"
    assert command[-3:] == ["--users", "1", "16"]
    _, _, light, heavy = capsys.readouterr().out.splitlines()
    assert light.endswith("| 0.2 |")
    assert heavy.endswith("| 1.9 |")


def test_what_was_measured_before_a_failure_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    @contextmanager
    def running(_what: str, _count: int, folder: Path, _serve: str) -> Iterator[tuple[str, int]]:
        if folder.name.endswith("-3"):
            raise RuntimeError("1 processes were not ready")
        yield "http://service", 17

    def load_test(command: list[str], **_: Any) -> subprocess.CompletedProcess[bytes]:
        folder = Path(command[command.index("--out") + 1])
        folder.mkdir()
        record = {"rows": [row(1, 5.0)], "models": [], "conditions": {"load_average_before": 0.0}}
        (folder / "record.json").write_text(json.dumps(record))
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(deploy.measure_scale, "running", running)
    monkeypatch.setattr(subprocess, "run", load_test)
    out = tmp_path / "scale"
    assert main(["workers", "1", "--repeats", "3", "--out", str(out)]) == 1
    assert "not ready" in capsys.readouterr().err
    record = json.loads((out / "scale.json").read_text())
    assert record["repeats"] == 2
    assert [each["repeat"] for each in record["rows"]] == [0, 1]


def test_ray_is_asked_for_where_it_is_missing(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["replicas", "1", "2", "--serve", ""])
    assert "ray[serve]" in capsys.readouterr().err


def test_secrets_are_not_recorded() -> None:
    environment = {
        "ISSRNN_ADMIN_TOKEN": "s3cret",
        "ISSRNN_API_KEYS": '{"a": "b"}',
        "HOME": "/root",
        "ISSRNN_MAX_QUEUED_TOKENS": "900",
    }
    assert recorded_settings(environment) == {
        "ISSRNN_ADMIN_TOKEN": "(set)",
        "ISSRNN_API_KEYS": "(set)",
        "ISSRNN_MAX_QUEUED_TOKENS": "900",
    }
