"""Files that are either the old one or the new one, never half of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

from issrnn import durable
from training.errors import RunError, reason

__all__ = ["read_json", "remove_leftovers", "write_json", "write_whole"]


def write_whole(path: Path, write: Callable[[BinaryIO], object]) -> None:
    """Replace a file by what ``write`` writes, at once and durably.

    Args:
        path: Its folder is made where it does not exist.
        write: Gets the open binary file.

    Raises:
        RunError: If the disk is full or the folder cannot be written; ``path`` is as it was.
    """

    def written(file: BinaryIO) -> None:
        try:
            write(file)
        except RuntimeError as error:  # torch.save reports a failed write so
            raise OSError(0, f"writing failed ({error})", str(path)) from error

    try:
        durable.write_whole(path, written)
    except OSError as error:
        raise RunError(f"cannot write {path}: {reason(error)}") from error


def write_json(path: Path, document: Any) -> None:
    """`write_whole` of an indented JSON document, with the same errors."""
    text = json.dumps(document, indent=2, ensure_ascii=False) + "\n"
    write_whole(path, lambda file: file.write(text.encode("utf-8")))


def read_json(path: Path) -> Any:
    """The content of a JSON file.

    Raises:
        RunError: If it cannot be read or is no JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise RunError(f"cannot read {path}: {reason(error)}") from error
    except ValueError as error:
        raise RunError(f"{path} is damaged: {error}") from error


def remove_leftovers(folder: Path) -> None:
    """Delete what `write_whole` left in a folder where its process was killed."""
    for staging in folder.glob(f".*{durable.PARTIAL}"):
        staging.unlink(missing_ok=True)
