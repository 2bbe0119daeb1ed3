"""What artifacts lose by being stored in fewer bits than they were trained in."""

import json
from pathlib import Path

import pytest

from tests.artifacts import PROVENANCE, make_artifact
from training.errors import RunError
from training.tables.storage import read_stored, storage_table

METRICS = {"test_perplexity": 90.02, "test_perplexity_int8": 90.31}
RUN = {"created": PROVENANCE.created, "metrics": {"test_perplexity": 90.0}}


def test_figures_stand_beside_those_of_the_run_the_artifact_was_made_from(tmp_path: Path) -> None:
    make_artifact(tmp_path / "measured", metrics=METRICS)
    make_artifact(tmp_path / "unmeasured", metrics={"test_perplexity": 90.02})
    stored = read_stored(tmp_path)
    table = storage_table(stored, [RUN])
    assert table is not None
    measured, unmeasured = (line.strip("| ").split(" | ") for line in table.splitlines()[2:])
    size = f"{(tmp_path / 'measured' / 'model.safetensors').stat().st_size:,}"
    assert [cell.strip() for cell in measured] == [
        *("measured", "float32", size, "test perplexity", "90.000", "90.020", "90.310")
    ]
    assert "90.310" not in unmeasured
    nothing = storage_table(stored, [RUN | {"metrics": {}}])
    assert nothing is not None
    assert "90.000" not in nothing


def test_other_weights_of_the_run_are_not_taken_for_the_recorded_ones(tmp_path: Path) -> None:
    make_artifact(tmp_path / "shrunk", metrics=METRICS)
    path = tmp_path / "shrunk" / "config.json"
    card = json.loads(path.read_text())
    card["provenance"]["command"] = "python -m training export shrunk --weights shrunk"
    path.write_text(json.dumps(card))
    table = storage_table(read_stored(tmp_path), [RUN])
    assert table is not None
    assert "90.020" in table
    assert "90.000" not in table


def test_artifacts_of_other_runs_are_left_out(tmp_path: Path) -> None:
    make_artifact(tmp_path / "other")
    assert storage_table(read_stored(tmp_path), [{**RUN, "created": "yesterday"}]) is None
    assert read_stored(tmp_path / "none") == []


def test_what_is_being_written_is_passed_over(tmp_path: Path) -> None:
    make_artifact(tmp_path / "whole")
    (tmp_path / ".half-0123abcd.partial").mkdir()
    (tmp_path / ".half-0123abcd.partial" / "model.safetensors").touch()
    assert [stored.card.name for stored in read_stored(tmp_path)] == ["whole"]


def test_a_damaged_card_is_named(tmp_path: Path) -> None:
    make_artifact(tmp_path / "broken")
    (tmp_path / "broken" / "config.json").write_text("{")
    with pytest.raises(RunError, match=r"broken/config\.json is not JSON"):
        read_stored(tmp_path)
