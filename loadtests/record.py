"""The record of a comparison: everything that was measured, and under what conditions."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from loadtests.plan import Plan
from loadtests.scenarios import Scenario
from loadtests.summary import Row

__all__ = ["RECORD_FILE", "Record", "read_record", "write_record", "write_whole"]

RECORD_FILE = "record.json"


@dataclass(frozen=True, kw_only=True)
class Record:
    """Everything measured in a comparison and under what conditions."""

    conditions: dict[str, Any]
    plan: Plan
    models: list[dict[str, Any]]
    """What ``GET /models/NAME`` said of each, in the order they were measured."""
    scenarios: list[Scenario]
    """What was sent to which models, in the order it was measured."""
    complete: bool
    """False while it runs, and after an interruption."""
    rows: list[Row]

    def rows_of(self, scenario: Scenario) -> list[Row]:
        """What was measured of a scenario."""
        return [row for row in self.rows if row.scenario == scenario.name]


def write_record(record: Record, folder: Path) -> None:
    """Write ``record.json`` whole, in the place of a former one."""
    text = TypeAdapter(Record).dump_json(record, indent=2).decode() + "\n"
    write_whole(folder / RECORD_FILE, text)


def read_record(path: Path) -> Record:
    """Read a record.

    Args:
        path: The file, or a folder that holds it as ``record.json``.

    Raises:
        ValueError: If it is missing or not a record; the message names the file.
    """
    path = path / RECORD_FILE if path.is_dir() else path
    try:
        return TypeAdapter(Record).validate_python(_upgraded(json.loads(path.read_bytes())))
    except OSError as error:
        raise ValueError(f"cannot read {path}: {error.strerror}") from error
    except ValidationError as error:
        first = error.errors()[0]
        told = ".".join(str(part) for part in first["loc"]), first["msg"]
        what = ": ".join(filter(None, told))
        raise ValueError(f"{path} is not a load test's record: {what}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path} is not a load test's record: {error!r}") from error


def write_whole(path: Path, text: str) -> None:
    """Write a file in one step: it is never seen half-written."""
    staging = path.with_name(f".{path.name}.part")
    staging.write_text(text, encoding="utf-8")
    staging.replace(path)


def _upgraded(document: Any) -> Any:
    """Records written before there were scenarios are of ``/score`` alone."""
    if not isinstance(document, dict) or "scenarios" in document or "models" not in document:
        return document
    names = [model["name"] for model in document["models"]]
    contenders = [{"name": name, "models": {"score": name}} for name in names]
    scenario = {"name": "score", "weights": {"score": 1.0}, "contenders": contenders}
    of_score = {"scenario": "score", "task": "score", "right": None}
    rows = [of_score | row for row in document.get("rows", [])]
    return document | {"scenarios": [scenario], "rows": rows}
