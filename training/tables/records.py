"""Records of finished runs, as small files that are kept."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from training.errors import RunError, reason

__all__ = ["Record", "read_records"]

Record = dict[str, Any]
"""The content of a run's ``record.json``."""


def read_records(folder: Path) -> list[Record]:
    """Every record in a folder, by file name; other JSON files there are passed over.

    Raises:
        RunError: If the folder or a file cannot be read.
    """
    if not folder.is_dir():
        raise RunError(f"no folder {folder}: --records names the one that holds the records")
    documents = []
    for path in sorted(folder.glob("*.json")):
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise RunError(f"cannot read {path}: {reason(error)}") from error
        except ValueError as error:
            raise RunError(f"{path} is damaged: {error}") from error
        if isinstance(document, dict) and {"config", "metrics", "hidden_sizes"} <= document.keys():
            documents.append(document)
    return documents
