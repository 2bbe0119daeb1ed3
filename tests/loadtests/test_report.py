import csv
from dataclasses import replace
from pathlib import Path
from typing import Any

from loadtests.picture import draw
from loadtests.plan import Plan
from loadtests.record import Record
from loadtests.report import markdown, write_tables
from loadtests.scenarios import Contender, Scenario
from tests.loadtests.test_summary import row

ALONE = Scenario(
    "score",
    {"score": 1.0},
    (Contender("dense", {"score": "dense"}), Contender("iss", {"score": "iss"})),
)
MIXED = Scenario(
    "mix",
    {"score": 3.0, "answer": 1.0},
    (
        Contender("dense", {"score": "dense", "answer": "qa-dense"}),
        Contender("iss", {"score": "iss", "answer": "qa-iss"}),
    ),
)
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
        scenarios=[ALONE],
        complete=True,
        rows=[row(**slow), row(**fast), row("open", 25.0, **slow), row("open", 25.0, **fast)],
    )


def mixed_record() -> Record:
    rows = [
        replace(one, scenario="mix", task=task, right=0.5 if task == "answer" else None)
        for one in record().rows
        for task in ("all", "score", "answer")
    ]
    return replace(record(), scenarios=[ALONE, MIXED], rows=[*record().rows, *rows])


def test_the_report_holds_conditions_both_loops_and_the_ratios() -> None:
    text = markdown(record())

    assert text.startswith("# Load test of /score\n")
    assert "- cores: 2" in text
    assert "- load average before: 0.0" in text
    assert "- settings: A=1" in text
    assert "- `dense`: engine onnxruntime-fp32. **Untrained.**" in text
    assert "- /score: 1 sentence(s) a request" in text
    assert "/answer" not in text
    headings = ["## /score", "### Closed loop", "### Open loop", "### Against `dense`"]
    assert [line for line in text.splitlines() if line in headings] == headings
    assert "(load-score.png)" in text
    assert "| closed | 4 | iss | 8.00x | 4.00x | 3.00x | - |" in text
    assert "Interrupted" not in text


def test_a_mix_is_shown_together_and_by_task() -> None:
    text = markdown(mixed_record())

    assert text.startswith("# Load test of /score, 3 /score to 1 /answer\n")
    assert "- /answer: one question a request on a passage of any number of words" in text
    mix = text[text.index("## 3 /score to 1 /answer, mixed") :]
    assert "- iss: `iss`, `qa-iss`" in mix
    assert "| closed | 4 | iss | all | 8.00x | 4.00x | 3.00x | - |" in mix
    assert "| closed | 4 | iss | answer | 8.00x | 4.00x | 3.00x | - |" in mix
    assert "| right |" in mix
    assert "| 50.0% |" in mix
    assert "| right |" not in text[: text.index("mixed\n")]


def test_each_task_tells_what_its_requests_held() -> None:
    classify = Scenario("classify", {"classify": 1.0}, (Contender("mood", {"classify": "mood"}),))
    text = markdown(replace(record(), scenarios=[classify], plan=Plan(texts_per_request=2)))
    assert "- /classify: 2 review(s) a request; tokens/s are words of reviews" in text
    assert "- /score" not in text


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
    assert {(r["scenario"], r["task"], r["right"]) for r in rows} == {("score", "score", "")}


def test_the_tables_columns_agree_in_a_mix() -> None:
    tables = [line for line in markdown(mixed_record()).splitlines() if "|" in line]
    assert {line.count("|") for line in tables} == {17, 8, 19, 9}


def test_the_pictures_are_drawn_also_of_what_has_no_answers(tmp_path: Path) -> None:
    silent = row(variant="iss", throughput=0.0, p50_ms=None, p95_ms=None, p99_ms=None)
    draw(replace(mixed_record(), rows=[*mixed_record().rows, silent]), tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"load-score.png", "load-mix.png"}
    draw(replace(record(), rows=[silent], complete=False), tmp_path)
    for path in tmp_path.iterdir():
        assert path.read_bytes().startswith(b"\x89PNG")


def test_nothing_measured_gives_no_picture(tmp_path: Path) -> None:
    draw(replace(record(), rows=[]), tmp_path)
    assert not list(tmp_path.iterdir())
