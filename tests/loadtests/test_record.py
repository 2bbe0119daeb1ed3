import json
from pathlib import Path

import pytest

from loadtests.record import read_record, write_record
from loadtests.report import markdown
from tests.loadtests.test_report import mixed_record, record

SHIPPED = sorted((Path(__file__).parents[2] / "docs" / "records").glob("load-*.json"))


def test_a_record_is_read_as_it_was_written(tmp_path: Path) -> None:
    for written in (record(), mixed_record()):
        write_record(written, tmp_path)
        assert read_record(tmp_path) == read_record(tmp_path / "record.json") == written
    assert [path.name for path in tmp_path.iterdir()] == ["record.json"]


def test_a_missing_or_wrong_record_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"cannot read .*record\.json"):
        read_record(tmp_path)
    wrong = {
        '{"conditions": {}, "plan": {}, "models": []}': r"record\.json is not .* complete",
        "[]": r"record\.json is not a load test's record",
        "{": r"record\.json is not a load test's record",
        '{"models": [{}]}': r"record\.json is not .*name",
    }
    for text, said in wrong.items():
        (tmp_path / "record.json").write_text(text)
        with pytest.raises(ValueError, match=said):
            read_record(tmp_path)


def test_records_written_before_there_were_scenarios_are_of_score(tmp_path: Path) -> None:
    write_record(record(), tmp_path)
    document = json.loads((tmp_path / "record.json").read_text())
    del document["scenarios"]
    for name in ("top_k", "context_words"):
        del document["plan"][name]
    for row in document["rows"]:
        del row["scenario"], row["task"], row["right"]
    (tmp_path / "old.json").write_text(json.dumps(document))

    assert read_record(tmp_path / "old.json") == record()


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
def test_the_records_of_the_documentation_can_be_read(path: Path) -> None:
    found = read_record(path)
    assert found.rows
    assert all(found.rows_of(scenario) for scenario in found.scenarios)
    text = markdown(found)
    assert all(f"`{model['name']}`" in text for model in found.models)
