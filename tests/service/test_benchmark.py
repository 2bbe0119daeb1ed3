"""The benchmark's record and tables; never its speed."""

from __future__ import annotations

from pathlib import Path

import pytest

from service.benchmark import Benchmark, main
from tests.artifacts import make_artifact


def test_every_engine_is_timed_on_both_models(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_artifact(tmp_path / "dense", hidden_sizes=(12, 12))
    make_artifact(tmp_path / "iss", hidden_sizes=(4, 3))
    models = [str(tmp_path / "dense"), str(tmp_path / "iss")]
    record = tmp_path / "record.json"
    assert (
        main(["--rounds", "2", "--threads", "1", "--models", *models, "--json", str(record)]) == 0
    )
    benchmark = Benchmark.model_validate_json(record.read_text())
    assert len(benchmark.timings) == 3 * 2 * 2  # engines, models, batches
    assert all(len(timing.milliseconds) == 2 for timing in benchmark.timings)
    printed = capsys.readouterr().out
    assert printed.count("| onnxruntime-int8 | 12, 12 / 4, 3 |") == 2
    assert printed.count("dense torch-fp32 / small") == 2


def test_a_missing_model_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--models", str(tmp_path / "absent")]) == 1
    [error] = capsys.readouterr().err.splitlines()
    assert "absent" in error
