"""Tables 3 and 4, the paper's rows beside the recorded runs."""

from typing import Any

from training.tables.question_answering import fine_tuned_table, from_scratch_table


def record(name: str, variant: str, f1: float, sizes: list[int], start_from: str | None) -> Any:
    return {
        "name": name,
        "config": {"task": "answer", "variant": variant, "start_from": start_from},
        "metrics": {"exact_match": f1 - 10, "f1": f1},
        "hidden_sizes": [100, 100, *sizes],
        "parameters": 1_234_567,
        "multiply_adds_per_token": 1_100_000,
    }


def cells(table: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in table.splitlines()]


def test_runs_stand_in_the_table_of_their_kind() -> None:
    records = [
        record("ours-dense", "dense", 77.0, [100] * 6, None),
        record("ours-tuned", "iss", 75.5, [54, 47, 22, 30, 18, 12], "ours-dense"),
        record("ours-scratch", "iss", 76.0, [51, 33, 42, 58, 37, 26], None),
        {"name": "another", "config": {"task": "score", "variant": "iss"}},
    ]
    tuned = cells(fine_tuned_table(records))
    assert [row[0] for row in tuned if not row[0].startswith("paper")][2:] == [
        "ours-dense",
        "ours-tuned",
    ]
    assert tuned[-1][1:] == [
        *("65.50", "75.50", "1.50", "54", "47", "22", "30", "18", "12", "1.23M", "1,100,000")
    ]
    scratch = cells(from_scratch_table(records))
    assert [row[0] for row in scratch[-2:]] == ["ours-dense", "ours-scratch"]
    assert "66.32" in from_scratch_table([])
