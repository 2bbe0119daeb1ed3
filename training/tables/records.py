"""Records of finished runs, as small files that are kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from training.config import RunConfig
from training.errors import RunError
from training.files import read_json
from training.tasks import parse_config

__all__ = ["REMARKS_FILE", "Record", "config_of", "read_records", "read_remarks"]

Record = dict[str, Any]
"""The content of a run's ``record.json``."""

REMARKS_FILE = "remarks.json"
"""Beside the records: what is to be said of the tables."""


def config_of(record: Record) -> RunConfig:
    """The config of a recorded run.

    Raises:
        ConfigError: If it is none of today's.
    """
    return parse_config(record["config"], record["name"])


def read_records(folder: Path) -> list[Record]:
    """Every record in a folder, by file name; other JSON files there are passed over.

    Raises:
        RunError: If the folder or a file cannot be read.
    """
    if not folder.is_dir():
        raise RunError(f"no folder {folder}: --records names the one that holds the records")
    documents = [read_json(path) for path in sorted(folder.glob("*.json"))]
    needed = {"config", "metrics", "hidden_sizes"}
    return [d for d in documents if isinstance(d, dict) and needed <= d.keys()]


def read_remarks(folder: Path) -> dict[str, str]:
    """`REMARKS_FILE`: a sentence or more by the key of a section; empty if it is not there.

    Raises:
        RunError: If it cannot be read or is not such a file.
    """
    path = folder / REMARKS_FILE
    if not path.exists():
        return {}
    document = read_json(path)
    if not isinstance(document, dict) or not all(isinstance(v, str) for v in document.values()):
        raise RunError(f"{path} must hold sentences by the keys of sections")
    return document
