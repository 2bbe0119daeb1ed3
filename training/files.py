"""Files that are either the old one or the new one, never half of it."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

__all__ = ["remove_leftovers", "write_json", "write_whole"]

_STAGING = ".partial"
"""Ends the name of a file that is still being written."""


def write_whole(path: Path, write: Callable[[BinaryIO], object]) -> None:
    """Replace a file by what ``write`` writes, at once and durably.

    Args:
        path: Its folder is made where it does not exist.
        write: Gets the open binary file.

    Raises:
        OSError: If the disk is full or the folder cannot be written; ``path`` is as it was.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    staging = path.with_name(f".{path.name}-{secrets.token_hex(4)}{_STAGING}")
    try:
        with staging.open("xb") as file:
            try:
                write(file)
            except RuntimeError as error:  # torch.save reports a failed write so
                raise OSError(0, f"writing failed ({error})", str(path)) from error
            file.flush()
            os.fsync(file.fileno())
        staging.replace(path)
        _sync_folder(path.parent)
    finally:
        staging.unlink(missing_ok=True)


def write_json(path: Path, document: Any) -> None:
    """`write_whole` of an indented JSON document."""
    text = json.dumps(document, indent=2, ensure_ascii=False) + "\n"
    write_whole(path, lambda file: file.write(text.encode("utf-8")))


def remove_leftovers(folder: Path) -> None:
    """Delete what `write_whole` left in a folder where its process was killed."""
    for staging in folder.glob(f".*{_STAGING}"):
        staging.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
