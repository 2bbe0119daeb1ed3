"""Tables 3 and 4, the paper's rows beside the recorded runs."""

import json
from pathlib import Path
from typing import Any

import pytest

from training.cli import main


def record(name: str, variant: str, f1: float, sizes: list[int], start_from: str | None) -> Any:
    return {
        "name": name,
        "config": {"task": "answer", "variant": variant, "start_from": start_from},
        "metrics": {"exact_match": f1 - 10, "f1": f1},
        "hidden_sizes": [100, 100, *sizes],
        "parameters": 1_234_567,
        "multiply_adds_per_token": 1_100_000,
    }


def test_runs_stand_in_the_table_of_their_kind(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = [
        record("ours-dense", "dense", 77.0, [100] * 6, None),
        record("ours-tuned", "iss", 75.5, [54, 47, 22, 30, 18, 12], "ours-dense"),
        record("ours-scratch", "iss", 76.0, [51, 33, 42, 58, 37, 26], None),
    ]
    for run in runs:
        (tmp_path / f"{run['name']}.json").write_text(json.dumps(run))
    (tmp_path / "engines.json").write_text('{"rows": []}')
    assert main(["tables", "--records", str(tmp_path)]) == 0
    third, fourth = capsys.readouterr().out.split("Table 4")
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in third.splitlines()]
    assert [row[0] for row in rows if row and row[0].startswith("ours")] == [
        "ours-dense",
        "ours-tuned",
    ]
    tuned = next(row for row in rows if row and row[0] == "ours-tuned")
    assert tuned[1:] == [
        *("65.50", "75.50", "1.50", "54", "47", "22", "30", "18", "12", "1.23M", "1,100,000")
    ]
    assert "| ours-scratch " in fourth
    assert "66.32" in fourth


def test_a_damaged_record_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "run.json").write_text("{")
    assert main(["tables", "--records", str(tmp_path)]) == 2
    assert "run.json is damaged" in capsys.readouterr().err
    assert main(["tables", "--records", str(tmp_path / "none")]) == 2
    assert "--records names the one" in capsys.readouterr().err
