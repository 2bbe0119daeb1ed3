"""docs/results.md is what the records in the repository say."""

import json
from pathlib import Path

import pytest

from training.cli import main

ROOT = Path(__file__).parents[3]


def test_the_document_is_the_one_the_records_make(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tables", "--records", str(ROOT / "docs/records")]) == 0
    assert capsys.readouterr().out == (ROOT / "docs/results.md").read_text(encoding="utf-8")


def test_remarks_stand_below_their_table(tmp_path: Path) -> None:
    (tmp_path / "remarks.json").write_text(json.dumps({"table-2": "It fell short."}))
    out = tmp_path / "results.md"
    assert main(["tables", "--records", str(tmp_path), "--write", str(out)]) == 0
    text = out.read_text(encoding="utf-8")
    assert text.index("## Table 2") < text.index("It fell short.")
    assert text.index("It fell short.") < text.index("## Table 3")


@pytest.mark.parametrize("content", ["[1]", '{"table-1": 1}'])
def test_wrong_remarks_are_named(
    content: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "remarks.json").write_text(content)
    assert main(["tables", "--records", str(tmp_path)]) == 2
    assert "remarks.json must hold" in capsys.readouterr().err


def test_a_damaged_record_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "run.json").write_text("{")
    assert main(["tables", "--records", str(tmp_path)]) == 2
    assert "run.json is damaged" in capsys.readouterr().err
    assert main(["tables", "--records", str(tmp_path / "none")]) == 2
    assert "--records names the one" in capsys.readouterr().err
