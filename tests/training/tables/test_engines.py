"""How much faster than the dense model the others are."""

import json
from pathlib import Path
from typing import Any

import pytest

from training.cli import main
from training.tables.engines import PAPER_TIMES, engines_table
from training.tables.timings import NO_TIMINGS, Timing, Timings


def timing(model: str, milliseconds: float, **changes: Any) -> Timing:
    fields: dict[str, Any] = {
        "engine": "onnxruntime-fp32",
        "batch": 10,
        "threads": 1,
        "rounds": 20,
        "multiply_adds": 100,
    }
    return Timing(model=model, milliseconds=milliseconds, bytes=1, **(fields | changes))


def test_each_model_stands_against_the_first_on_the_same_engine_and_threads() -> None:
    timings = Timings(
        "30 steps",
        "a machine",
        (
            timing("dense", 80.0),
            timing("dense", 50.0, threads=2),
            timing("small", 10.0, multiply_adds=20),
            timing("small", 9.0, multiply_adds=20, threads=2),
            timing("small", 3.0, multiply_adds=20, engine="onnxruntime-int8"),
        ),
    )
    table = engines_table(timings, PAPER_TIMES)
    assert table is not None
    paper, one, two = (line.split() for line in table.splitlines()[2:])
    assert "10.59x" in paper
    assert one[-8:] == ["80.00", "|", "10.00", "|", "8.00x", "|", "5.00x", "|"]
    assert two[-8:] == ["50.00", "|", "9.00", "|", "5.56x", "|", "5.00x", "|"]


def test_nothing_timed_makes_no_table() -> None:
    assert engines_table(NO_TIMINGS, PAPER_TIMES) is None
    assert engines_table(Timings("steps", "", (timing("dense", 1.0),))) is None


def test_the_large_models_times_stand_below_table_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    common = {"engine": "torch-fp32", "batch": 10, "threads": 1, "bytes": 1}
    document = {
        "created": "2026-11-27T05:00:00+00:00",
        "machine": "a machine",
        "cores": 2,
        "versions": {"torch": "2"},
        "item": "30 steps",
        "timings": [
            {"model": "big", "multiply_adds": 8, "milliseconds": [8, 9, 10], **common},
            {"model": "small", "multiply_adds": 2, "milliseconds": [2, 3, 4], **common},
        ],
    }
    (tmp_path / "engines-large.json").write_text(json.dumps(document))
    assert main(["tables", "--records", str(tmp_path), "--models", str(tmp_path / "none")]) == 0
    text = capsys.readouterr().out
    assert text.index("## Table 1") < text.index("3.00x") < text.index("## Table 2")
    assert "--models models/big models/small" in text
