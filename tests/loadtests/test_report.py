import csv
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from loadtests.picture import draw
from loadtests.plan import Plan
from loadtests.report import Record, markdown, read_record, write_record, write_tables
from tests.loadtests.test_summary import row

CONDITIONS = {"date": "2026-01-01", "cores": 2, "load_average_before": 0.0, "settings": {"A": "1"}}


def record() -> Record:
    slow: dict[str, Any] = {
        "variant": "dense",
        "throughput": 10.0,
        "p50_ms": 8.0,
        "p95_ms": 9.0,
        "p99_ms": None,
    }
    fast: dict[str, Any] = {
        "variant": "iss",
        "throughput": 80.0,
        "p50_ms": 2.0,
        "p95_ms": 3.0,
        "p99_ms": 4.0,
    }
    return Record(
        conditions=CONDITIONS,
        plan=Plan(),
        models=[
            {"name": "dense", "engine": "onnxruntime-fp32", "provenance": {"notes": "Untrained."}},
            {"name": "iss"},
        ],
        complete=True,
        rows=[row(**slow), row(**fast), row("open", 25.0, **slow), row("open", 25.0, **fast)],
    )


def test_a_record_is_read_as_it_was_written(tmp_path: Path) -> None:
    write_record(record(), tmp_path)
    assert read_record(tmp_path) == record()
    assert [path.name for path in tmp_path.iterdir()] == ["record.json"]


def test_a_missing_or_wrong_record_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"cannot read .*record\.json"):
        read_record(tmp_path)
    (tmp_path / "record.json").write_text('{"conditions": {}, "plan": {}, "models": []}')
    with pytest.raises(ValueError, match=r"record\.json is not .* complete"):
        read_record(tmp_path)


def test_the_report_holds_conditions_both_loops_and_the_ratios() -> None:
    text = markdown(record())

    assert text.startswith("# Load test: dense against iss\n")
    assert "- cores: 2" in text
    assert "- load average before: 0.0" in text
    assert "- settings: A=1" in text
    assert "- `dense`: engine onnxruntime-fp32. **Untrained.**" in text
    assert text.index("## Closed loop") < text.index("## Open loop") < text.index("## Against")
    assert "| closed | 4 | iss | 8.00x | 4.00x | 3.00x | - |" in text
    assert "Interrupted" not in text


def test_latencies_of_an_overloaded_variant_are_not_compared() -> None:
    slow, fast = record().rows[2:]
    text = markdown(replace(record(), rows=[replace(slow, refused=0.3), fast]))
    assert "| open | 25 | iss | 8.00x | - | - | - |" in text


def test_an_interrupted_report_says_so() -> None:
    assert "Interrupted" in markdown(replace(record(), complete=False, rows=[]))


def test_the_tables_columns_agree(tmp_path: Path) -> None:
    write_tables(record(), tmp_path)

    tables = [line for line in (tmp_path / "report.md").read_text().splitlines() if "|" in line]
    assert {line.count("|") for line in tables} == {17, 8}
    with (tmp_path / "table.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [(r["variant"], r["loop"], r["load"], r["p99_ms"]) for r in rows] == [
        ("dense", "closed", "4", ""),
        ("iss", "closed", "4", "4.0"),
        ("dense", "open", "25.0", ""),
        ("iss", "open", "25.0", "4.0"),
    ]


def test_the_picture_is_drawn_also_of_what_has_no_answers(tmp_path: Path) -> None:
    silent = row(variant="iss", throughput=0.0, p50_ms=None, p95_ms=None, p99_ms=None)
    draw(replace(record(), rows=[*record().rows, silent]), tmp_path / "load.png")
    draw(replace(record(), rows=[silent], complete=False), tmp_path / "silent.png")
    for name in ("load.png", "silent.png"):
        assert (tmp_path / name).read_bytes().startswith(b"\x89PNG")


def test_nothing_measured_gives_no_picture(tmp_path: Path) -> None:
    draw(replace(record(), rows=[]), tmp_path / "load.png")
    assert not (tmp_path / "load.png").exists()
